"""Would decoding the base, without training, have done? At the same price, and whatever the price."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from beyond_sharpening.analysis.contract import BASE, settling

DecodingCode = Literal["at no higher price", "at a higher price", "no", "undetermined", "mixed", "not evaluated"]

SAME_PRICE = 1.05
"""A decoder's completion may cost this much more of the policy's own before its price is called higher."""


def decoding_answers(
    comparisons: pd.DataFrame, estimates: pd.DataFrame, subject: str, margin: float, level: float
) -> pd.DataFrame:
    """One row a benchmark on which the policy was compared with decoders of its base.

    A decoder *does as well* if that the policy gains the margin over it is rejected (one-sided, adjusted); the price
    is the tokens that a model processes for a completion.

    Returns:
        ``benchmark``, ``answer``: *at no higher price* if a decoder no dearer than one sample of the policy does as
        well; *at a higher price* if only a dearer one does, or one of unknown price; *no* if the policy is better than
        every decoder by the margin or more at the level (adjusted); else *undetermined*. ``by`` names the decoder, in
        words that continue the answer.
    """
    against = comparisons[comparisons["a"].eq(subject) & comparisons["b"].str.startswith(f"{BASE}/")]
    price = _prices(estimates)
    rows = []
    for benchmark, contrasts in against.groupby("benchmark", observed=True, sort=False):
        own = price.get((subject, "temperature", str(benchmark)), np.nan)
        paid = [price.get((BASE, str(name).split("/")[1], str(benchmark)), np.nan) for name in contrasts["b"]]
        contrasts = contrasts.assign(price=np.array(paid, float) / own)
        as_good = contrasts[contrasts["p_no_gain_adjusted"] < level]
        fair = as_good[as_good["price"] <= SAME_PRICE]
        beaten = contrasts["p_adjusted"].lt(level) & contrasts["difference"].ge(margin)
        answer, by = "undetermined", ""
        if len(fair):
            answer, by = "at no higher price", _by(fair)
        elif len(as_good):
            answer, by = "at a higher price", _by(as_good)
        elif beaten.all():
            answer = "no"
        rows.append({"benchmark": benchmark, "answer": answer, "by": by})
    return pd.DataFrame(rows, columns=["benchmark", "answer", "by"])


def _prices(estimates: pd.DataFrame) -> dict[tuple[str, str, str], float]:
    """Tokens that a completion costs, by (policy, decoder, benchmark), at the last checkpoint."""
    rows = estimates[estimates["checkpoint"] == "last"] if "checkpoint" in estimates else settling(estimates)
    if "mean_forward_tokens" not in rows:
        return {}
    keys = zip(rows["policy"].map(str), rows["decoder"].map(str), rows["benchmark"].map(str), strict=True)
    return dict(zip(keys, rows["mean_forward_tokens"].astype(float), strict=True))


def _by(as_good: pd.DataFrame) -> str:
    best = as_good.nsmallest(1, "difference").to_dict("records")[0]
    price = f" at {best['price']:.1f} times the price" if np.isfinite(best["price"]) else ", of unknown price"
    return f", by {best['b'].split('/')[1]}{price}"


def decoding_code(answers: pd.DataFrame) -> DecodingCode:
    """The answer over all benchmarks; mixed where they differ."""
    different = list(dict.fromkeys(answers["answer"]))
    if not different:
        return "not evaluated"
    return different[0] if len(different) == 1 else "mixed"


def decoding_clause(answers: pd.DataFrame) -> str:
    """The answer as the end of the headline; empty where decoding was not evaluated."""
    count, n = answers["answer"].value_counts(), len(answers)
    done = int(count.get("at no higher price", 0) + count.get("at a higher price", 0))
    if n == 0:
        return ""
    if done == 0:
        no = int(count.get("no", 0))
        return (
            "and decoding the base would not have done"
            if no == n
            else "and whether decoding the base would have done is open"
        )
    price = "at no higher price" if count.get("at no higher price", 0) == done else "at some price"
    return f"and decoding the base, without training, would have done {price} on {done} of {n} benchmarks"
