"""The grader of questions whose answer is one number, put in words: the last number that a completion states."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

from beyond_sharpening.grading.gold import acceptable
from beyond_sharpening.grading.verdict import UNPARSABLE, Verdict

NUMBER = re.compile(r"(?:(?<![\w.])[-+−])?\d+(?:,\d{3})*(?:\.\d+)?")


def last_number(completions: Sequence[str], golds: Sequence[str], *, workers: int = 1) -> list[Verdict]:
    """Grade each completion by the last number in it; without a number it answers nothing.

    Args:
        completions: texts.
        golds: one number each; ``4.2\\within{0.1}`` accepts those up to 0.1 away (``columns.tolerance``).
        workers: of no use here; the signature is that of every grader.

    Raises:
        ValueError: for a gold that is no number.
    """
    return [_verdict(completion, gold) for completion, gold in zip(completions, golds, strict=True)]


def states_an_answer(gold: str) -> bool:
    """Whether a gold answer is a number."""
    return all(_value(each.answer) is not None for each in acceptable(gold))


def _verdict(completion: str, gold: str) -> Verdict:
    if not states_an_answer(gold):
        raise ValueError(f"the gold answer {gold!r} is no number: correct it, or choose another grader")
    found = _value(completion)
    if found is None:
        return UNPARSABLE
    near = (
        abs(Fraction(found) - Fraction(_value(each.answer) or 0)) <= (each.tolerance or 0) for each in acceptable(gold)
    )
    return Verdict("correct" if any(near) else "wrong", f"{found.normalize():f}")


def _value(text: str) -> Decimal | None:
    numbers = NUMBER.findall(text)
    return Decimal(numbers[-1].replace(",", "").replace("−", "-")) if numbers else None
