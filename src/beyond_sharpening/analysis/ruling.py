"""The verdict: what each training did, which objective is better, and whether decoding would have done.

Three questions, answered apart by rules written down before looking: the mechanism's names, the primary contrasts,
and the base's decoders beside the trained policy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from beyond_sharpening.analysis.contract import BASE, settling
from beyond_sharpening.analysis.contrasts import LEVEL, MARGIN
from beyond_sharpening.analysis.doing import did_clause, did_lines, what_each_did, words
from beyond_sharpening.analysis.families import GREEDY, RIVALS, SUBJECT, subject_of
from beyond_sharpening.analysis.mechanisms import Thresholds
from beyond_sharpening.analysis.would_decoding_do import DecodingCode, decoding_answers, decoding_clause, decoding_code

Code = Literal["beyond sharpening objectives", "sharpening suffices", "no gain", "undetermined"]

OUTCOMES: dict[Code, str] = {
    "beyond sharpening objectives": "gained more than {every} did",
    "sharpening suffices": "gained nothing that matters over {a} that gained by itself",
    "no gain": "brought no gain that matters over the base",
    "undetermined": "is not decided against {every} by these samples",
}


class Rule(BaseModel):
    """The verdict's numbers, written down before the run and printed with it."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    margin: Annotated[float, Field(gt=0, lt=1)] = Field(
        default=MARGIN, description="The smallest difference in pass@1 worth a claim."
    )
    level: Annotated[float, Field(gt=0, lt=1)] = Field(default=LEVEL, description="Of every test, after adjustment.")
    mechanism: Thresholds = Field(default_factory=Thresholds, description="What names a training.")


@dataclass(frozen=True)
class Verdict:
    """The answers in words.

    Attributes:
        headline: one sentence from all three answers, with the claim's scope.
        lines: three short lines on which objective is better: the gain over the base, the rivals, cheaper decoding.
        note: which uncertainty the intervals and p-values measure.
        code: which branch of the rule applied to the primary contrasts.
        did: what each training did: policy (with its variant) to its name over all benchmarks.
        did_lines: the same in sentences, with benchmarks and how firm each name is.
        decoding: would decoding have done?
        decoding_lines: the same by benchmark.
        rule: the numbers of the rule.
    """

    headline: str
    lines: list[str]
    note: str
    code: Code
    did: dict[str, str] = field(default_factory=dict)
    did_lines: list[str] = field(default_factory=list)
    decoding: DecodingCode = "not evaluated"
    decoding_lines: list[str] = field(default_factory=list)
    rule: dict[str, Any] = field(default_factory=dict)


