"""Judging by math-verify: runs inside worker processes, where it can be killed.

math-verify guards itself with signals, which work in main threads only and score what they stop as wrong. Its own
time limits are therefore off here; :mod:`beyond_sharpening.grading.pool` sets the limit from outside.
"""

import logging
from functools import lru_cache
from typing import NamedTuple

from beyond_sharpening.grading.canonical import canonical, decide, is_number
from beyond_sharpening.grading.verdict import UNPARSABLE, Verdict


class Claim(NamedTuple):
    """An answer held against a gold answer.

    Attributes:
        text: the content of the completion's box, or the whole completion when it has no box.
        boxed: which of the two.
        gold: the gold answer.
    """

    text: str
    boxed: bool
    gold: str


class UnreadableGold(ValueError):
    """A gold answer that cannot be parsed: a fault of the data, while an answer that cannot be is just no answer."""


def quick_verdict(claim: Claim) -> Verdict | None:
    """Judge without math-verify; None when that takes more than comparing strings and exact numbers."""
    answer = canonical(claim.text)
    if not answer:
        return UNPARSABLE
    decision = decide(claim.text, claim.gold) if claim.boxed or is_number(claim.text) else None
    return None if decision is None else _verdict(answer, decision)


def judge(claim: Claim) -> Verdict:
    """Judge with math-verify: extraction for a completion without a box, then equivalence.

    Raises:
        UnreadableGold: if the gold answer cannot be parsed.
        Exception: whatever math-verify or sympy raise on the answer.
    """
    text = claim.text if claim.boxed else _extract(claim.text)
    if text is None or not canonical(text):
        return UNPARSABLE
    decision = decide(text, claim.gold)
    return _verdict(canonical(text), _equivalent(text, claim.gold) if decision is None else decision)


def warm_up() -> None:
    """Load math-verify and its grammar, so that the first claim's time limit does not pay for it."""
    logging.getLogger("math_verify").setLevel(logging.ERROR)  # warns that its time limits are off
    _equivalent("x", "y")


def _verdict(answer: str, correct: bool) -> Verdict:
    return Verdict("correct" if correct else "wrong", answer)


def _extract(completion: str) -> str | None:
    from math_verify import parse

    found = parse(completion, parsing_timeout=None, raise_on_error=True)
    return next((text for text in found if isinstance(text, str)), None)


def _equivalent(answer: str, gold: str) -> bool:
    from math_verify import verify

    try:
        readable = bool(_parse(gold))
    except Exception:  # sympy raises almost anything, ValueErrors among them
        readable = False
    if not readable:
        raise UnreadableGold(f"The gold answer {gold!r} cannot be parsed: correct it in the data, or drop the problem.")
    return verify(_parse(gold), _parse(answer), timeout_seconds=None, raise_on_error=True)


@lru_cache(maxsize=1 << 12)
def _parse(answer: str) -> list:
    from math_verify import parse

    return parse(f"\\boxed{{{answer}}}", parsing_timeout=None, raise_on_error=True)
