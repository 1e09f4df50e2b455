"""The machine-readable summary, ``summary.json``."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

ROW_KEYS = ("policy", "variant", "checkpoint", "decoder", "benchmark", "pass@1", "ci_low", "ci_high", "ci_unit")
COUNT_KEYS = ("mean_tokens", "n_seeds", "n_problems", "n_samples")
COMPARISON_KEYS = (
    "a",
    "b",
    "variant_a",
    "variant_b",
    "benchmark",
    "difference",
    "ci_low",
    "ci_high",
    "p_value",
    "p_adjusted",
)
CLAIM_KEYS = ("family", "unit", "test", "claim", "n_seeds_a", "n_seeds_b", "n_problems")
STRENGTH_KEYS = (
    "ci_low_adjusted",
    "ci_high_adjusted",
    "detectable",
    "p_equivalent_adjusted",
    "n_left_out",
    "left_out",
    "warning",
)


def summary(
    estimates: pd.DataFrame,
    comparisons: pd.DataFrame,
    model: str,
    seeds: Sequence[int],
    mechanism: pd.DataFrame | None = None,
) -> dict[str, Any]:
    """The results as plain values, ready for ``json.dumps(..., allow_nan=False)``.

    Args:
        estimates: one row a (policy, variant, checkpoint, decoder, benchmark), with ``pass@k`` and ``maj@k``
            for each k that was asked for (0..1; NaN where a decoder has fewer than k samples a problem).
        comparisons: one row a contrast and benchmark; may be empty.
        model: the start model's name.
        seeds: the training seeds.
        mechanism: one row a policy and benchmark: what training did.

    Returns:
        ``{"model", "seeds", "rows": [...], "comparisons": [...], "mechanism": [...]}``; what was not measured is None.

    Raises:
        KeyError: if a frame lacks a column.
    """
    at_k = [column for column in estimates.columns if re.fullmatch(r"(pass|maj)@\d+", column) and column != "pass@1"]
    return {
        "model": model,
        "seeds": list(seeds),
        "rows": _records(estimates, [*ROW_KEYS, *at_k, *COUNT_KEYS]),
        "comparisons": _records(comparisons, [*COMPARISON_KEYS, *CLAIM_KEYS, *STRENGTH_KEYS])
        if len(comparisons)
        else [],
        "mechanism": [] if mechanism is None else _records(mechanism, list(mechanism.columns)),
    }


def _records(frame: pd.DataFrame, columns: list[str]) -> list[dict[str, Any]]:
    records = frame[columns].to_dict("records")
    return [{str(key): _plain(value) for key, value in record.items()} for record in records]


def _plain(value: Any) -> Any:
    """JSON knows no NaN, no infinity and nothing of NumPy's: None, or Python's own."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
