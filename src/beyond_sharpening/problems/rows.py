"""From the rows of a data set to problems: which columns are read, how, and which rows are dropped."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from beyond_sharpening.grading import any_of, states_an_answer
from beyond_sharpening.grading.canonical import canonical
from beyond_sharpening.parameters.sources import Amendment, ColumnMapping
from beyond_sharpening.problems.choices import letter_of, lettered, read_choices
from beyond_sharpening.problems.golds import amend, read_gold
from beyond_sharpening.problems.problem import Problem
from beyond_sharpening.problems.sameness import normalise_question

Row = tuple[str, Mapping[str, Any]]  # where it stands (file and line, or data set and row), and its values


LISTS = "; gold_reader: first_of_list takes the first of a list"
MADE_OF = {
    "tests": ("prompt", "test", "entry_point", "test_list", "test_setup_code"),  # HumanEval's and MBPP's
    "instructions": ("prompt", "instruction_id_list", "kwargs"),  # IFEval's
}
"""The columns that a gold is made of, by its reader."""
OTHER_LISTS = " Or any of them (any_of_list), or all of it as it stands (json)."


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
    rows: Iterable[Row],
    columns: ColumnMapping,
    source: str,
    split: str,
    amendments: Sequence[Amendment] = (),
    *,
    normalise: Callable[[str], str] = normalise_question,
    has_answer: Callable[[str], bool] = states_an_answer,
) -> tuple[list[Problem], list[DroppedRow]]:
    """Map rows to problems; rows with an empty question or gold, and repeated questions, are dropped.

    ``normalise`` gives what two writings of one question share; ``has_answer`` is the domain's check of a gold.

    Raises:
        ValueError: if a row lacks a column or its id, a text or gold answer cannot be read, an id repeats, or an
            amendment fits no row or more than one question.
    """
    problems: list[Problem] = []
    dropped: list[DroppedRow] = []
    first_with: dict[str, tuple[str, Problem]] = {}
    place_of_id: dict[str, str] = {}
    read = [(place, _problem(number, place, row, columns, source, split)) for number, (place, row) in enumerate(rows)]
    amended = amend([problem for _, problem in read], amendments, source)
    for number, ((place, _), problem) in enumerate(zip(read, amended, strict=True)):
        question = normalise(problem.question)
        if reason := _fault(problem, columns, place, first_with.get(question), has_answer):
            dropped.append(DroppedRow(number, place, reason))
            continue
        if problem.id in place_of_id:
            other = place_of_id[problem.id]
            raise ValueError(f"{place}: the id {problem.id!r} already stands at {other}: name a column of unique ids.")
        first_with[question], place_of_id[problem.id] = (place, problem), place
        problems.append(problem)
    return problems, dropped


def _problem(
    number: int, place: str, values: Mapping[str, Any], columns: ColumnMapping, source: str, split: str
) -> Problem:
    for use in ("question", "gold", "unit", "tolerance", "difficulty", "id"):
        column = getattr(columns, use)
        if column is not None and column not in values:
            raise ValueError(
                f"{place}: there is no column {column!r}; the columns are {sorted(values)}. Name the one with the "
                f"{use} as columns.{use} of its block under sources."
            )
    if missing := [name for name in columns.others if name not in values]:
        raise ValueError(f"{place}: there is no column {missing[0]!r} for columns.others; they are {sorted(values)}")
    _check_text(values[columns.question], columns.question, place)
    question, gold = _text(values[columns.question]), ""
    if columns.choices is None:
        gold = _gold(values, columns, place)
    else:
        options = read_choices(values, columns.choices, place)
        question, gold = lettered(question, options), letter_of(values[columns.gold], options, place)
    return Problem(
        id=f"{source}-{number if columns.id is None else _id(values[columns.id], columns.id, place)}",
        source=source,
        question=question,
        gold=gold,
        difficulty="" if columns.difficulty is None else _text(values[columns.difficulty]),
        split=split,
        others=_others(values, columns),
    )


def _others(values: Mapping[str, Any], columns: ColumnMapping) -> str:
    others = {name: values[name] for name in columns.others}
    return json.dumps(others, ensure_ascii=False, sort_keys=True, default=str) if others else ""


def _fault(
    problem: Problem,
    columns: ColumnMapping,
    place: str,
    same: tuple[str, Problem] | None,
    has_answer: Callable[[str], bool],
) -> str | None:
    if not problem.question:
        return f"empty question in column {columns.question!r}"
    try:
        has_gold = has_answer(problem.gold)
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from error
    if not has_gold:
        fault = f"the grader takes no answer from the gold {problem.gold!r}" if problem.gold else "no gold answer"
        return f"{fault} in column {columns.gold!r} (read as {columns.gold_reader})"
    if same is None:
        return None
    where, first = same
    told = (
        "" if _is_same_gold(problem.gold, first.gold) else f", but gold {problem.gold!r} where that has {first.gold!r}"
    )
    return f"same question as {where}{told}"


def _is_same_gold(one: str, other: str) -> bool:
    return canonical(one) == canonical(other)


def _gold(values: Mapping[str, Any], columns: ColumnMapping, place: str) -> str:
    value = values[columns.gold]
    if (made_of := MADE_OF.get(columns.gold_reader)) is not None:
        return json.dumps({key: values[key] for key in made_of if key in values}, ensure_ascii=False, sort_keys=True)
    if columns.gold_reader == "json":
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    if columns.gold_reader in ("first_of_list", "any_of_list"):
        if not isinstance(value, list):
            raise ValueError(f"{place}: column {columns.gold!r} holds {value!r}, not a list to take answers from.")
        if columns.gold_reader == "any_of_list":
            return any_of(*map(_text, value)) if value else ""
        value = value[0] if value else ""
    if isinstance(value, bool):
        value = json.dumps(value)
    _check_text(value, columns.gold, place, LISTS)
    unit, tolerance = (_text(values[column]) if column else "" for column in (columns.unit, columns.tolerance))
    try:
        return read_gold(_text(value), columns.gold_reader, columns.alternatives, columns.rounded, unit, tolerance)
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from error


def _id(value: Any, column: str, place: str) -> str:
    _check_text(value, column, place)
    if not (text := _text(value)):
        raise ValueError(
            f"{place}: column {column!r} holds {value!r}: give every row an id, or set columns.id to null to number "
            "the rows."
        )
    return text


def _check_text(value: Any, column: str, place: str, remedy_for_list: str = "") -> None:
    if isinstance(value, bool | list | dict):
        remedy = f"{remedy_for_list}.{OTHER_LISTS}" if isinstance(value, list) and remedy_for_list else "."
        raise ValueError(f"{place}: column {column!r} holds {value!r}, which is neither text nor a number{remedy}")
    if isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
        raise ValueError(
            f"{place}: column {column!r} holds half a character ({value!r:.60}), which no file can keep: correct it."
        )


def _text(value: Any) -> str:
    missing = value is None or value != value  # NaN, which some libraries write for nothing
    return "" if missing else str(value).strip()
