"""What a checked proposition looks like: its statement, a table of claims and the series of its figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, SupportsFloat

if TYPE_CHECKING:
    import pandas as pd

Relation = Literal["=", "≥", "≤", "≠"]
Row = dict[str, object]


@dataclass(frozen=True, eq=False)
class Check:
    """A proposition, computed.

    Attributes:
        number: its number in ``docs/theory.md``.
        title: a few words.
        statement: the proposition in one or two sentences.
        table: one row a claim: claim, computed, relation, expected, error, tolerance, holds.
        series: figures by title; the columns of each are x, y and, where there is a third, the line's name.
    """

    number: int
    title: str
    statement: str
    table: pd.DataFrame
    series: dict[str, pd.DataFrame]

    @property
    def holds(self) -> bool:
        """Whether every claim held."""
        return bool(self.table["holds"].all())


def claim(
    text: str, computed: SupportsFloat, relation: Relation, expected: SupportsFloat, tolerance: float = 1e-9
) -> Row:
    """One row of a table; ``error`` is how far the relation is from holding exactly.

    For ``≠`` the tolerance is the smallest difference that counts.
    """
    # In max() NaN comes first, so that it survives and the claim fails.
    difference = float(computed) - float(expected)
    error = {"=": abs(difference), "≠": abs(difference), "≥": max(-difference, 0.0), "≤": max(difference, 0.0)}[
        relation
    ]
    return {
        "claim": text,
        "computed": float(computed),
        "relation": relation,
        "expected": float(expected),
        "error": error,
        "tolerance": tolerance,
        "holds": error > tolerance if relation == "≠" else error <= tolerance,
    }
