"""Will sharpening help? Predicted from base samples alone, before any training, and held against what happened.

For the tempered family q_α ∝ p^α, the accuracy A of a problem has dA/dα = Cov_q(R, log p) (``docs/theory.md``,
proposition 3). At α = 1 that is a covariance under the base itself, so the base's own samples estimate it: sharpening
helps, to first order, where correct completions are the likelier ones.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from beyond_sharpening.analysis.contract import BASE, REFERENCE_DECODER
from beyond_sharpening.analysis.families import RIVALS
from beyond_sharpening.analysis.intervals import t_interval
from beyond_sharpening.analysis.rows import Samples, count_samples

SHARPENED = (*RIVALS, f"{BASE}/low_temperature")
"""The arms, as ``compare_arms`` names them, that sharpen the base: by either objective, or token by token."""

PREDICTION_COLUMNS = ["model", "benchmark", "n_problems", "slope", "ci_low", "ci_high", "effect"]
OUTCOME_COLUMNS = [
    *["model", "benchmark", "arm", "variant"],
    *["predicted", "difference", "ci_low", "ci_high", "observed", "agreement"],
]


def predicted_effect(samples: Samples) -> pd.DataFrame:
    """The slope dA/dα at α = 1 of each benchmark's accuracy, estimated from the base's samples at temperature 1.

    A problem's slope is the unbiased covariance (divisor n − 1) of correctness and log π_ref over its n samples, of
    both replicates; the benchmark's is their mean, with a 95 % t interval over problems. Problems with fewer than two
    samples of known log-probability are left out.

    Args:
        samples: a samples table that passes ``validate_samples``, or its counts.

    Returns:
        One row a (model, benchmark): ``n_problems``, ``slope`` (accuracy per unit of α), ``ci_low``, ``ci_high``, and
        ``effect``: raise | lower where the interval excludes 0, else unclear.
    """
    counts = count_samples(samples)
    drawn = counts[(counts["policy"] == BASE) & (counts["decoder"] == REFERENCE_DECODER)]
    known = drawn[drawn["n_known"] > 0]
    rows = []
    for (model, benchmark), part in known.groupby(["model", "benchmark"], observed=True):
        slopes = _covariances(part)
        if slopes.size:
            rows.append({"model": model, "benchmark": benchmark} | _mean_slope(slopes))
    return pd.DataFrame(rows, columns=PREDICTION_COLUMNS)


def _covariances(counts: pd.DataFrame) -> np.ndarray:
    """Cov(R, log π_ref) within each problem, (P,)."""
    sums = counts.groupby("problem_id", observed=True)[["n_known", "n_known_correct", "logp_base", "correct_logp_base"]]
    n, right, logp, right_logp = sums.sum().query("n_known > 1").to_numpy().T
    return (right_logp - right * logp / n) / (n - 1)


def _mean_slope(slopes: np.ndarray) -> dict[str, object]:
    n_problems, slope = len(slopes), float(slopes.mean())
    variance = float(slopes.var(ddof=1)) / n_problems if n_problems > 1 else 0.0
    low, high = t_interval(slope, variance, n_problems - 1, bound=np.inf)
    interval = {"ci_low": low, "ci_high": high}
    return {"n_problems": n_problems, "slope": slope} | interval | {"effect": _direction(low, high)}


def _direction(low: float, high: float) -> str:
    return "raise" if low > 0 else "lower" if high < 0 else "unclear"


def prediction_outcomes(prediction: pd.DataFrame, comparisons: pd.DataFrame) -> pd.DataFrame:
    """What was predicted beside what happened to the arms in ``SHARPENED``.

    Args:
        prediction: from ``predicted_effect``.
        comparisons: from ``compare_arms``, of the same samples.

    Returns:
        One row a (model, benchmark, arm) that was compared with the base: ``predicted`` and ``observed`` (raise |
        lower | unclear), the ``difference`` in accuracy with its 95 % interval, and ``agreement``: same sign |
        opposite sign where both intervals exclude 0, else undecided.
    """
    measured = comparisons[comparisons["a"].isin(SHARPENED) & (comparisons["b"] == BASE)]
    measured = measured.rename(columns={"a": "arm", "variant_a": "variant"})
    measured = measured[["model", "benchmark", "arm", "variant", "difference", "ci_low", "ci_high"]]
    predicted = prediction[["model", "benchmark", "effect"]].rename(columns={"effect": "predicted"})
    outcomes = measured.merge(predicted, on=["model", "benchmark"])
    intervals = zip(outcomes["ci_low"], outcomes["ci_high"], strict=True)
    outcomes["observed"] = [_direction(low, high) for low, high in intervals]
    pairs = zip(outcomes["predicted"], outcomes["observed"], strict=True)
    outcomes["agreement"] = [_agreement(*pair) for pair in pairs]
    return outcomes[OUTCOME_COLUMNS]


def _agreement(predicted: str, observed: str) -> str:
    if "unclear" in (predicted, observed):
        return "undecided"
    return "same sign" if predicted == observed else "opposite sign"


def prediction_lines(prediction: pd.DataFrame) -> list[str]:
    """The prediction in words, one line a benchmark."""
    words = {"raise": "predicted to raise", "lower": "predicted to lower", "unclear": "not predicted to change"}
    return [
        f"sharpening is {words[row['effect']]} accuracy on {row['benchmark']}: "
        f"dA/dα = {row['slope']:+.3f} [{_interval(row['ci_low'], row['ci_high'])}] at α = 1"
        for row in prediction.to_dict("records")
    ]


def _interval(low: float, high: float) -> str:
    return "–" if np.isnan(low) else f"{low:+.3f}, {high:+.3f}"
