"""Options of multiple choice: lettered below the question, and the gold as a letter."""

from collections.abc import Mapping, Sequence
from string import ascii_uppercase
from typing import Any


def read_choices(values: Mapping[str, Any], columns: str | Sequence[str], place: str) -> list[str]:
    """The options of a row, from the column with their list or the columns with one each; empty ones are left out.

    Raises:
        ValueError: if a column is missing or holds no list, or the options are fewer than 2 or more than 26.
    """
    names = [columns] if isinstance(columns, str) else columns
    if missing := [name for name in names if name not in values]:
        raise ValueError(f"{place}: there is no column {missing[0]!r} for columns.choices; they are {sorted(values)}")
    held = values[columns] if isinstance(columns, str) else [values[name] for name in columns]
    if not isinstance(held, list):
        raise ValueError(f"{place}: column {columns!r} holds {held!r}, not a list of options.")
    options = [str(option).strip() for option in held if option is not None and str(option).strip()]
    if not 2 <= len(options) <= len(ascii_uppercase):
        raise ValueError(f"{place}: {len(options)} options; give from 2 to {len(ascii_uppercase)}.")
    return options


def lettered(question: str, options: Sequence[str]) -> str:
    """The question with its options below it."""
    return "\n".join([question, *(f"{letter}) {text}" for letter, text in zip(ascii_uppercase, options, strict=False))])


def letter_of(gold: Any, options: Sequence[str], place: str) -> str:
    """The letter of the right option: given as an option's text, as a letter, or as a place from 0 (a JSON number).

    Raises:
        ValueError: if it is none of these.
    """
    letters, text = ascii_uppercase[: len(options)], "" if gold is None else str(gold).strip()
    if isinstance(gold, int) and not isinstance(gold, bool) and 0 <= gold < len(options):
        return letters[gold]
    if text in options:
        return letters[options.index(text)]
    if len(text) == 1 and text.upper() in letters:
        return text.upper()
    if not text:
        return ""
    raise ValueError(
        f"{place}: the gold {gold!r} is none of the {len(options)} options: give an option's text, its letter, or its "
        "place from 0 as a JSON number."
    )
