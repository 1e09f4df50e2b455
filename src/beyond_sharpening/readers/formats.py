"""What a reader of a format is: a name, how a file of it is known, and how its rows become ours."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from beyond_sharpening.analysis.contract import SAMPLE_COLUMNS
from beyond_sharpening.errors import BadInput
from beyond_sharpening.grading import any_of, marked_answer

if TYPE_CHECKING:
    from beyond_sharpening.readers.files import File

OURS = tuple(dict.fromkeys([*SAMPLE_COLUMNS, "score"]))
"""The columns that a file may fill."""

PROMPT = "prompt"
"""The column of what was asked, a ``Prompt`` or None: read for scoring alone, and no column of the samples table."""

ROW = "row"
"""The column that says which row of its file a sample was, from 1, so that a message can name it."""


@dataclass(frozen=True)
class Wishes:
    """What is said of the files beside them.

    Attributes:
        theirs: of our columns, the name that the files have for it: ``{"correct": "exact_match"}``.
        filter: of the ways in which an evaluation took answers from completions, the one to believe.
    """

    theirs: Mapping[str, str] = field(default_factory=dict)
    filter: str | None = None


class Rows(NamedTuple):
    """A file as rows with our names, and what was guessed in reading it, a sentence each."""

    frame: pd.DataFrame
    notes: list[str]


class Format(NamedTuple):
    """How files of one kind are known and read.

    ``read`` gives the columns it finds, under our names, and ``row``; values as they stand in the file. It raises
    ``BadInput`` that names the file.
    """

    name: str
    recognises: Callable[[File], bool]
    read: Callable[[File, Wishes], Rows]


def rows_of(
    file: File, lines: Iterable[tuple[int, dict[str, Any]]], make: Callable[[int, dict[str, Any]], list[dict[str, Any]]]
) -> pd.DataFrame:
    """What ``make`` makes of every record, as one frame.

    Raises:
        BadInput: at the first record that is not of the layout; the message names its row.
    """
    rows: list[dict[str, Any]] = []
    for number, line in lines:
        try:
            rows += make(number, line)
        except (KeyError, TypeError, IndexError, AttributeError, ValueError) as error:
            if isinstance(error, BadInput):
                raise
            missing = f"has no {error}" if isinstance(error, KeyError) else f"holds what is not expected ({error})"
            raise BadInput(f"{file.path}, row {number}: {missing}: is the file whole, and of one kind?") from error
    if not rows:
        raise BadInput(f"{file.path} has no rows: it was cut off, or nothing was drawn")
    return pd.DataFrame(rows)


def gold_of(reference: Any) -> Any:
    """The gold answer in a reference: what a worked solution marks as its answer; any one of several."""
    if isinstance(reference, list | tuple):
        golds = dict.fromkeys(gold_of(each) for each in reference)
        return any_of(*golds) if all(isinstance(each, str) and each for each in golds) else None
    if not isinstance(reference, str):
        return None if reference is None else str(reference)
    marked = marked_answer(reference)
    return reference.strip() if marked is None else marked


def listed(value: Any) -> Any:
    """A list that was written as text, ``"['a', 'b']"``, as a list; anything else as it is."""
    if isinstance(value, str) and value.startswith(("[", "{")):
        try:
            return ast.literal_eval(value)
        except (ValueError, SyntaxError):
            return value
    return value


def question_id(question: Any) -> str:
    """A name for a problem that has none: the same for the same question, whoever asks it."""
    return "q-" + hashlib.sha256(str(question).encode()).hexdigest()[:12]


def message_text(content: Any) -> str:
    """The text of a chat: of the messages, or of the parts of one, whatever is text in them, joined."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else [content]
    texts = []
    for part in parts:
        if isinstance(part, dict):
            part = part.get("content") or part.get("text") or ""
        texts.append(message_text(part) if isinstance(part, list) else str(part or ""))
    return "\n".join(text for text in texts if text)


def metric_name(file: File, found: Iterable[str], known: Iterable[str], wishes: Wishes, notes: list[str]) -> str:
    """Which of the metrics of a file says whether a completion is right: the one asked for, known, or alone.

    Raises:
        BadInput: if that cannot be told; the message names them all.
    """
    names = list(dict.fromkeys(found))
    asked = wishes.theirs.get("correct")
    if asked in names:
        return str(asked)
    if asked is not None or not names:
        raise BadInput(f"{file.path} has no metric {asked or 'at all'}; it has: {', '.join(names) or 'none'}")
    guesses = [name for name in known if name in names] or names
    if len(names) > 1 and guesses is names:
        raise BadInput(
            f"{file.path} has several metrics ({', '.join(names)}): say which tells what is right, "
            f"as --columns {names[0]}=correct"
        )
    if len(names) > 1:
        notes.append(f"`{guesses[0]}` of {', '.join(names)} says what is right")
    return guesses[0]
