"""What the base's samples foretold of sharpening, beside what happened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beyond_sharpening.reporting.blocks import Section, Table
from beyond_sharpening.reporting.labels import side_label
from beyond_sharpening.reporting.numbers import points_interval

if TYPE_CHECKING:
    import pandas as pd

    from beyond_sharpening.reporting.results import Results

WORDS = {"raise": "raises accuracy", "lower": "lowers accuracy", "unclear": "unclear"}
BEFORE = (
    "Before any training, the base model's own samples say whether sharpening should help: it should where right "
    "answers are likelier than wrong ones, since accuracy then grows with the exponent α to which probabilities are "
    "raised (at first; it can fall again later). Here is what was predicted, beside what happened. *Undecided* means "
    "that one of the two intervals contains zero."
)
AFTER = (
    "The prediction is about raising the probability of whole answers. Training may stop short of its optimum, and "
    "low temperature acts on single tokens."
)


def section(results: Results) -> Section | None:
    if results.outcomes is None or results.outcomes.empty:
        return None
    return Section("What the base model predicted", [BEFORE, table(results.outcomes), AFTER])


def table(outcomes: pd.DataFrame) -> Table:
    """What was predicted and what happened, a row an arm that sharpens and a benchmark."""
    rows = [
        [
            row["benchmark"],
            side_label(row["arm"], row["variant"]),
            WORDS[row["predicted"]],
            WORDS[row["observed"]],
            row["agreement"],
            points_interval(row["difference"], row["ci_low"], row["ci_high"]),
        ]
        for row in outcomes.to_dict("records")
    ]
    header = ["benchmark", "policy or decoder", "predicted", "happened", "agreement", "change in points"]
    return Table(header, rows, n_text=5)
