"""Every row of the estimates."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from beyond_sharpening.reporting.blocks import Section, Table
from beyond_sharpening.reporting.frames import most_samples, pass_at_1
from beyond_sharpening.reporting.labels import Arm, arm_looks, decoder_label, rank
from beyond_sharpening.reporting.numbers import percent

if TYPE_CHECKING:
    import pandas as pd

    from beyond_sharpening.reporting.results import Results


def section(results: Results) -> Section:
    return Section("All numbers", [table(results.estimates, most_samples(results.curves))], appendix=True)


def table(estimates: pd.DataFrame, k: int) -> Table:
    """All policies, checkpoints and decoders."""
    looks = arm_looks(estimates)
    at_k = [f"pass@{k}", f"maj@{k}"] if k > 1 else []
    rows = [
        [
            looks[Arm(row["policy"], row["variant"])].label,
            row["checkpoint"],
            decoder_label(row["decoder"]),
            row["benchmark"],
            pass_at_1(row),
            *(percent(row[name]) for name in at_k),
            "–" if math.isnan(row["mean_tokens"]) else f"{row['mean_tokens']:.1f}",
            *(percent(row[name]) for name in ("truncated_rate", "unparsable_rate", "timeout_rate")),
        ]
        for row in sorted(estimates.to_dict("records"), key=lambda row: rank(row["policy"]))
    ]
    header = ["policy", "checkpoint", "decoder", "benchmark", "pass@1", *at_k, "tokens"]
    return without_dashes(Table([*header, "cut short", "unreadable", "timed out"], rows, n_text=4))


def without_dashes(table: Table) -> Table:
    """A table without the columns of numbers that nobody has."""
    kept = [i for i in range(len(table.header)) if i < table.n_text or {row[i] for row in table.rows} - {"–"}]
    return Table([table.header[i] for i in kept], [[row[i] for i in kept] for row in table.rows], table.n_text)
