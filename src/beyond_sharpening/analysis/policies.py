"""The answer for policies that this project did not train: who is better than the base, at one try and at many."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beyond_sharpening.analysis.contract import BASE, REFERENCE_DECODER
from beyond_sharpening.analysis.contrasts import LEVEL
from beyond_sharpening.analysis.doing import did_clause, did_lines, what_each_did
from beyond_sharpening.analysis.ruling import Rule, Verdict

if TYPE_CHECKING:
    import pandas as pd


def policies_verdict(
    comparisons: pd.DataFrame, curves: pd.DataFrame, mechanism: pd.DataFrame | None = None, rule: Rule | None = None
) -> Verdict:
    """Which primary contrasts are decided, at Holm-adjusted p < 0.05, and where the curves of pass@k end.

    Where it is known what each training did to the base, that comes first.

    Args:
        comparisons: from ``compare_arms``, with at least one primary contrast; ``model`` is what the base is called.
        curves: from ``pass_at_k_curves``, of the same samples.
        mechanism: from the function of that name, of the same samples; None where it was not asked.
        rule: the numbers by which both were made, to be printed with the answer.
    """
    primary = comparisons[comparisons["family"] == "primary"]
    names = {BASE: str(primary["model"].iloc[0])}
    contrasts = [rows for _, rows in primary.groupby(["a", "b"], sort=False)]
    tallies = [_tally(*_sides(rows, names), rows) for rows in contrasts]
    scope = "about these checkpoints" if primary["claim"].eq("this checkpoint").any() else "about the trainings"
    lines = [_largest(*_sides(rows, names), rows) for rows in contrasts]
    lines += [line for rows in contrasts if (line := _many_tries(rows, curves, names))]
    note = (
        f"95 % intervals over {primary['unit'].iloc[0]}s, for the primary contrasts of a benchmark together; p-values "
        f"Holm-adjusted over them, at {LEVEL}. A difference that is not significant is not the absence of one."
    )
    did = what_each_did(mechanism)
    known = {policy: name for policy, name in did.items() if name != "undetermined"}
    told = [f"{policy} {did_clause({policy: name}, policy.split(' ')[0])}" for policy, name in known.items()]
    sentences = did_lines(mechanism) if did else []
    headline = f"{'; '.join([*told, *tallies])} ({scope})."
    numbers = (rule or Rule()).model_dump()
    return Verdict(headline, [*sentences, *lines], note, "undetermined", did, sentences, rule=numbers)


def _sides(rows: pd.DataFrame, names: dict[str, str]) -> tuple[str, str]:
    a, b = str(rows["a"].iloc[0]), str(rows["b"].iloc[0])
    return names.get(a, a), names.get(b, b)


def _tally(a: str, b: str, rows: pd.DataFrame) -> str:
    decided = rows[rows["p_adjusted"] < LEVEL]
    better, worse = int((decided["difference"] > 0).sum()), int((decided["difference"] < 0).sum())
    if len(rows) == 1 and better + worse:
        return f"{a} gives {'more' if better else 'fewer'} right answers than {b}"
    told = [f"more on {better}"] * bool(better) + [f"fewer on {worse}"] * bool(worse)
    if told:
        return f"{a} gives {', '.join(told)} of {len(rows)} benchmarks than {b} in right answers"
    return f"{a} and {b} are not told apart in right answers"


def _largest(a: str, b: str, rows: pd.DataFrame) -> str:
    row = rows.iloc[int(rows["difference"].abs().argmax())]
    return (
        f"{a} against {b}: {100 * row['difference']:+.1f} points of right answers "
        f"[{100 * row['ci_low_adjusted']:+.1f}, {100 * row['ci_high_adjusted']:+.1f}] on {row['benchmark']}"
        + (", the largest difference." if len(rows) > 1 else ".")
    )


def _many_tries(rows: pd.DataFrame, curves: pd.DataFrame, names: dict[str, str]) -> str:
    """Problems solved in the most tries that both sides have, on the benchmark that has the most."""
    here = curves[curves["decoder"].eq(REFERENCE_DECODER) & curves["checkpoint"].eq("last")]
    here = here[here["benchmark"].isin(rows["benchmark"]) & (here["k"] > 1)]
    (a, b), keys = (rows["a"].iloc[0], rows["b"].iloc[0]), ["benchmark", "k"]
    both = here[here["policy"] == a].merge(here[here["policy"] == b], on=keys, suffixes=("_a", "_b"))
    if both.empty:
        return ""
    row = both.sort_values("k").iloc[-1]
    return (
        f"With {row['k']} tries {names.get(a, a)} solves {100 * row['pass_at_k_a']:.1f} % of {row['benchmark']}, "
        f"{names.get(b, b)} {100 * row['pass_at_k_b']:.1f} %."
    )
