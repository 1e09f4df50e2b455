"""The statements that the report rests on, computed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beyond_sharpening.reporting.blocks import Block, Section, Strong, Table, plain
from beyond_sharpening.reporting.theory_charts import theory_charts

if TYPE_CHECKING:
    import pandas as pd

    from beyond_sharpening.reporting.results import Results

BEFORE = (
    "What is said here about sharpening and task reward in general rests on propositions. Each was computed on "
    "language models so small that all their completions can be listed, or by the trainer used above, on models whose "
    "optimum is known."
)
CAPTIONS = {
    3: "Sharpening can raise accuracy, lower it, or first one and then the other: the lines are prompts of a random "
    "model, and a worked example.",
    5: "Sharpening (α) ends at the most likely answers, right or wrong. A tilt towards right answers (β) ends at 1.",
    11: "The trainer, on models that can be listed: distance from the known optimum while it trains. The null control "
    "stays at 0, and comes back from a perturbed start.",
}
"""What is to be seen in the figures of some propositions; the others stand for themselves."""


def section(results: Results) -> Section | None:
    if results.claims is None:
        return None
    blocks: list[Block] = [BEFORE, table(results.claims)]
    if results.series is not None:
        for number, chart in theory_charts(results.claims, results.series).items():
            blocks += [chart, f"*{plain(CAPTIONS[number])}*"] if number in CAPTIONS else [chart]
    return Section("Theory checked", blocks, appendix=True)


def table(claims: pd.DataFrame) -> Table:
    """Each proposition: its statement, how many claims of it were computed, and whether all of them hold."""
    rows = [
        [
            f"{number}. {part['title'].iloc[0]}",
            part["statement"].iloc[0],
            "yes" if part["holds"].all() else Strong(f"no: {int((~part['holds']).sum())} do not"),
            str(len(part)),
        ]
        for number, part in claims.groupby("number")
    ]
    return Table(["proposition", "statement", "holds", "claims computed"], rows, n_text=3)
