"""Judging one claim: at once where strings and exact numbers decide, else by computer algebra, in a worker process.

math-verify guards itself with signals, which work in main threads only and score what they stop as wrong. Its own
time limits are therefore off here; :mod:`beyond_sharpening.grading.worker` sets the limit.
"""

import logging
from functools import lru_cache

from beyond_sharpening.grading.algebra import UnreadableAnswer, equivalent
from beyond_sharpening.grading.canonical import canonical
from beyond_sharpening.grading.gold import accepts
from beyond_sharpening.grading.remembered import LONGEST
from beyond_sharpening.grading.verdict import UNPARSABLE, Claim, Verdict


def quick_verdict(claim: Claim) -> Verdict | None:
    """Judge without math-verify; None when that takes more than comparing strings and exact numbers.

    Longer answers are compared as they stand: a degenerate one may be nested thousands of brackets deep, and is taken
    apart in a worker process.
    """
    if len(claim.text) <= LONGEST:
        return _judged_at_once(claim)
    answer = canonical(claim.text)
    if not answer:
        return UNPARSABLE
    return _verdict(answer, True) if answer == canonical(claim.gold) else None


@lru_cache(maxsize=1 << 16)
def _judged_at_once(claim: Claim) -> Verdict | None:
    answer = canonical(claim.text)
    if not answer:
        return UNPARSABLE
    decision = accepts(claim.gold, claim.text)
    return None if decision is None else _verdict(answer, decision)


def judge(claim: Claim) -> Verdict:
    """Judge with math-verify.

    Raises:
        UnreadableGold: if computer algebra is needed and the gold answer cannot be read.
        Exception: whatever math-verify or sympy raise on the answer or the gold.
    """
    try:
        return _verdict(canonical(claim.text), bool(accepts(claim.gold, claim.text, equivalent)))
    except UnreadableAnswer:
        return UNPARSABLE


def warm_up() -> None:
    """Load math-verify, its grammar and what sympy loads when first asked: no claim's time limit pays for it."""
    logging.getLogger("math_verify").setLevel(logging.ERROR)  # warns that its time limits are off
    for answer in (r"\sqrt{2}+x", r"\frac{x+1}{2}", r"\sin x"):
        equivalent("x^2", answer)


def _verdict(answer: str, correct: bool) -> Verdict:
    return Verdict("correct" if correct else "wrong", answer)
