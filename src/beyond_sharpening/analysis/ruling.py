"""The verdict: what the primary contrasts decide, by a rule written down before looking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from beyond_sharpening.analysis.contrasts import BASE, GREEDY, REFERENCE_DECODER, RIVALS

if TYPE_CHECKING:
    import pandas as pd

SIGNIFICANT = 0.05
MARGIN = 0.02
"""The smallest difference in pass@1 worth a claim: about what five seeds can detect on 500 problems."""

Code = Literal["beyond sharpening objectives", "sharpening suffices", "no gain", "undetermined"]

HEADLINES: dict[Code, str] = {
    "beyond sharpening objectives": "Task reward gained more than both sharpening objectives did",
    "sharpening suffices": "A sharpening objective gained, and task reward added nothing that matters to it",
    "no gain": "Task reward brought no gain that matters over the base",
    "undetermined": "Undetermined: these samples do not decide between task reward and sharpening",
}


@dataclass(frozen=True)
class Verdict:
    """The answer in words.

    Attributes:
        headline: one sentence, with the claim's scope, and whether decoding alone does better somewhere.
        lines: three short lines: the gain over the base, the rivals, cheaper decoding.
        note: which uncertainty the intervals and p-values measure.
        code: which branch of the rule applied.
    """

    headline: str
    lines: list[str]
    note: str
    code: Code


def verdict(comparisons: pd.DataFrame, estimates: pd.DataFrame) -> Verdict:
    """Decide from the primary contrasts, at Holm-adjusted p < 0.05; the first branch that holds wins.

    - *beyond sharpening objectives*: on at least one benchmark task reward is better, by MARGIN or more, than
      the base, and than sharpening, and than tempered; on none is it worse than any of them.
    - *sharpening suffices*: sharpening or tempered is better than the base on at least one benchmark and
      worse on none, and on every benchmark the 95 % interval of task reward minus it stays below MARGIN.
    - *no gain*: on every benchmark the interval of task reward minus base stays below MARGIN.
    - *undetermined*: anything else. A difference that is not significant is not the absence of one.

    "Beyond" here is about the *objectives compared*, at their coefficients. Whether task reward solves
    what the base cannot is another question, which pass@1 does not answer.

    Args:
        comparisons: from ``compare_arms``.
        estimates: from ``estimates``, of the same samples.

    Raises:
        ValueError: if the comparisons are of several models; give one model's at a time.
    """
    models = sorted(comparisons["model"].unique())
    if len(models) > 1:
        raise ValueError(f"a verdict is about one model; these comparisons are of {', '.join(models)}: select one")
    primary = comparisons[comparisons["family"] == "primary"]
    code = _code(primary)
    contrasts = {rival: _contrast(primary, "task_reward", rival) for rival in (BASE, *RIVALS)}
    ours = primary[primary["a"].eq("task_reward")]
    secondary = comparisons[comparisons["family"] == "secondary"]
    lines = [_gain_line(contrasts[BASE], estimates), _rivals_line(contrasts), _decoding_line(secondary)]
    headline = HEADLINES[code] + _decoding_clause(secondary)
    return Verdict(f"{headline} ({_scope(ours)}).", lines, _uncertainty_note(ours), code)


def _code(primary: pd.DataFrame) -> Code:
    task_reward = {rival: _contrast(primary, "task_reward", rival) for rival in (BASE, *RIVALS)}
    won = [set(_better(contrast)[lambda rows: rows["difference"] >= MARGIN].index) for contrast in task_reward.values()]
    lost = any(len(_worse(contrast)) for contrast in task_reward.values())
    if set.intersection(*won) and not lost:
        return "beyond sharpening objectives"
    benchmarks = set(task_reward[BASE].index)
    if any(_suffices(_contrast(primary, rival, BASE), task_reward[rival], benchmarks) for rival in RIVALS):
        return "sharpening suffices"
    if _adds_nothing(task_reward[BASE]):
        return "no gain"
    return "undetermined"


def _contrast(primary: pd.DataFrame, a: str, b: str) -> pd.DataFrame:
    """The rows of a minus b, by benchmark."""
    return primary[primary["a"].eq(a) & primary["b"].eq(b)].set_index("benchmark")


def _better(contrast: pd.DataFrame) -> pd.DataFrame:
    return contrast[(contrast["p_adjusted"] < SIGNIFICANT) & (contrast["difference"] > 0)]


def _worse(contrast: pd.DataFrame) -> pd.DataFrame:
    return contrast[(contrast["p_adjusted"] < SIGNIFICANT) & (contrast["difference"] < 0)]


def _suffices(over_base: pd.DataFrame, task_reward_over: pd.DataFrame, benchmarks: set[str]) -> bool:
    """Whether a rival gained over the base, and task reward gained nothing over it on any benchmark."""
    gains = len(_better(over_base)) > 0 and len(_worse(over_base)) == 0
    return gains and benchmarks <= set(task_reward_over.index) and _adds_nothing(task_reward_over)


def _adds_nothing(contrast: pd.DataFrame) -> bool:
    """On every benchmark a gain of MARGIN or more is outside the interval."""
    return len(contrast) > 0 and bool((contrast["ci_high"] < MARGIN).all())


def _gain_line(contrast: pd.DataFrame, estimates: pd.DataFrame) -> str:
    """Task reward against the base, with the benchmark where the difference is largest."""
    if contrast.empty:
        return "Task reward against the base: not evaluated."
    row = contrast.iloc[int(contrast["difference"].abs().argmax())]
    before = _accuracy(estimates, BASE, row["variant_b"], str(row.name))
    after = _accuracy(estimates, "task_reward", row["variant_a"], str(row.name))
    return (
        f"Task reward against the base: {_tally(contrast)}; largest change on {row.name}, "
        f"{100 * before:.1f} % to {100 * after:.1f} % "
        f"({100 * row['difference']:+.1f} points [{100 * row['ci_low']:+.1f}, {100 * row['ci_high']:+.1f}])."
    )


def _accuracy(estimates: pd.DataFrame, policy: str, variant: str, benchmark: str) -> float:
    wanted = {"policy": policy, "variant": variant, "checkpoint": "last", "decoder": REFERENCE_DECODER}
    rows = estimates[estimates["benchmark"] == benchmark]
    for column, value in wanted.items():
        rows = rows[rows[column] == value]
    return float(rows["pass@1"].iloc[0])


def _rivals_line(contrasts: dict[str, pd.DataFrame]) -> str:
    tallies = [f"{rival}: {_tally(contrasts[rival])}" for rival in RIVALS if len(contrasts[rival])]
    return f"Task reward against {'; against '.join(tallies) or 'sharpening objectives: not evaluated'}."


def _decoding_clause(secondary: pd.DataFrame) -> str:
    """Where decoding the base, without training, is better than task reward by MARGIN or more; Bonferroni-adjusted."""
    against = secondary[secondary["a"].eq("task_reward") & secondary["b"].str.startswith(f"{BASE}/")]
    adjusted = against.assign(p_adjusted=(against["p_value"] * len(against)).clip(upper=1))
    beaten = _worse(adjusted)[lambda rows: rows["difference"] <= -MARGIN]["benchmark"].nunique()
    if not beaten:
        return ""
    benchmarks = against["benchmark"].nunique()
    return f"; but decoding the base, without training, does better on {beaten} of {benchmarks} benchmarks"


def _decoding_line(secondary: pd.DataFrame) -> str:
    """Task reward against the base's most likely next tokens, which cost no training; p-values as they are."""
    secondary = secondary.assign(p_adjusted=secondary["p_value"])
    greedy_base = f"{BASE}/{GREEDY}"
    ours = {"one sample": "task_reward", "both decoded greedily": f"task_reward/{GREEDY}"}
    contrasts = {label: _contrast(secondary, arm, greedy_base) for label, arm in ours.items()}
    tallies = [f"{label}: {_tally(contrast)}" for label, contrast in contrasts.items() if len(contrast)]
    return f"Task reward against greedy decoding of the base, {'; '.join(tallies) or 'not evaluated'}."


def _tally(contrast: pd.DataFrame) -> str:
    better, worse = len(_better(contrast)), len(_worse(contrast))
    lost = f", worse on {worse}" if worse else ""
    return f"better on {better} of {len(contrast)} benchmarks{lost}"


def _uncertainty_note(ours: pd.DataFrame) -> str:
    if ours.empty:
        return "Nothing to test: train task reward and evaluate it on the base's problems."
    return (
        f"95 % intervals over {ours['unit'].iloc[0]}s; p-values Holm-adjusted over the primary contrasts of a "
        f"benchmark, at {SIGNIFICANT}. Solving what the base never solves is not tested here."
    )


def _scope(ours: pd.DataFrame) -> str:
    """How far the claim reaches, and the seeds behind it; the narrowest of task reward's contrasts."""
    if ours.empty:
        return "task reward was not compared"
    if ours["claim"].eq("this checkpoint").any():
        return "about this checkpoint, one training seed"
    return f"about the training procedure, {ours['n_seeds_a'].min()} training seeds"