def verdict(
    comparisons: pd.DataFrame,
    estimates: pd.DataFrame,
    mechanism: pd.DataFrame | None = None,
    rule: Rule | None = None,
    subject: str | None = None,
    rivals: Sequence[str] | None = None,
) -> Verdict:
    """Answer the three questions.

    *Which objective is better?* from the primary contrasts, at adjusted p below the level; the first that holds:

    - *beyond sharpening objectives*: on at least one benchmark the subject is better, by the margin or more, than
      the base and than every rival; on none is it worse than any of them.
    - *sharpening suffices*: a rival is better than the base on at least one benchmark and worse on none, and on every
      benchmark it is rejected that the subject gains the margin or more over it (one-sided, adjusted p).
    - *no gain*: on every benchmark it is rejected that the subject gains the margin or more over the base.
    - *undetermined*: anything else. A difference that is not significant is not the absence of one.

    "Beyond" here is about the *objectives compared*, at their coefficients. What a training did is the mechanism's
    answer, and *would decoding have done?* that of ``would_decoding_do``.

    Args:
        comparisons: from ``compare_arms``.
        estimates: from ``estimates``, of the same samples.
        mechanism: from ``mechanism``, of the same samples; without it the first answer is missing, and said to be.
        rule: margin, level and thresholds.
        subject: the policy that is asked about; task reward where it is there, else the first of the comparisons.
        rivals: what it is held against; the sharpening objectives, or whatever else it was compared with.

    Raises:
        ValueError: if the comparisons are of several models (give one model's at a time), or were made for another
            margin than the rule's.
    """
    models = sorted(comparisons["model"].unique())
    if len(models) > 1:
        raise ValueError(f"a verdict is about one model; these comparisons are of {', '.join(models)}: select one")
    rule = rule or Rule()
    if other := set(comparisons["margin"]) - {rule.margin}:
        raise ValueError(
            f"the rule's margin is {rule.margin:g}, the comparisons are for {', '.join(map(str, other))}: "
            f"compare_arms(..., margin={rule.margin:g})"
        )
    primary = comparisons[comparisons["family"] == "primary"]
    subject = subject or subject_of(primary)
    rivals = _rivals(primary, subject) if rivals is None else tuple(rivals)
    judge = _Judge(primary, estimates, rule, subject, rivals)
    answers = decoding_answers(comparisons, estimates, subject, rule.margin, rule.level)
    did = what_each_did(mechanism)
    headline = ", ".join(part for part in (did_clause(did, subject), judge.clause(), decoding_clause(answers)) if part)
    return Verdict(
        headline=f"{words(subject)} {headline} ({judge.scope()}).",
        lines=[judge.gain_line(), judge.rivals_line(), _decoding_line(comparisons, subject, rule)],
        note=judge.note(),
        code=judge.code(),
        did=did,
        did_lines=did_lines(mechanism),
        decoding=decoding_code(answers),
        decoding_lines=[f"{row['benchmark']}: {row['answer']}{row['by']}" for row in answers.to_dict("records")],
        rule=rule.model_dump(),
    )


def _rivals(primary: pd.DataFrame, subject: str) -> tuple[str, ...]:
    if subject == SUBJECT:
        return RIVALS
    against = primary.loc[primary["a"].eq(subject) & primary["b"].ne(BASE), "b"]
    return tuple(dict.fromkeys(map(str, against)))


