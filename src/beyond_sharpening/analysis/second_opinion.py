"""A second opinion on a contrast: a mixed logistic model of single verdicts, where it converges."""

from __future__ import annotations

import numpy as np
import pandas as pd

from beyond_sharpening.analysis.contract import settling
from beyond_sharpening.analysis.families import asked_about
from beyond_sharpening.analysis.rows import Samples, count_samples

MAX_ROWS = 8_000
"""Of both policies on a benchmark; the time of a fit grows faster than its rows: one of 6,400 takes a second or two."""

COLUMNS = ["model", "benchmark", "a", "b", "log_odds", "deviation", "seed_deviation", "note"]


def second_opinions(samples: Samples, comparisons: pd.DataFrame) -> pd.DataFrame:
    """``mixed_logistic`` on each primary contrast that is asked about (``asked_about``).

    Args:
        samples: a samples table, of one variant a policy, or its counts.
        comparisons: from ``compare_arms``, of the same samples.
    """
    counts = count_samples(samples)
    pairs = asked_about(comparisons)[["a", "b"]].drop_duplicates().itertuples(index=False, name=None)
    found = [mixed_logistic(counts, str(a), str(b)) for a, b in pairs]
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=COLUMNS)


def mixed_logistic(samples: Samples, a: str, b: str) -> pd.DataFrame:
    """The log odds ratio of a over b on each benchmark, with problems and training seeds as random intercepts.

    ``statsmodels``' ``BinomialBayesMixedGLM``, fitted by variational Bayes: posterior mean and deviation. It is a
    check of the sign and size of ``compare_arms``, on another scale and with other assumptions, not a rival to it:
    variational deviations are too small where seeds are few.

    Returns:
        One row a (model, benchmark): ``log_odds``, ``deviation``, ``seed_deviation`` (of the seeds' intercepts, in
        logits), and ``note``: empty, or why there is no fit (NaN): too many rows, no spread, no convergence.
    """
    rows = []
    drawn = settling(count_samples(samples))
    drawn = drawn[drawn["policy"].isin([a, b])]
    for (model, benchmark), part in drawn.groupby(["model", "benchmark"], observed=True):
        rows.append({"model": model, "benchmark": benchmark, "a": a, "b": b} | _fit(part, a))
    return pd.DataFrame(rows, columns=COLUMNS)


def _fit(part: pd.DataFrame, a: str) -> dict[str, object]:
    from statsmodels.genmod.bayes_mixed_glm import BinomialBayesMixedGLM

    absent: dict[str, object] = dict.fromkeys(("log_odds", "deviation", "seed_deviation"), np.nan)
    n_rows, n_correct = part["n_samples"].sum(), part["n_correct"].sum()
    if n_rows > MAX_ROWS:
        return absent | {"note": f"{n_rows} rows, more than {MAX_ROWS}"}
    if n_correct in (0, n_rows) or part["policy"].nunique() < 2:
        return absent | {"note": "nothing varies"}
    verdicts = np.stack([part["n_correct"], part["n_samples"] - part["n_correct"]], axis=1)
    part = part.iloc[np.repeat(np.arange(len(part)), part["n_samples"])]
    data = pd.DataFrame(
        {
            "correct": np.repeat(np.tile([1.0, 0.0], len(verdicts)), verdicts.ravel()),
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
