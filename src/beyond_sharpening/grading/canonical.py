"""Answers as strings: typesetting removed, numbers exact. Decides most comparisons without computer algebra."""

import re
from fractions import Fraction
from typing import NamedTuple

from beyond_sharpening.grading.number_words import spelled_number
from beyond_sharpening.grading.remembered import remembered
from beyond_sharpening.grading.typesetting import without_typesetting

_UNSIGNED = r"(?:(?:[1-9][0-9]{0,2}(?:(?:,[0-9]{3})+|(?: [0-9]{3})+)|[0-9]+)(?:\.[0-9]*)?|\.[0-9]+)"
_INTEGER = re.compile(r"[+-]?[0-9]+")  # most answers are, so they take a short way
_DECIMAL = re.compile(
    rf"(?P<mantissa>[+-]?{_UNSIGNED})"
    r"(?:(?:[eE]|(?:\\times|\\cdot|\*| ?x ?)10\^)[{(]?(?P<exponent>[+-]?[0-9]{1,3})[)}]?)?"
)
_POWER_OF_TEN = re.compile(r"(?P<sign>[+-]?)10\^\{?(?P<exponent>[+-]?[0-9]{1,3})\}?")
_RATIO = re.compile(
    rf"(?P<sign>[+-]?)(?:(?P<whole>[0-9]+)(?:(?=\\)| ))?"
    rf"(?:\\frac\{{(?P<over>[+-]?{_UNSIGNED})\}}\{{(?P<under>{_UNSIGNED})\}}|(?P<left>{_UNSIGNED})/(?P<right>{_UNSIGNED}))"
)
# Longer texts are no numbers anybody reports, and Python refuses to convert them beyond 4300 digits.
_LONGEST_NUMBER = 200
_REPEATING = re.compile(
    r"(?P<sign>[+-]?)(?P<whole>[0-9]*)\.(?P<places>[0-9]*)"
    r"(?:\\(?:overline|bar)\{?(?P<barred>[0-9]+)\}?|\((?P<bracketed>[0-9]+)\)"
    r"|\\dot\{?(?P<first>[0-9])\}?(?:(?P<between>[0-9]*)\\dot\{?(?P<last>[0-9])\}?)?"
    r"|(?P<block>(?P<digit>[0-9])(?P=digit)(?P=digit)+|(?P<several>[0-9]{2,})(?P=several)+|(?<=\.)[0-9]{2})\\ldots)"
)
_ROUNDED = re.compile(r"(?P<sign>[+-]?)(?P<whole>[0-9,]*)\.(?P<places>[0-9]+)(?P<dots>\\ldots)?")
# A decimal with so many digits stands for the number it is rounded from: 0.333333 for 1/3.
_DIGITS_OF_A_ROUNDED_NUMBER = 6
_ERROR_OF_A_DOUBLE = Fraction(1, 10**15)


@remembered(1 << 14)
def canonical(text: str) -> str:
    """Return the answer without its typesetting: one string for equal numbers, ``""`` for nothing.

    Numbers are exact fractions (``0.50``, ``\\frac12`` and ``1/2`` are ``1/2``; ``025`` is ``25``; ``2,125`` and
    ``2 125`` are ``2125``, while ``2, 125`` is a list; ``1\\frac45`` is ``9/5``; ``4.5 \\times 10^{3}`` and ``4.5e3``
    are ``4500``). Units, percent and degree signs are kept.
    """
    plain = without_typesetting(text)
    value = _number(plain)
    if value is not None:
        return str(value)
    closed = plain.replace(", ", ",")
    return closed if _number(closed) is None else plain


def number(text: str) -> Fraction | None:
    """Return the exact value of a text that is one number (an integer, a decimal, a ratio or mixed), else None."""
    return _number(without_typesetting(text))


class Rounded(NamedTuple):
    """A decimal that stands for any number it is rounded from, those no further away than the error."""

    value: Fraction
    error: Fraction


def same_number(one: str, other: str) -> bool | None:
    """Compare two texts as exact numbers, at any size (1.6e-19 is not 9.1e-31); None unless both are numbers.

    A decimal of at least six significant digits also stands for the ratio it is rounded from.
    """
    left, right = number(one), number(other)
    if left is None or right is None:
        return None
    return left == right or _rounds_to(one, other, right) or _rounds_to(other, one, left)


def rounded(text: str) -> Rounded | None:
    """Return what a decimal of at least six significant digits stands for; None for other texts.

    It gives its digits rounded, or cut off where dots follow them; a double gives fifteen.
    """
    decimal = _ROUNDED.fullmatch(without_typesetting(text))
    if decimal is None or len((decimal["whole"] + decimal["places"]).lstrip("0")) < _DIGITS_OF_A_ROUNDED_NUMBER:
        return None
    value = _fraction(decimal["sign"] + decimal["whole"] + "." + decimal["places"])
    last_place = Fraction(1, 10 ** len(decimal["places"]))
    return Rounded(value, max(last_place if decimal["dots"] else last_place / 2, abs(value) * _ERROR_OF_A_DOUBLE))


def _rounds_to(decimal: str, ratio: str, exact: Fraction) -> bool:
    if re.search(r"/|frac|overline|bar|dot", ratio) is None or (stands_for := rounded(decimal)) is None:
        return False
    return abs(stands_for.value - exact) <= stands_for.error


@remembered(1 << 14)
def _number(plain: str) -> Fraction | None:
    if len(plain) > _LONGEST_NUMBER:
        return None
    if _INTEGER.fullmatch(plain):
        return Fraction(int(plain))
    if decimal := _DECIMAL.fullmatch(plain):
        mantissa = _fraction(decimal["mantissa"])
        return mantissa * Fraction(10) ** int(decimal["exponent"]) if decimal["exponent"] else mantissa
    if power := _POWER_OF_TEN.fullmatch(plain):
        return _signed(power["sign"], Fraction(10) ** int(power["exponent"]))
    if ratio := _RATIO.fullmatch(plain):
        over, under = _fraction(ratio["over"] or ratio["left"]), _fraction(ratio["under"] or ratio["right"])
        if not under or (ratio["whole"] and not 0 < over < under):
            return None
        return _signed(ratio["sign"], int(ratio["whole"] or 0) + over / under)
    if repeating := _REPEATING.fullmatch(plain):
        return _repeating(repeating)
    return spelled_number(plain)


def _repeating(decimal: re.Match[str]) -> Fraction | None:
    """The value of ``0.1\\overline{6}``, ``0.(3)``, ``0.\\dot{1}4\\dot{2}`` or ``0.333\\ldots``."""
    dotted = (decimal["first"] or "") + (decimal["between"] or "") + (decimal["last"] or "")
    block = decimal["barred"] or decimal["bracketed"] or dotted or decimal["digit"] or decimal["several"]
    if block is None:  # 0.33\\ldots
        if len(set(decimal["block"])) > 1:
            return None
        block = decimal["block"][0]
    written = _fraction(f"{decimal['whole'] or 0}.{decimal['places']}0")
    repeated = Fraction(int(block), (10 ** len(block) - 1) * 10 ** len(decimal["places"]))
    return _signed(decimal["sign"], written + repeated)


def _fraction(digits: str) -> Fraction:
    return Fraction(re.sub("[ ,]", "", digits).removesuffix("."))


def _signed(sign: str, value: Fraction) -> Fraction:
    return -value if sign == "-" else value
