"""Judging by math-verify: runs inside worker processes, where it can be killed.

math-verify guards itself with signals, which work in main threads only and score what they stop as wrong. Its own
time limits are therefore off here; :mod:`beyond_sharpening.grading.pool` sets the limit from outside.
"""

import logging
import re
from functools import lru_cache
from typing import Any, NamedTuple

from beyond_sharpening.grading.canonical import canonical, number, without_typesetting
from beyond_sharpening.grading.gold import accepts
from beyond_sharpening.grading.verdict import UNPARSABLE, Verdict

_RELATIVE_ERROR = 1e-6
# Longer answers are taken apart in worker processes: a degenerate one may be nested thousands of brackets deep.
_LONGEST_AT_ONCE = 400


class Claim(NamedTuple):
    """An answer held against a gold answer.

    Attributes:
        text: the answer the completion marks as its own, or the whole completion when it marks none.
        marked: which of the two.
        gold: the gold answer.
    """

    text: str
    marked: bool
    gold: str


class UnreadableGold(ValueError):
    """A gold answer that math-verify cannot read: a fault of the data, while an answer like that is just no answer."""


class _UnreadableAnswer(ValueError):
    pass


def quick_verdict(claim: Claim) -> Verdict | None:
    """Judge without math-verify; None when that takes more than comparing strings and exact numbers."""
    answer = canonical(claim.text)
    if not answer:
        return UNPARSABLE
    if not claim.marked and number(claim.text) is None:
        return None
    if len(claim.text) > _LONGEST_AT_ONCE:
        return _verdict(answer, True) if answer == canonical(claim.gold) else None
    decision = accepts(claim.gold, claim.text)
    return None if decision is None else _verdict(answer, decision)


def judge(claim: Claim) -> Verdict:
    """Judge with math-verify: extraction for a completion that marks no answer, then equivalence.

    Raises:
        UnreadableGold: if computer algebra is needed and the gold answer cannot be read.
        Exception: whatever math-verify or sympy raise on the answer or the gold.
    """
    text = claim.text if claim.marked else _extract(claim.text)
    if text is None or not canonical(text):
        return UNPARSABLE
    try:
        return _verdict(canonical(text), bool(accepts(claim.gold, text, _equivalent)))
    except _UnreadableAnswer:
        return UNPARSABLE


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

    if not (theirs := _parse(gold)):
        raise UnreadableGold(f"math-verify cannot read the gold answer {gold!r}")
    if not (ours := _parse(answer)):
        raise _UnreadableAnswer(answer)
    equal = verify(theirs, ours, allow_set_relation_comp=True, timeout_seconds=None, raise_on_error=True)
    return equal and _same_to_six_digits(ours[0], theirs[0])


def _same_to_six_digits(one: Any, other: Any) -> bool:
    """Whether two constants agree relative to their size too: math-verify rounds to six decimals, 1e-9 to nothing."""
    if not (getattr(one, "is_number", False) and getattr(other, "is_number", False)):
        return True
    left, right = one.evalf(), other.evalf()
    return bool(abs(left - right) <= _RELATIVE_ERROR * max(abs(left), abs(right)))


@lru_cache(maxsize=1 << 12)
def _parse(expression: str) -> list:
    """Read a whole expression as LaTeX, or return nothing.

    Left to itself, math-verify would fall back on a number that stands somewhere in it, and would drop its units.
    """
    from latex2sympy2_extended import NormalizationConfig
    from math_verify import LatexExtractionConfig, parse

    normalisation = NormalizationConfig(units=False, malformed_operators=True, nits=True, boxed="all")
    reading = LatexExtractionConfig(boxed_match_priority=0, normalization_config=normalisation)
    text = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", without_typesetting(expression))
    # A capital E is Euler's number to the grammar, which does not read it with a subscript.
    text = re.sub(r"(?<![A-Za-z\\])E_", r"\\varepsilon_", text)
    found = parse(rf"\boxed{{{text}}}", extraction_config=(reading,), parsing_timeout=None, raise_on_error=True)
    return [] if found and isinstance(found[0], str) else found
