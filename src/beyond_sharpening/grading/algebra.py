"""Equivalence of two expressions by computer algebra: read by math-verify, compared by value where values tell.

Two constants are equal if they agree to thirty digits; two expressions, if they agree wherever they are evaluated, and
differ if they do so at a point where both are real. What values cannot tell (sets, relations, sums) math-verify
compares.
"""

import random
import re
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from typing import Any

from beyond_sharpening.grading.canonical import rounded
from beyond_sharpening.grading.latex import read
from beyond_sharpening.grading.typesetting import without_typesetting

_DIGITS = 30
_EXACT = Fraction(1, 10**20)
_POINTS = 8
_ENOUGH_POINTS = 4
_DECIMAL = re.compile(r"\d+\.\d+(?:\\ldots)?")


class UnreadableGold(ValueError):
    """A gold answer that math-verify cannot read: a fault of the data, while an answer like that is just no answer."""


class UnreadableAnswer(ValueError):
    """An answer that math-verify cannot read as a whole."""


def equivalent(answer: str, gold: str, tolerance: Fraction | None = None) -> bool:
    """Whether an answer is a gold answer, or a number no further from it than the tolerance.

    Raises:
        UnreadableGold: if the gold answer cannot be read.
        UnreadableAnswer: if the answer cannot be read.
        Exception: whatever math-verify or sympy raise on the answer or the gold.
    """
    if not (theirs := read(gold)):
        raise UnreadableGold(f"math-verify cannot read the gold answer {gold!r}")
    if not (ours := read(answer)):
        raise UnreadableAnswer(answer)
    if tolerance is not None:
        return _is_near(ours[0], theirs[0], tolerance)
    one, other = _without_name(ours[0], theirs[0]), _without_name(theirs[0], ours[0])
    if one is None or other is None:
        return False
    if _is_equation(one) and _is_equation(other):
        return _same_equation(one, other)
    by_value = _same_value(one, other, max(_error(answer), _error(gold)))
    if by_value is not None:
        return by_value
    from math_verify import verify

    written = [theirs[0] if other is theirs[0] else other, *theirs[1:]], [ours[0] if one is ours[0] else one, *ours[1:]]
    return bool(verify(*written, allow_set_relation_comp=True, timeout_seconds=None, raise_on_error=True))


def _is_equation(read_as: Any) -> bool:
    from sympy import Eq

    return isinstance(read_as, Eq)


def _is_near(answer: Any, centre: Any, tolerance: Fraction) -> bool:
    value = answer.rhs if _is_equation(answer) else answer
    return bool(getattr(value, "is_number", False)) and bool(abs((value - centre).evalf()) <= tolerance)


def _without_name(read_as: Any, other: Any) -> Any:
    """The value that an equation gives to a name, where the other is no equation; None where it gives none.

    A name is a symbol, a function of names, or a sum or product of symbols that has a number for its value:
    ``m + n = 65`` answers what m + n is, ``2y = x + 1`` not what x + 1 is, and ``x^2 + y^2 = 4`` not 4.
    """
    if not _is_equation(read_as) or not (_is_scalar(other)):
        return read_as
    left, right = read_as.lhs, read_as.rhs
    if left.is_number and right.is_number:
        return right if _same_value(left, right, _EXACT) else None
    for name, value in ((left, right), (right, left)):
        if _is_name(name, has_number=bool(value.is_number)) and not name.free_symbols & value.free_symbols:
            return value
    return None


def _is_scalar(read_as: Any) -> bool:
    from sympy import Expr

    return isinstance(read_as, Expr)


def _is_name(expression: Any, has_number: bool) -> bool:
    from sympy import Function, Mul, Symbol
    from sympy.core.function import AppliedUndef

    if isinstance(expression, Symbol | AppliedUndef):
        return True
    if not has_number:
        return False
    if isinstance(expression, Function):
        return all(argument.is_Symbol for argument in expression.args)
    terms = expression.as_ordered_terms()
    factors = [factor for term in terms for factor in Mul.make_args(-term if term.could_extract_minus_sign() else term)]
    return all(factor.is_Symbol for factor in factors) and len(set(factors)) == len(factors)


