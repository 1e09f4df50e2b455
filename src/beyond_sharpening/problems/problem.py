"""The problem: what every part of the project means by one."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class Problem:
    """A question with its gold answer.

    Attributes:
        id: unique in its source and stable between loads: ``{source}-{row number or the data's own id}``.
        source: the name of the source or benchmark.
        question: the question as the model is asked it, before any prompt template.
        gold: the gold answer, as text the grader reads.
        difficulty: a level such as ``3`` or ``Level 5``; empty when unknown.
        split: what the problem is for, such as ``train``, ``validation`` or ``benchmark``.
        others: what else its source says of it, for graders that ask, as a JSON object; empty where that is nothing.
    """

    id: str
    source: str
    question: str
    gold: str
    difficulty: str
    split: str
    others: str = ""

    @property
    def columns(self) -> dict[str, Any]:
        """What a grader may ask for by name."""
        own = {name: getattr(self, name) for name in ("question", "id", "source", "difficulty")}
        return json.loads(self.others or "{}") | own


_COLUMNS = [field.name for field in fields(Problem)]


def problems_to_frame(problems: Iterable[Problem]) -> pd.DataFrame:
    """Return a table with one row a problem and the columns of :class:`Problem`, all text; ``others`` if there are."""
    table = pd.DataFrame([asdict(problem) for problem in problems], columns=_COLUMNS, dtype="str")
    return table if table["others"].any() else table.drop(columns="others")


def problems_from_frame(frame: pd.DataFrame) -> list[Problem]:
    """Return the problems of a table made by :func:`problems_to_frame`.

    Raises:
        ValueError: if the columns are not exactly those of :class:`Problem`.
    """
    if {*frame.columns, "others"} != {*_COLUMNS}:
        raise ValueError(f"A table of problems has the columns {_COLUMNS}, not {list(frame.columns)}.")
    there = [name for name in _COLUMNS if name in frame]
    return [Problem(*row) for row in frame[there].itertuples(index=False)]
