"""From the rows of a data set to problems: which columns are read, how, and which rows are dropped."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from beyond_sharpening.grading import last_boxed
from beyond_sharpening.problems.problem import Problem
from beyond_sharpening.problems.splits import normalise_question

GoldReader = Literal["verbatim", "boxed", "after_hashes", "first_of_list"]
Row = tuple[str, Mapping[str, Any]]  # where it stands (file and line, or data set and row), and its values


class ColumnMapping(BaseModel):
    """Which columns of a data set hold what."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    question: Annotated[str, Field(description="Column with the question.")] = "question"
    gold: Annotated[str, Field(description="Column with the gold answer, or with the solution that holds it.")] = (
        "answer"
    )
    gold_reader: Annotated[
        GoldReader,
        Field(
            description="How the gold answer is read from its column: as it stands (verbatim), from the last "
            r"\boxed{} (boxed), after the last '#### ' (after_hashes), or as the first element (first_of_list)."
        ),
    ] = "verbatim"
    difficulty: Annotated[str | None, Field(description="Column with the difficulty; none leaves it empty.")] = None
    id: Annotated[str | None, Field(description="Column with a unique id; none takes the row number, from 0.")] = None


@dataclass(frozen=True)
class DroppedRow:
    """A row that gave no problem.

    Attributes:
        row: its number from 0, through all files of the source.
        place: the file and line, or the data set and row.
        reason: why it was dropped.
    """

    row: int
    place: str
    reason: str


def problems_from_rows(
    rows: Iterable[Row], columns: ColumnMapping, source: str, split: str
) -> tuple[list[Problem], list[DroppedRow]]:
    """Map rows to problems; rows with an empty question or gold, and repeated questions, are dropped.

    Raises:
        ValueError: if a row lacks a column, a gold answer cannot be read from its column's type, or an id repeats.
    """
    problems: list[Problem] = []
    dropped: list[DroppedRow] = []
    place_of_question: dict[str, str] = {}
    place_of_id: dict[str, str] = {}
    for number, (place, values) in enumerate(rows):
        problem = _problem(number, place, values, columns, source, split)
        question = normalise_question(problem.question)
        if reason := _fault(problem, columns, place_of_question.get(question)):
            dropped.append(DroppedRow(number, place, reason))
            continue
        if problem.id in place_of_id:
            other = place_of_id[problem.id]
            raise ValueError(f"{place}: the id {problem.id!r} stands already at {other}: name a column of unique ids.")
        place_of_question[question] = place_of_id[problem.id] = place
        problems.append(problem)
    return problems, dropped


def _problem(
    number: int, place: str, values: Mapping[str, Any], columns: ColumnMapping, source: str, split: str
) -> Problem:
    for column in (columns.question, columns.gold, columns.difficulty, columns.id):
        if column is not None and column not in values:
            raise ValueError(f"{place}: there is no column {column!r}; the columns are {sorted(values)}.")
    return Problem(
        id=f"{source}-{number if columns.id is None else values[columns.id]}",
        source=source,
        question=_text(values[columns.question]),
        gold=_gold(values[columns.gold], columns, place),
        difficulty="" if columns.difficulty is None else _text(values[columns.difficulty]),
        split=split,
    )


def _fault(problem: Problem, columns: ColumnMapping, same_question_at: str | None) -> str | None:
    if not problem.question:
        return f"empty question in column {columns.question!r}"
    if not problem.gold:
        return f"no gold answer in column {columns.gold!r} (read as {columns.gold_reader})"
    if same_question_at is not None:
        return f"same question as {same_question_at}"
    return None


def _gold(value: Any, columns: ColumnMapping, place: str) -> str:
    if columns.gold_reader == "first_of_list":
        if not isinstance(value, list):
            raise ValueError(f"{place}: column {columns.gold!r} holds {value!r}, not a list to take the first of.")
        return _text(value[0]) if value else ""
    return _GOLD_READERS[columns.gold_reader](_text(value))


def _after_hashes(solution: str) -> str:
    return solution.rpartition("#### ")[2].strip() if "#### " in solution else ""


_GOLD_READERS: dict[str, Callable[[str], str]] = {
    "verbatim": str,
    "boxed": lambda solution: last_boxed(solution) or "",
    "after_hashes": _after_hashes,
}


def _text(value: Any) -> str:
    missing = value is None or value != value  # NaN, which some libraries write for nothing
    return "" if missing else str(value).strip()
