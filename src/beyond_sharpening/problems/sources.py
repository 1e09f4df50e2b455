"""Problems from their sources: generators, local files and hub data sets."""

import csv
import gzip
import json
import logging
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from beyond_sharpening.grading import states_an_answer
from beyond_sharpening.parameters.gym import ReasoningGymSource
from beyond_sharpening.parameters.sources import GeneratorSource, HubSource, LocalSource, QuestionsSource
from beyond_sharpening.problems.generators import chains
from beyond_sharpening.problems.gym import gym_problems
from beyond_sharpening.problems.problem import Problem
from beyond_sharpening.problems.questions import short_questions
from beyond_sharpening.problems.rows import DroppedRow, Row, problems_from_rows
from beyond_sharpening.problems.sameness import normalise_question

logger = logging.getLogger(__name__)

_ROWS_TOLD = 10


def load_problems(
    name: str,
    source: GeneratorSource | QuestionsSource | ReasoningGymSource | LocalSource | HubSource,
    *,
    seed: int,
    split: str,
    root: Path = Path(),
    copies: Path | None = None,
    normalise: Callable[[str], str] = normalise_question,
    has_answer: Callable[[str], bool] = states_an_answer,
) -> tuple[list[Problem], list[DroppedRow]]:
    """Load the problems of a source.

    Args:
        name: the source's name; it starts every problem's id.
        source: where the problems come from.
        seed: decides what a generator makes; files and data sets are read whole and in order.
        split: what the problems are for, written into each.
        root: folder that relative file paths start from.
        copies: folder with copies of the hub's data sets, read instead of the hub.
        normalise: gives what two writings of one question share, so that a repeated one is dropped.
        has_answer: the domain's check of a gold answer; it raises a ValueError for one that cannot be graded.

    Returns:
        The problems, and the rows that were empty or repeated (also logged as a warning).

    Raises:
        FileNotFoundError: if a file is missing.
        ValueError: if a row cannot be read, or no problem is left.
    """
    if isinstance(source, GeneratorSource):
        return chains(name, source, seed=seed, split=split), []
    if isinstance(source, ReasoningGymSource):
        return gym_problems(name, source, seed=seed, split=split), []
    if isinstance(source, QuestionsSource):
        return short_questions(name, source, seed=seed, split=split), []
    files = _files(source, root, copies)
    rows = _hub_rows(source) if isinstance(source, HubSource) and copies is None else _local_rows(files)
    problems, dropped = problems_from_rows(
        rows,
        source.columns,
        name,
        split,
        source.amendments,
        normalise=normalise,
        has_answer=has_answer,
    )
    if not problems:
        raise ValueError(f"Source {name!r} has no problems: {_why_none(source, dropped, files)}.")
    if dropped:
        rows_told = "; ".join(f"row {row.row} ({row.place}): {row.reason}" for row in dropped[:_ROWS_TOLD])
        more = "; …" if len(dropped) > _ROWS_TOLD else ""
        logger.warning("Source %r: dropped %d rows: %s%s", name, len(dropped), rows_told, more)
    return problems, dropped


def copy_of(source: HubSource, copies: Path) -> Path:
    """Return where the copy of a hub data set should be.

    Raises:
        ValueError: if the source names no file.
    """
    if source.file is None:
        raise ValueError(f"no copy of {source.path} is named: add its `file`, or set benchmark_files to null")
    return copies / source.file


def _files(source: LocalSource | HubSource, root: Path, copies: Path | None) -> list[Path]:
    """The files that the source is read from; none is the hub."""
    if isinstance(source, HubSource):
        return [] if copies is None else [root / copy_of(source, copies)]
    return [root / path for path in (source.path if isinstance(source.path, list) else [source.path])]


def _why_none(source: LocalSource | HubSource, dropped: list[DroppedRow], files: list[Path]) -> str:
    if dropped:
        return (
            f"all {len(dropped)} rows were dropped, the first ({dropped[0].place}) because of: {dropped[0].reason}. "
            "Correct columns of its block under sources, or the data"
        )
    read = ", ".join(map(str, files)) or f"the hub data set {source.path}"
    return f"there is no row in {read}. Give it one JSON object a line, or correct the path of the source"


def _local_rows(paths: list[Path]) -> Iterator[Row]:
    for path in paths:
        if not path.is_file():
            raise FileNotFoundError(f"There is no file {path}: correct the path of the source.")
        if ".csv" in path.suffixes:
            yield from _csv_rows(path)
            continue
        for number, line in enumerate(_lines(path), start=1):
            if line.strip():
                yield _row(f"{path}, line {number}", line.rstrip())


def _csv_rows(path: Path) -> Iterator[Row]:
    reader = csv.DictReader(_lines(path), restkey="")
    for values in reader:
        place = f"{path}, line {reader.line_num}"
        if "" in values or None in values.values():
            raise ValueError(
                f"{place}: not as many values as the {len(reader.fieldnames or ())} columns of the first line: put "
                "text with commas in quotes."
            )
        yield place, values


def _lines(path: Path) -> Iterator[str]:
    open_text = gzip.open if path.suffix == ".gz" else open
    try:
        with open_text(path, "rt", encoding="utf-8-sig") as lines:  # some programs begin a file with a mark
            yield from lines
    except (UnicodeDecodeError, EOFError, gzip.BadGzipFile, zlib.error) as error:
        packed = "gzip-packed " if path.suffix == ".gz" else ""
        raise ValueError(f"{path}: not {packed}UTF-8 text ({error}): write the file anew.") from error


def _row(place: str, line: str) -> Row:
    try:
        values = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(
            f"{place}: not JSON ({error.msg}, column {error.colno}): write one object a line; if the file was cut "
            "short, fetch it anew."
        ) from error
    if not isinstance(values, dict):
        kind = type(values).__name__
        raise ValueError(f"{place}: a JSON {kind}, not an object with columns: write one object a line.")
    return place, values


def _hub_rows(source: HubSource) -> Iterator[Row]:
    from datasets import load_dataset

    try:
        dataset = load_dataset(source.path, source.name, split=source.split, revision=source.revision)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"The hub data set {source.path} (configuration {source.name}, split {source.split}, revision "
            f"{source.revision}) cannot be loaded: {error}. Without network, use a source of type 'local', or name a "
            "folder with copies: benchmark_files."
        ) from error
    for number, values in enumerate(dataset):
        yield f"{source.path} {source.split}, row {number}", values
