"""Completions to read: where each policy moved most, and samples of all to look through."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pandas as pd

from beyond_sharpening.analysis import Rows, count_samples
from beyond_sharpening.reporting.blocks import Block, Browser, Section, Table, Verbatim
from beyond_sharpening.reporting.frames import of_arm, settling
from beyond_sharpening.reporting.labels import Arm, arm_looks

if TYPE_CHECKING:
    from beyond_sharpening.reporting.labels import Look
    from beyond_sharpening.reporting.results import Results

MOST_MOVED = 2
LONGEST = 1500
BUDGET = 700_000
"""Characters of completions in the page, which is to be mailed."""
A_CELL = 150
KEYS = ["benchmark", "problem_id"]
BEFORE = (
    "For each policy the problems whose share of right answers rose and fell most against the base, with the "
    "completion that each side gave most often. A *log-probability* near zero: the model is sure of the completion."
)
BROWSED = "One sample a problem of every policy, to look through:"


def section(results: Results) -> Section | None:
    if results.samples is None or "completion" not in results.samples:
        return None
    rows = _settled(results.samples)
    if rows["completion"].isna().all():
        return None
    counts = _settled(count_samples(results.samples) if results.counts is None else results.counts)
    base, looks = rows[rows["policy"] == "base"], arm_looks(rows)
    trained = {arm: look for arm, look in looks.items() if arm.policy != "base"}
    blocks: list[Block] = []
    if trained and len(base):
        pairs = [line for arm, look in trained.items() for line in _pairs(base, of_arm(rows, arm), counts, arm, look)]
        header = ["policy", "problem", "right answers", "base", "policy, most often"]
        blocks += [BEFORE, Table(header, pairs, n_text=5)]
    return Section("Completions to read", [*blocks, BROWSED, browser(rows, looks)])


SHOWN = ["sample_id", "completion", "gold", "outcome", "correct", "logp_base", "logp_policy"]
NAMED = ["policy", "variant", "checkpoint", "decoder", "benchmark", "train_seed", "replicate", "problem_id"]


def read_shown(samples: Rows, mechanism: pd.DataFrame | None = None) -> pd.DataFrame:
    """The rows of a samples table whose completions the report may show.

    All of the problems that moved most, the samples to look through, and right ones of the problems beyond the base.
    """
    counts = _settled(samples.counts)
    base, shown = counts[counts["policy"] == "base"], []
    for arm in arm_looks(counts):
        own = of_arm(counts, arm)
        shown.append(_firsts(samples, own[own["train_seed"] == own["train_seed"].min()]))
        moved = pd.MultiIndex.from_tuples(most_moved(base, own) if arm.policy != "base" else [], names=KEYS)
        shown += [samples.read(SHOWN, side[pd.MultiIndex.from_frame(side[KEYS]).isin(moved)]) for side in (base, own)]
    for row in mechanism.to_dict("records") if mechanism is not None else ():
        own = of_arm(counts, Arm(row["policy"], row["variant"]))
        own = own[(own["benchmark"] == row["benchmark"]) & own["problem_id"].isin(row["beyond_problems"])]
        right = (part[part["correct"]].groupby(level=0).head(1) for part in samples.parts(SHOWN, own))
        shown += [part.groupby(level=0).head(1) for part in right]
    rows = pd.concat(shown).reindex(columns=SHOWN).astype({"completion": object, "gold": object, "outcome": object})
    rows = rows.set_index("sample_id", append=True)
    rows = rows[~rows.index.duplicated()].sort_index().reset_index(level=1)
    return rows.join(samples.counts[NAMED]).reset_index(drop=True)


def _firsts(samples: Rows, counted: pd.DataFrame) -> pd.DataFrame:
    """The first sample of each problem that has it."""
    least = min((int(part["sample_id"].min()) for part in samples.parts(["sample_id"], counted)), default=0)
    return pd.concat([part[part["sample_id"] == least] for part in samples.parts(SHOWN, counted)])


def _settled(samples: pd.DataFrame) -> pd.DataFrame:
    rows = settling(samples)
    return rows[rows["replicate"] == 0]


def most_moved(base: pd.DataFrame, own: pd.DataFrame) -> list[tuple[str, str]]:
    """The (benchmark, problem) whose share of right answers rose most, and those whose fell most, from counts."""
    moved = (_shares(own) - _shares(base)).dropna().sort_values(kind="stable")
    losses, gains = moved[moved < 0].index[:MOST_MOVED], moved[moved > 0].index[::-1][:MOST_MOVED]
    return [*gains, *losses]


def _shares(counts: pd.DataFrame) -> pd.Series:
    """The share of right answers of each (benchmark, problem)."""
    sums = counts.groupby(KEYS, observed=True)[["n_correct", "n_samples"]].sum()
    return sums["n_correct"] / sums["n_samples"]


def _of_problem(rows: pd.DataFrame, benchmark: str, problem: str) -> pd.DataFrame:
    return rows[(rows["benchmark"] == benchmark) & (rows["problem_id"] == problem)]


def _pairs(base: pd.DataFrame, own: pd.DataFrame, counts: pd.DataFrame, arm: Arm, look: Look) -> list[list[str]]:
    counted = counts[counts["policy"] == "base"], of_arm(counts, arm)
    before, after = map(_shares, counted)
    lines = []
    for benchmark, problem in most_moved(*counted):
        sides = [_of_problem(part, benchmark, problem) for part in (base, own)]
        share = f"{100 * before[benchmark, problem]:.0f} → {100 * after[benchmark, problem]:.0f} %"
        gold = _known(sides[0]["gold"].iloc[0])
        if not any(side["completion"].isna().all() for side in sides):
            lines.append([look.label, f"{problem} (gold {gold})", share, *map(_typical, sides)])
    return lines


def _typical(rows: pd.DataFrame) -> Verbatim:
    """The most frequent completion, with its verdict and log-probabilities."""
    text = rows["completion"].mode().iloc[0]
    row = rows[rows["completion"] == text].iloc[0].to_dict()
    count = int((rows["completion"] == text).sum())
    verdict = _known(row["outcome"], "correct" if row["correct"] else "wrong")
    return Verbatim(f"{_cut(text)}\n{verdict}, {count} of {len(rows)}; {_logs(row)}")


def _logs(row: dict[Any, Any]) -> str:
    base, own = _number(row["logp_base"]), _number(row["logp_policy"])
    return f"log-probability {base}" if row["policy"] == "base" else f"log-probability {base} in base, {own} in policy"


def _known(value: Any, otherwise: str = "–") -> str:
    return otherwise if pd.isna(value) else str(value)


def _number(value: Any) -> str:
    return "unknown" if value is None or math.isnan(value) else f"{round(value, 1) + 0:.1f}".replace("-", "−")


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]} […] {text[-LONGEST // 2 :]}"


def browsed(rows: pd.DataFrame) -> pd.DataFrame:
    """The first sample of every problem, of a policy's first training seed."""
    arms = ["policy", "variant"]
    first = rows[rows["sample_id"] == rows.groupby(arms, observed=True)["sample_id"].transform("min")]
    return first[first["train_seed"] == first.groupby(arms, observed=True)["train_seed"].transform("min")]


def browser(rows: pd.DataFrame, looks: Any) -> Browser:
    """The first sample of evenly chosen problems, as many as the page has room for."""
    first = browsed(rows).dropna(subset=["completion"])
    size = first["completion"].str.len().clip(upper=LONGEST).sum() + A_CELL * len(first)
    step = max(1, math.ceil(size / BUDGET))
    number = first.groupby(["policy", "variant", "benchmark"], observed=True).cumcount()
    shown = first[number % step == 0]
    columns = ["policy", "benchmark", "outcome", "problem", "completion", "gold", "log p, base", "log p, policy"]
    lines = [
        [
            looks[(row["policy"], row["variant"])].label,
            str(row["benchmark"]),
            _known(row["outcome"], "correct" if row["correct"] else "wrong"),
            str(row["problem_id"]),
            _cut(row["completion"]),
            _known(row["gold"]),
            _number(row["logp_base"]),
            _number(row["logp_policy"]),
        ]
        for row in shown.to_dict("records")
    ]
    return Browser(columns, lines, filters=["policy", "benchmark", "outcome"])
