"""Multiple choice: the letter of the option."""

from __future__ import annotations

import re
from collections.abc import Sequence

from beyond_sharpening.grading.short import graded
from beyond_sharpening.grading.verdict import UNPARSABLE, Verdict

_LETTER = re.compile(r"(?<![A-Za-z'])([A-Z])(?![A-Za-z'])")


def grade(completions: Sequence[str], golds: Sequence[str], *, workers: int | None = None) -> list[Verdict]:
    """Grade the letter that each completion answers; several different ones answer nothing."""
    return graded(completions, golds, _judge)


def states_an_answer(gold: str) -> bool:
    """Whether a gold is a letter.

    Raises:
        ValueError: if it is anything else; ``columns.choices`` makes letters of options.
    """
    if gold and not re.fullmatch(r"[A-Z]", gold):
        raise ValueError(f"The gold answer {gold!r} is no letter from A to Z; name the options: columns.choices")
    return bool(gold)


def _judge(text: str, gold: str) -> Verdict:
    text = text.strip()
    letters = {text.upper()} if re.fullmatch(r"[A-Za-z]", text) else {*_LETTER.findall(text[:1] + text[1:])}
    if len(letters) != 1:
        return UNPARSABLE
    (letter,) = letters
    return Verdict("correct" if letter == gold else "wrong", letter)