def _same_equation(one: Any, other: Any) -> bool:
    """Whether two equations are multiples of each other.

    math-verify compares their solutions, and takes two of which it finds none for the same.
    """
    from sympy import numer, simplify, together

    left, right = (numer(together(equation.lhs - equation.rhs)) for equation in (one, other))
    ratio = simplify(left / right)
    return bool(ratio.is_number and ratio.is_finite and ratio != 0)


def _error(text: str) -> Fraction:
    """The relative error of an expression: that of its roughest decimal that stands for what it is rounded from."""
    decimals = filter(None, map(rounded, _DECIMAL.findall(without_typesetting(text))))
    return max((each.error / each.value for each in decimals if each.value), default=_EXACT)


def _same_value(one: Any, other: Any, error: Fraction) -> bool | None:
    """Compare two expressions, or matrices of them, by their values; None where these do not tell."""
    from sympy import MatrixBase, ceiling, floor, log
    from sympy.matrices.expressions.matexpr import MatrixExpr

    if isinstance(one, MatrixBase | MatrixExpr) or isinstance(other, MatrixBase | MatrixExpr):
        return _same_matrix(one, other, error)
    if not (_is_scalar(one) and _is_scalar(other)) or _is_beyond_values(one) or _is_beyond_values(other):
        return None
    if error == _EXACT and (difference := (one - other).doit()).is_Rational:
        return bool(difference == 0)
    has_logarithm = one.has(log) or other.has(log)
    agreed, symbols = 0, frozenset(one.free_symbols | other.free_symbols)
    for point in _points(symbols, steps=one.has(floor, ceiling) or other.has(floor, ceiling)):
        left, right = (expression.evalf(_DIGITS, subs=point) for expression in (one, other))
        if not (left.is_number and right.is_number and left.is_finite and right.is_finite):
            continue
        close = _close(left, right, error)
        if close is False and (not point or (left.is_real and right.is_real)):
            return False
        if close is not True and (close is None or has_logarithm):
            return None
        agreed += bool(close)  # roots of negative numbers are a matter of convention
    return True if agreed >= (_ENOUGH_POINTS if symbols else 1) else None


def _same_matrix(one: Any, other: Any, error: Fraction) -> bool | None:
    from sympy import MatrixBase

    left, right = (each.doit() for each in (one, other))
    if not (isinstance(left, MatrixBase) and isinstance(right, MatrixBase) and left.shape == right.shape):
        return False
    pairs = zip(left, right, strict=True)
    verdicts = [_same_value(*pair, error) for pair in pairs]
    return None if None in verdicts else all(verdicts)


def _is_beyond_values(expression: Any) -> bool:
    from sympy import Derivative, Integral, Limit, Piecewise, Product, Sum, oo
    from sympy.core.function import AppliedUndef

    return expression.has(Sum, Product, Integral, Limit, Derivative, Piecewise, AppliedUndef, oo, -oo)


def _close(left: Any, right: Any, error: Fraction) -> bool | None:
    """Whether two values agree relative to their size; None where both may be zero, computed with an error."""
    size = max(abs(left), abs(right))
    if left == right or abs(left - right) <= size * float(error):
        return True
    return (
        None if size < float(_EXACT) and 0 not in (left, right) and min(abs(left), abs(right)) < size * 1e-20 else False
    )


@lru_cache(maxsize=1 << 8)
def _points(symbols: frozenset, steps: bool) -> tuple[dict, ...]:
    """Where expressions in the symbols are evaluated: half of the points have positive coordinates only.

    Those with ``steps``, which are the same all over an interval, at more points and a hundred times as far apart.
    """
    from sympy import Rational

    if not symbols:
        return ({},)
    draw = random.Random(0)
    names = sorted(symbols, key=str)
    points, furthest = (3 * _POINTS, 30_000) if steps else (_POINTS, 300)
    signs: Iterator[tuple[int, ...]] = iter([(1,)] * (points // 2) + [(-1, 1)] * (points // 2))
    return tuple(
        {name: Rational(draw.choice(sign) * draw.randint(5, furthest), 97) for name in names} for sign in signs
    )
