"""What a checked proposition looks like: its statement, a table of claims and the series of its figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, SupportsFloat

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Iterable

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


def claims_table(checks: Iterable[Check]) -> pd.DataFrame:
    """Every claim in one table: ``number``, ``title`` and ``statement`` of its check, then the columns of ``claim``."""
    tables = [check.table.assign(number=check.number, title=check.title, statement=check.statement) for check in checks]
    names = ["number", "title", "statement"]
    return pd.concat(tables, ignore_index=True)[names + list(tables[0].columns.drop(names))]


def series_table(checks: Iterable[Check]) -> pd.DataFrame:
    """Every figure's points in one table: ``number``, ``figure``, ``x``, ``y``, ``line``, and what x and y are."""
    tables = []
    for check in checks:
        for title, series in check.series.items():
            x, y, *line = series.columns
            points = pd.DataFrame({"x": series[x].astype(float), "y": series[y].astype(float)})
            points["line"] = series[line[0]].astype(str) if line else ""
            tables.append(points.assign(number=check.number, figure=title, x_label=x, y_label=y))
    return pd.concat(tables, ignore_index=True)
