"""A second opinion on a contrast: a mixed logistic model of single verdicts, where it converges."""

from __future__ import annotations

import numpy as np
import pandas as pd

from beyond_sharpening.analysis.contract import settling
from beyond_sharpening.analysis.families import asked_about

MAX_ROWS = 8_000
"""Of both policies on a benchmark; the time of a fit grows faster than its rows: one of 6,400 takes a second or two."""

COLUMNS = ["model", "benchmark", "a", "b", "log_odds", "deviation", "seed_deviation", "note"]


def second_opinions(samples: pd.DataFrame, comparisons: pd.DataFrame) -> pd.DataFrame:
    """``mixed_logistic`` on each primary contrast that is asked about (``asked_about``).

    Args:
        samples: a samples table, of one variant a policy.
        comparisons: from ``compare_arms``, of the same samples.
    """
    pairs = asked_about(comparisons)[["a", "b"]].drop_duplicates().itertuples(index=False, name=None)
    found = [mixed_logistic(samples, str(a), str(b)) for a, b in pairs]
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=COLUMNS)


def mixed_logistic(samples: pd.DataFrame, a: str, b: str) -> pd.DataFrame:
    """The log odds ratio of a over b on each benchmark, with problems and training seeds as random intercepts.

    ``statsmodels``' ``BinomialBayesMixedGLM``, fitted by variational Bayes: posterior mean and deviation. It is a
    check of the sign and size of ``compare_arms``, on another scale and with other assumptions, not a rival to it:
    variational deviations are too small where seeds are few.

    Returns:
        One row a (model, benchmark): ``log_odds``, ``deviation``, ``seed_deviation`` (of the seeds' intercepts, in
        logits), and ``note``: empty, or why there is no fit (NaN): too many rows, no spread, no convergence.
    """
    rows = []
    drawn = settling(samples)
    drawn = drawn[drawn["policy"].isin([a, b])]
    for (model, benchmark), part in drawn.groupby(["model", "benchmark"], observed=True):
        rows.append({"model": model, "benchmark": benchmark, "a": a, "b": b} | _fit(part, a))
    return pd.DataFrame(rows, columns=COLUMNS)


def _fit(part: pd.DataFrame, a: str) -> dict[str, object]:
    from statsmodels.genmod.bayes_mixed_glm import BinomialBayesMixedGLM

    absent: dict[str, object] = dict.fromkeys(("log_odds", "deviation", "seed_deviation"), np.nan)
    if len(part) > MAX_ROWS:
        return absent | {"note": f"{len(part)} rows, more than {MAX_ROWS}"}
    if part["correct"].nunique() < 2 or part["policy"].nunique() < 2:
        return absent | {"note": "nothing varies"}
    data = pd.DataFrame(
        {
            "correct": part["correct"].to_numpy(float),
            "ours": part["policy"].eq(a).to_numpy(float),
            "problem": part["problem_id"].astype(str).to_numpy(),
            "seed": (part["policy"].astype(str) + "/" + part["train_seed"].astype(str)).to_numpy(),
        }
    )
    terms = {"problem": "0 + C(problem)", "seed": "0 + C(seed)"}
    try:
        fit = BinomialBayesMixedGLM.from_formula("correct ~ ours", terms, data).fit_vb()
    except (ValueError, np.linalg.LinAlgError) as error:
        return absent | {"note": f"no convergence: {error}"}
    converged = bool(np.isfinite(fit.fe_mean).all() and np.abs(fit.fe_mean).max() < 20)
    if not converged:
        return absent | {"note": "no convergence"}
    return {
        "log_odds": float(fit.fe_mean[1]),
        "deviation": float(fit.fe_sd[1]),
        "seed_deviation": float(np.exp(fit.vcp_mean[1])),
        "note": "",
    }
