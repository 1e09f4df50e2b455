"""What each decoder cost and how it fared."""

from __future__ import annotations

import json
from math import nan

import pandas as pd

from beyond_sharpening.analysis.contract import CELL
from beyond_sharpening.analysis.rows import Samples, rows_of

# Vehtari et al. (arXiv 1903.08008) ask for 1.01 with long chains; 1.1 is the older, laxer rule.
RHAT_LIMIT = 1.1
ESS_LIMIT = 0.1

COST_COLUMNS = [
    *["model", "benchmark", "decoder", "forward_tokens", "tokens", "pass@1", "ci_low", "ci_high", "k", "vote"],
]


def decoder_diagnostics(samples: Samples) -> pd.DataFrame:
    """What the decoders told of themselves, of replicate 0: one row a (cell, diagnostic).

    Columns: those that name the cell, ``diagnostic``, ``mean``, ``median``, ``low`` and ``high`` (5 and 95 %), over
    completions, and ``warning``, text where the median says that the decoder did not reach its target (empty
    elsewhere). No rows for tables without a column ``diagnostics`` of JSON objects.
    """
    columns = [*CELL, "diagnostic", "mean", "median", "low", "high", "warning"]
    rows, found = rows_of(samples), []
    drawn = rows.counts[rows.counts["replicate"] == 0]
    for key, cell in drawn.groupby(CELL, observed=True):
        told = rows.read(["diagnostics"], cell).get("diagnostics", pd.Series(dtype=object)).dropna()
        values = pd.DataFrame([json.loads(text) for text in told[~told.isin(["{}"])]])
        for name in values.columns:
            value = values[name].dropna()
            low, median, high = value.quantile([0.05, 0.5, 0.95])
            statistics = {"mean": value.mean(), "median": median, "low": low, "high": high}
            names = dict(zip(CELL, key, strict=True)) | {"diagnostic": name}
            found.append(names | statistics | {"warning": _warning(str(name), median)})
    return pd.DataFrame(found, columns=columns)


def _warning(name: str, median: float) -> str:
    if name == "rhat" and median > RHAT_LIMIT:
        return f"the chains have not mixed: split-R̂ {median:.2f}, to be below {RHAT_LIMIT}"
    if name == "acceptance" and median == 0:
        return "the chains have not moved: no proposal was accepted"
    if name == "ess" and median < ESS_LIMIT:
        return f"few draws carry all the weight: effective sample size {median:.0%} of the pool"
    return ""


def decoder_costs(estimates: pd.DataFrame, curves: pd.DataFrame) -> pd.DataFrame:
    """What a completion of each of the base's decoders costs, beside a majority vote for the same price.

    Args:
        estimates: ``mean_forward_tokens`` is the cost of a completion, in tokens that the model processed.
        curves: maj@k of plain samples (``temperature``). A vote reads the prompt once: its price is that of one sample
            and the tokens of k − 1 further ones.

    Returns:
        One row a (model, benchmark, decoder) of the base, last checkpoint, where the cost is known:
        ``forward_tokens``, ``tokens`` (of the completion), ``pass@1``, ``ci_low``, ``ci_high``, ``k`` (the largest on
        the curve that costs no more; 1 for what is cheaper than one sample) and ``vote``, maj@k. NaN without plain
        samples.
    """
    base = estimates[(estimates["policy"] == "base") & (estimates["checkpoint"] == "last")]
    base = base.dropna(subset=["mean_forward_tokens"])
    votes = curves[(curves["policy"] == "base") & (curves["decoder"] == "temperature")]
    keys = ["model", "benchmark"]
    plain = base[base["decoder"] == "temperature"][[*keys, "mean_forward_tokens", "mean_tokens"]]
    votes = votes.merge(plain, on=keys)
    votes["price"] = votes["mean_forward_tokens"] + (votes["k"] - 1) * votes["mean_tokens"]
    rows = []
    for arm in base.to_dict("records"):
        ours = votes[(votes["model"] == arm["model"]) & (votes["benchmark"] == arm["benchmark"])]
        affordable = ours[(ours["price"] <= arm["mean_forward_tokens"] * (1 + 1e-9)) | (ours["k"] == 1)]
        best = affordable.nlargest(1, "k")[["k", "maj_at_k"]].to_dict("records") or [{"k": nan, "maj_at_k": nan}]
        row = {name: arm[name] for name in (*keys, "decoder", "pass@1", "ci_low", "ci_high")}
        cost = {"forward_tokens": arm["mean_forward_tokens"], "tokens": arm["mean_tokens"]}
        rows.append(row | cost | {"k": best[0]["k"], "vote": best[0]["maj_at_k"]})
    return pd.DataFrame(rows, columns=COST_COLUMNS)
