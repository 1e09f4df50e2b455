"""Sources of problems: generators, local files and hub data sets, each a typed configuration."""

import gzip
import json
import logging
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from beyond_sharpening.problems.generators import chain_sum
from beyond_sharpening.problems.problem import Problem
from beyond_sharpening.problems.rows import ColumnMapping, DroppedRow, Row, problems_from_rows

logger = logging.getLogger(__name__)

_ROWS_TOLD = 10


class GeneratorSource(BaseModel):
    """Procedurally generated problems: arithmetic chains from reasoning_gym."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Annotated[Literal["generator"], Field(description="Problems are generated.")]
    generator: Annotated[Literal["chain_sum"], Field(description="The reasoning_gym task.")] = "chain_sum"
    min_terms: Annotated[int, Field(ge=2, description="Fewest terms in a chain.")]
    max_terms: Annotated[int, Field(ge=2, description="Most terms in a chain.")]
    digits: Annotated[int, Field(ge=1, description="Digits of every term.")] = 1
    size: Annotated[int, Field(ge=1, description="How many different problems to generate.")]

    @model_validator(mode="after")
    def _terms_are_a_range(self) -> Self:
        if self.max_terms < self.min_terms:
            raise ValueError(f"max_terms={self.max_terms} is below min_terms={self.min_terms}")
        return self


class LocalSource(BaseModel):
    """Problems from JSON-lines files."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Annotated[Literal["local"], Field(description="Problems are read from files.")]
    path: Annotated[Path | list[Path], Field(description="One or more files, .jsonl or .jsonl.gz, read in order.")]
    columns: Annotated[ColumnMapping, Field(description="Which columns hold what.")] = ColumnMapping()


class HubSource(BaseModel):
    """Problems from a data set of the Hugging Face hub."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Annotated[Literal["hub"], Field(description="Problems come from the Hugging Face hub.")]
    path: Annotated[str, Field(description="The data set's id on the hub.")]
    name: Annotated[str | None, Field(description="The data set's configuration; none takes its only one.")] = None
    split: Annotated[str, Field(description="The data set's split.")]
    revision: Annotated[str | None, Field(description="Branch, tag or commit; pin a commit to reproduce.")] = None
    columns: Annotated[ColumnMapping, Field(description="Which columns hold what.")] = ColumnMapping()


Source = Annotated[GeneratorSource | LocalSource | HubSource, Field(discriminator="type")]


def load_problems(
    name: str, source: GeneratorSource | LocalSource | HubSource, *, seed: int, split: str, root: Path = Path()
) -> tuple[list[Problem], list[DroppedRow]]:
    """Load the problems of a source.

    Args:
        name: the source's name; it starts every problem's id.
        source: where the problems come from.
        seed: decides what a generator makes; files and data sets are read whole and in order.
        split: what the problems are for, written into each.
        root: folder that relative file paths start from.

    Returns:
        The problems, and the rows that were empty or repeated (also logged as a warning).

    Raises:
        FileNotFoundError: if a file is missing.
        ValueError: if a row cannot be read, or no problem is left.
    """
    match source:
        case GeneratorSource():
            return chain_sum(
                name, source.min_terms, source.max_terms, source.digits, source.size, seed=seed, split=split
            ), []
        case LocalSource():
            rows = _local_rows(source, root)
        case HubSource():
            rows = _hub_rows(source)
    problems, dropped = problems_from_rows(rows, source.columns, name, split)
    if not problems:
        why = (
            f"all {len(dropped)} rows were dropped, the first because of: {dropped[0].reason}" if dropped else "no rows"
        )
        raise ValueError(f"Source {name!r} ({source.path}) has no problems: {why}.")
    if dropped:
        rows_told = "; ".join(f"row {row.row} ({row.place}): {row.reason}" for row in dropped[:_ROWS_TOLD])
        more = "; …" if len(dropped) > _ROWS_TOLD else ""
        logger.warning("Source %r: dropped %d rows: %s%s", name, len(dropped), rows_told, more)
    return problems, dropped


def _local_rows(source: LocalSource, root: Path) -> Iterator[Row]:
    for path in (root / path for path in (source.path if isinstance(source.path, list) else [source.path])):
        if not path.is_file():
            raise FileNotFoundError(f"There is no file {path}: correct the path of the source.")
        for number, line in enumerate(_lines(path), start=1):
            if line.strip():
                yield _row(f"{path}, line {number}", line)


def _lines(path: Path) -> Iterator[str]:
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
            yield from lines
    except (UnicodeDecodeError, EOFError, gzip.BadGzipFile, zlib.error) as error:
        packed = "gzip-packed " if path.suffix == ".gz" else ""
        raise ValueError(f"{path}: not {packed}UTF-8 text ({error}): write the file anew.") from error


def _row(place: str, line: str) -> Row:
    try:
        values = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"{place}: not JSON ({error.msg} at column {error.colno}): one object a line.") from error
    if not isinstance(values, dict):
        raise ValueError(f"{place}: a JSON {type(values).__name__}, not an object with columns.")
    return place, values


def _hub_rows(source: HubSource) -> Iterator[Row]:
    from datasets import load_dataset

    try:
        dataset = load_dataset(source.path, source.name, split=source.split, revision=source.revision)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"The hub data set {source.path} (configuration {source.name}, split {source.split}, revision "
            f"{source.revision}) cannot be loaded: {error}. Without network, use a source of type 'local'."
        ) from error
    for number, values in enumerate(dataset):
        yield f"{source.path} {source.split}, row {number}", values