@dataclass(frozen=True)
class _Judge:
    """Which objective is better: the primary contrasts of the subject, under the rule."""

    primary: pd.DataFrame
    estimates: pd.DataFrame
    rule: Rule
    subject: str
    rivals: tuple[str, ...]

    def contrast(self, a: str, b: str) -> pd.DataFrame:
        """The rows of a minus b, by benchmark."""
        return self.primary[self.primary["a"].eq(a) & self.primary["b"].eq(b)].set_index("benchmark")

    def better(self, contrast: pd.DataFrame) -> pd.DataFrame:
        return contrast[(contrast["p_adjusted"] < self.rule.level) & (contrast["difference"] > 0)]

    def worse(self, contrast: pd.DataFrame) -> pd.DataFrame:
        return contrast[(contrast["p_adjusted"] < self.rule.level) & (contrast["difference"] < 0)]

    def adds_nothing(self, contrast: pd.DataFrame) -> bool:
        """On every benchmark a gain of the margin or more is rejected."""
        return len(contrast) > 0 and bool((contrast["p_no_gain_adjusted"] < self.rule.level).all())

    def code(self) -> Code:
        ours = {rival: self.contrast(self.subject, rival) for rival in (BASE, *self.rivals)}
        won = [
            set(self.better(contrast)[lambda rows: rows["difference"] >= self.rule.margin].index)
            for contrast in ours.values()
        ]
        lost = any(len(self.worse(contrast)) for contrast in ours.values())
        if self.rivals and set.intersection(*won) and not lost:
            return "beyond sharpening objectives"
        benchmarks = set(ours[BASE].index)
        if any(self._suffices(self.contrast(rival, BASE), ours[rival], benchmarks) for rival in self.rivals):
            return "sharpening suffices"
        return "no gain" if self.adds_nothing(ours[BASE]) else "undetermined"

    def _suffices(self, over_base: pd.DataFrame, ours_over: pd.DataFrame, benchmarks: set[str]) -> bool:
        """Whether a rival gained over the base, and the subject gained nothing over it on any benchmark."""
        gains = len(self.better(over_base)) > 0 and len(self.worse(over_base)) == 0
        return gains and benchmarks <= set(ours_over.index) and self.adds_nothing(ours_over)

    def clause(self) -> str:
        usual = self.rivals == RIVALS
        every = "both sharpening objectives" if usual else " and ".join(self.rivals) or "any rival"
        return OUTCOMES[self.code()].format(every=every, a="a sharpening objective" if usual else "a rival")

    def gain_line(self) -> str:
        """The subject against the base, with the benchmark where the difference is largest."""
        contrast = self.contrast(self.subject, BASE)
        if contrast.empty:
            return f"{words(self.subject)} against the base: not evaluated."
        row = contrast.iloc[int(contrast["difference"].abs().argmax())]
        low, high = (100 * row[f"ci_{end}_adjusted"] for end in ("low", "high"))
        after = self._accuracy(self.subject, row["variant_a"], str(row.name))
        before = after - row["difference"]  # over both draws of the base; its estimate is over the first
        return (
            f"{words(self.subject)} against the base: {self.tally(contrast)}; largest change on {row.name}, "
            f"{100 * before:.1f} % to {100 * after:.1f} % "
            f"({100 * row['difference']:+.1f} points [{low:+.1f}, {high:+.1f}])."
        )

    def _accuracy(self, policy: str, variant: str, benchmark: str) -> float:
        rows = settling(self.estimates)
        for column, value in {"policy": policy, "variant": variant, "benchmark": benchmark}.items():
            rows = rows[rows[column] == value]
        return float(rows["pass@1"].iloc[0])

    def rivals_line(self) -> str:
        contrasts = {rival: self.contrast(self.subject, rival) for rival in self.rivals}
        tallies = [f"{rival}: {self.tally(contrast)}" for rival, contrast in contrasts.items() if len(contrast)]
        return f"{words(self.subject)} against {'; against '.join(tallies) or 'sharpening objectives: not evaluated'}."

    def tally(self, contrast: pd.DataFrame) -> str:
        better, worse = len(self.better(contrast)), len(self.worse(contrast))
        lost = f", worse on {worse}" if worse else ""
        return f"better on {better} of {len(contrast)} benchmarks{lost}"

    def note(self) -> str:
        ours = self.primary[self.primary["a"].eq(self.subject)]
        if ours.empty:
            return f"Nothing to test: train {self.subject.replace('_', ' ')} and evaluate it on the base's problems."
        target = f" about {ours['target'].iloc[0]}" if "target" in ours else ""
        return (
            f"95 % intervals over {ours['unit'].iloc[0]}s{target}, for the primary contrasts of a benchmark together; "
            f"p-values Holm-adjusted over them, at {self.rule.level:g}."
        )

    def scope(self) -> str:
        """How far the claim reaches, and the seeds behind it; the narrowest of the subject's contrasts."""
        ours = self.primary[self.primary["a"].eq(self.subject)]
        if ours.empty:
            return f"{self.subject.replace('_', ' ')} was not compared"
        if ours["claim"].eq("this checkpoint").any():
            return "about this checkpoint, one training seed"
        return f"about the training procedure, {ours['n_seeds_a'].min()} training seeds"


def _decoding_line(comparisons: pd.DataFrame, subject: str, rule: Rule) -> str:
    """The subject against the base's most likely next tokens, which cost no training."""
    secondary = comparisons[comparisons["family"] == "secondary"]
    greedy_base = f"{BASE}/{GREEDY}"
    ours = {"one sample": subject, "both decoded greedily": f"{subject}/{GREEDY}"}
    judge = _Judge(secondary, comparisons, rule, subject, ())
    contrasts = {label: judge.contrast(arm, greedy_base) for label, arm in ours.items()}
    tallies = [f"{label}: {judge.tally(contrast)}" for label, contrast in contrasts.items() if len(contrast)]
    return f"{words(subject)} against greedy decoding of the base, {'; '.join(tallies) or 'not evaluated'}."
