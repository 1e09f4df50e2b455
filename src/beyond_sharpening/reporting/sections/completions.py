"""Completions to read: where each policy moved most, and samples of all to look through."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from beyond_sharpening.reporting.blocks import Block, Browser, Section, Table, Verbatim
from beyond_sharpening.reporting.frames import of_arm, settling
from beyond_sharpening.reporting.labels import arm_looks

if TYPE_CHECKING:
    import pandas as pd

    from beyond_sharpening.reporting.labels import Look
    from beyond_sharpening.reporting.results import Results

MOST_MOVED = 2
LONGEST = 1500
BUDGET = 700_000
"""Characters of completions in the page, which is to be mailed."""
A_CELL = 150
BEFORE = (
    "For each policy the problems whose share of right answers rose and fell most against the base, with the "
    "completion that each side gave most often. A *log-probability* near zero: the model is sure of the completion."
)
BROWSED = "One sample a problem of every policy, to look through:"


def section(results: Results) -> Section | None:
    if results.samples is None or "completion" not in results.samples:
        return None
    rows = settling(results.samples)
    rows = rows[rows["replicate"] == 0]
    base, looks = rows[rows["policy"] == "base"], arm_looks(rows)
    trained = {arm: look for arm, look in looks.items() if arm.policy != "base"}
    blocks: list[Block] = []
    if trained and len(base):
        pairs = [line for arm, look in trained.items() for line in _pairs(base, of_arm(rows, arm), look)]
        header = ["policy", "problem", "right answers", "base", "policy, most often"]
        blocks += [BEFORE, Table(header, pairs, n_text=5)]
    return Section("Completions to read", [*blocks, BROWSED, browser(rows, looks)])


def _pairs(base: pd.DataFrame, own: pd.DataFrame, look: Look) -> list[list[str]]:
    keys = ["benchmark", "problem_id"]
    before, after = (part.groupby(keys, observed=True)["correct"].mean() for part in (base, own))
    moved = (after - before).dropna().sort_values(kind="stable")
    losses, gains = moved[moved < 0].index[:MOST_MOVED], moved[moved > 0].index[::-1][:MOST_MOVED]
    lines = []
    for benchmark, problem in (*gains, *losses):
        sides = [part[(part["benchmark"] == benchmark) & (part["problem_id"] == problem)] for part in (base, own)]
        share = f"{100 * before[benchmark, problem]:.0f} → {100 * after[benchmark, problem]:.0f} %"
        gold = str(sides[0]["gold"].iloc[0])
        lines.append([look.label, f"{problem} (gold {gold})", share, *map(_typical, sides)])
    return lines


def _typical(rows: pd.DataFrame) -> Verbatim:
    """The most frequent completion, with its verdict and log-probabilities."""
    text = rows["completion"].mode().iloc[0]
    row = rows[rows["completion"] == text].iloc[0].to_dict()
    count = int((rows["completion"] == text).sum())
    return Verbatim(f"{_cut(text)}\n{row['outcome']}, {count} of {len(rows)}; {_logs(row)}")


def _logs(row: dict[Any, Any]) -> str:
    base, own = _number(row["logp_base"]), _number(row["logp_policy"])
    return f"log-probability {base}" if row["policy"] == "base" else f"log-probability {base} in base, {own} in policy"


def _number(value: Any) -> str:
    return "unknown" if value is None or math.isnan(value) else f"{value:.1f}".replace("-", "−")


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]} […] {text[-LONGEST // 2 :]}"


def browser(rows: pd.DataFrame, looks: Any) -> Browser:
    """The first sample of evenly chosen problems, as many as the page has room for."""
    first = rows[rows["sample_id"] == rows.groupby(["policy", "variant"])["sample_id"].transform("min")]
    seed = first.groupby(["policy", "variant"])["train_seed"].transform("min")
    first = first[first["train_seed"] == seed]
    size = first["completion"].str.len().clip(upper=LONGEST).sum() + A_CELL * len(first)
    step = max(1, math.ceil(size / BUDGET))
    number = first.groupby(["policy", "variant", "benchmark"], observed=True).cumcount()
    shown = first[number % step == 0]
    columns = ["policy", "benchmark", "outcome", "problem", "completion", "gold", "log p, base", "log p, policy"]
    lines = [
        [
            looks[(row["policy"], row["variant"])].label,
            str(row["benchmark"]),
            str(row["outcome"]),
            str(row["problem_id"]),
            _cut(row["completion"]),
            str(row["gold"]),
            _number(row["logp_base"]),
            _number(row["logp_policy"]),
        ]
        for row in shown.to_dict("records")
    ]
    return Browser(columns, lines, filters=["policy", "benchmark", "outcome"])
