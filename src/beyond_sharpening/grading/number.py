"""The grader of questions whose answer is one number, put in words: the last number that a completion states."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from beyond_sharpening.grading.verdict import UNPARSABLE, Verdict

NUMBER = re.compile(r"(?:(?<![\w.])[-+−])?\d+(?:,\d{3})*(?:\.\d+)?")


def last_number(completions: Sequence[str], golds: Sequence[str], *, workers: int = 1) -> list[Verdict]:
    """Grade each completion by the last number in it; without a number it answers nothing.

    Args:
        completions: texts.
        golds: one number each.
        workers: of no use here; the signature is that of every grader.

    Raises:
        ValueError: for a gold that is no number.
    """
    return [_verdict(completion, gold) for completion, gold in zip(completions, golds, strict=True)]


def states_an_answer(gold: str) -> bool:
    """Whether a gold answer is a number."""
    return _value(gold) is not None


def _verdict(completion: str, gold: str) -> Verdict:
    expected = _value(gold)
    if expected is None:
        raise ValueError(f"the gold answer {gold!r} is no number: correct it, or choose another grader")
    found = _value(completion)
    if found is None:
        return UNPARSABLE
    return Verdict("correct" if found == expected else "wrong", f"{found.normalize():f}")


def _value(text: str) -> Decimal | None:
    numbers = NUMBER.findall(text)
    return Decimal(numbers[-1].replace(",", "").replace("−", "-")) if numbers else None
