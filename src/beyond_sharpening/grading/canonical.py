"""Answers as strings: typesetting removed, numbers exact. Decides most comparisons without computer algebra."""

import re
from fractions import Fraction
from functools import lru_cache

_UNSIGNED = r"(?:(?:[1-9][0-9]{0,2}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]*)?|\.[0-9]+)"
_DECIMAL = re.compile(
    rf"(?P<mantissa>[+-]?{_UNSIGNED})(?:(?:[eE]|(?:\\times|\\cdot|\*|×)10\^)\{{?(?P<exponent>[+-]?[0-9]{{1,3}})\}}?)?"
)
_RATIO = re.compile(
    r"(?P<sign>[+-]?)(?:\\frac\{(?P<over>[+-]?[0-9]+)\}\{(?P<under>[0-9]+)\}|(?P<left>[0-9]+)/(?P<right>[0-9]+))"
)
# Longer texts are no numbers anybody reports, and Python refuses to convert them beyond 4300 digits.
_LONGEST_NUMBER = 200

_TYPESETTING: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"−|–", "-"),
        # A command is not the second half of a line break: \\ (-1) and \\[2pt] stand in matrices.
        (r"(?<!\\)\\(?:(?:left|right|displaystyle|limits)(?![A-Za-z])|[!,;:()\[\]])|\\?\$", ""),
        (r"(?<!\\)\\(?: |q?quad(?![A-Za-z]))|~", " "),
        (r"\\%", "%"),
        (r"\{,\}", ","),
        (r"\\[dtc]frac(?![A-Za-z])", r"\\frac"),
        (r"\\(frac|sqrt)\s*([0-9])", r"\\\1{\2}"),
        (r"(\\frac\{[^{}]*\})\s*([0-9])", r"\1{\2}"),
        (r"\^\s*\{\s*\\circ\s*\}", r"^\\circ"),
        (r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mbox)\s*\{([^{}]*)\}", r"\1"),
        (r"(\\[A-Za-z]+)\s+(?![A-Za-z])", r"\1"),
        # Elsewhere a space counts between letters and digits only: "1 1/2" is not "11/2".
        (r"(?<![0-9A-Za-z])\s+|\s+(?![0-9A-Za-z])", ""),
        (r"\s+", " "),
    )
)


@lru_cache(maxsize=1 << 14)
def canonical(text: str) -> str:
    """Return the answer without its typesetting: one string for equal numbers, ``""`` for nothing.

    Numbers are exact fractions (``0.50``, ``\\frac12`` and ``1/2`` are ``1/2``; ``025`` is ``25``; ``2,125`` is
    ``2125``; ``4.5 \\times 10^{3}`` and ``4.5e3`` are ``4500``). Units, percent and degree signs are kept.
    """
    plain = _without_typesetting(text)
    number = _number(plain)
    return plain if number is None else str(number)


def is_number(text: str) -> bool:
    """Whether the whole text is one number: an integer, a decimal or a ratio of integers."""
    return _number(_without_typesetting(text)) is not None


def decide(answer: str, gold: str) -> bool | None:
    """Compare two answers as strings and exact numbers; None when that cannot decide.

    Numbers are compared exactly, at any size: 1.6e-19 is not 9.1e-31. A ratio against a different decimal is left
    undecided, for 0.333333 may stand for 1/3.
    """
    if canonical(answer) == canonical(gold):
        return True
    if is_number(answer) and is_number(gold) and _is_ratio(answer) == _is_ratio(gold):
        return False
    return None


def _is_ratio(number: str) -> bool:
    return "/" in number or "frac" in number


@lru_cache(maxsize=1 << 14)
def _without_typesetting(text: str) -> str:
    for pattern, replacement in _TYPESETTING:
        text = pattern.sub(replacement, text)
    return text.strip().removesuffix(".")


def _number(plain: str) -> Fraction | None:
    if len(plain) > _LONGEST_NUMBER:
        return None
    if decimal := _DECIMAL.fullmatch(plain):
        mantissa = Fraction(decimal["mantissa"].replace(",", ""))
        return mantissa * Fraction(10) ** int(decimal["exponent"] or 0)
    if ratio := _RATIO.fullmatch(plain):
        over, under = int(ratio["over"] or ratio["left"]), int(ratio["under"] or ratio["right"])
        return Fraction(-over if ratio["sign"] == "-" else over, under) if under else None
    return None
