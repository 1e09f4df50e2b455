"""Judging by math-verify: runs inside worker processes, where it can be killed.

math-verify guards itself with signals, which work in main threads only and score what they stop as wrong. Its own
time limits are therefore off here; :mod:`beyond_sharpening.grading.pool` sets the limit from outside.
"""

import logging
import re
from fractions import Fraction
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
        text: the answer the completion states, ``""`` when it states none.
        gold: the gold answer.
    """

    text: str
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
    if len(claim.text) > _LONGEST_AT_ONCE:
        return _verdict(answer, True) if answer == canonical(claim.gold) else None
    decision = accepts(claim.gold, claim.text)
    return None if decision is None else _verdict(answer, decision)


def judge(claim: Claim) -> Verdict:
    """Judge with math-verify.

    Raises:
        UnreadableGold: if computer algebra is needed and the gold answer cannot be read.
        Exception: whatever math-verify or sympy raise on the answer or the gold.
    """
    try:
        return _verdict(canonical(claim.text), bool(accepts(claim.gold, claim.text, _equivalent)))
    except _UnreadableAnswer:
        return UNPARSABLE


def warm_up() -> None:
    """Load math-verify and its grammar, so that the first claim's time limit does not pay for it."""
    logging.getLogger("math_verify").setLevel(logging.ERROR)  # warns that its time limits are off
    _equivalent("x", "y")


def _verdict(answer: str, correct: bool) -> Verdict:
    return Verdict("correct" if correct else "wrong", answer)


def _equivalent(answer: str, gold: str, tolerance: Fraction | None = None) -> bool:
    from math_verify import verify
    from sympy import Eq

    if not (theirs := _parse(gold)):
        raise UnreadableGold(f"math-verify cannot read the gold answer {gold!r}")
    if not (ours := _parse(answer)):
        raise _UnreadableAnswer(answer)
    if tolerance is not None:
        return _is_near(ours[0], theirs[0], tolerance)
    if isinstance(ours[0], Eq) and isinstance(theirs[0], Eq):
        return _same_equation(ours[0], theirs[0])
    equal = verify(theirs, ours, allow_set_relation_comp=True, timeout_seconds=None, raise_on_error=True)
    return equal and _same_to_six_digits(ours[0], theirs[0])


def _is_near(answer: Any, centre: Any, tolerance: Fraction) -> bool:
    from sympy import Eq

    value = answer.rhs if isinstance(answer, Eq) else answer
    return bool(getattr(value, "is_number", False)) and bool(abs((value - centre).evalf()) <= tolerance)


def _same_equation(one: Any, other: Any) -> bool:
    """Whether two equations are multiples of each other.

    math-verify compares their solutions, and takes two of which it finds none for the same.
    """
    from sympy import numer, simplify, together

    left, right = (numer(together(equation.lhs - equation.rhs)) for equation in (one, other))
    ratio = simplify(left / right)
    return bool(ratio.is_number and ratio.is_finite and ratio != 0)


def _same_to_six_digits(one: Any, other: Any) -> bool:
    """Whether two constants agree relative to their size too: math-verify rounds to six decimals, 1e-9 to nothing."""
    if not (getattr(one, "is_number", False) and getattr(other, "is_number", False)):
        return True
    left, right = one.evalf(), other.evalf()
    return bool(abs(left - right) <= _RELATIVE_ERROR * max(abs(left), abs(right)))


@lru_cache(maxsize=1 << 12)
def _parse(expression: str) -> list:
    """Read a whole expression as LaTeX, or return nothing.

    Left to itself, math-verify would fall back on a fraction or number that stands somewhere in it, would drop its
    units and primes, and would take the derivative of every variable for zero.
    """
    from latex2sympy2_extended import NormalizationConfig
    from math_verify import LatexExtractionConfig, parse
    from sympy import Derivative, Eq, Rational, Symbol, nan, zoo

    if (value := number(expression)) is not None:
        return [Rational(value.numerator, value.denominator)]
    normalisation = NormalizationConfig(units=False, malformed_operators=True, nits=True, boxed="all")
    reading = LatexExtractionConfig(boxed_match_priority=0, normalization_config=normalisation)
    found = parse(
        rf"\boxed{{{_for_the_grammar(expression)}}}",
        extraction_config=(reading,),
        extraction_mode="first_match",
        parsing_timeout=None,
        raise_on_error=True,
    )
    if not found or isinstance(found[0], str) or found[0].has(nan, zoo):
        return []
    read, *written = found
    if isinstance(read, Eq) and read.lhs == read.rhs:  # N = n: the grammar knows no capitals
        return []
    rates = {rate: Symbol(str(rate), real=True) for rate in read.atoms(Derivative) if rate.expr.is_Symbol}
    return [read.xreplace(rates), *written]


def _for_the_grammar(expression: str) -> str:
    """Write what the grammar would take for something else as what it is."""
    text = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", without_typesetting(expression))
    text = re.sub(r"(?<==)([-+]?[\d.]+)[eE]([-+]?\d+)$", r"\1\\cdot10^{\2}", text)
    text = re.sub(r"'+", lambda primes: "^{" + r"\prime" * len(primes[0]) + "}", text)
    # A capital E is Euler's number, which has no subscript, and a gamma is the function.
    text = re.sub(r"(?<![A-Za-z\\])E_", r"\\varepsilon_", text)
    return re.sub(r"\\gamma(?![A-Za-z])", r"\\varpi", text)
