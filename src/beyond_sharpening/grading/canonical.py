"""Answers as strings: typesetting removed, numbers exact. Decides most comparisons without computer algebra."""

import re
from fractions import Fraction
from functools import lru_cache

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
# A decimal with so many digits stands for the number it is rounded from: 0.333333 for 1/3.
_DIGITS_OF_A_ROUNDED_NUMBER = 6

# Characters that stand for a command or for an ASCII character.
_CHARACTERS = str.maketrans(
    {"−": "-", "–": "-", "×": r"\times ", "·": r"\cdot ", "π": r"\pi ", "∞": r"\infty ", "∪": r"\cup "}
    | {"≤": r"\le ", "≥": r"\ge ", "≠": r"\ne ", "°": r"^\circ ", "º": r"^\circ "}
    | dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff")  # no width
    | {chr(ord(character) + 0xFEE0): character for character in map(chr, range(ord("!"), ord("~") + 1))}  # full width
)

_TYPESETTING: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r",\s*\\!\s*", ","),
        # A command is not the second half of a line break: \\ (-1) and \\[2pt] stand in matrices.
        (r"(?<!\\)\\(?:(?:left|right|[bB]igg?[lmr]?|displaystyle|limits)(?![A-Za-z])|[!,;:()\[\]])|\\?\$", ""),
        (r"(?<!\\)\\(?: |q?quad(?![A-Za-z]))|~", " "),
        (r"\\(?:text)?color\s*\{[^{}]*\}\s*(?:\{([^{}]*)\})?", r"\1"),
        (r"\\%", "%"),
        (r"\{,\}", ","),
        (r"\{:\}", ":"),
        (r"(\\[A-Za-z]+)\s+(?![A-Za-z])", r"\1"),
        (r"\\[dtc]frac(?![A-Za-z])", r"\\frac"),
        (r"\\([lgn])e(?:q|qslant)?(?![A-Za-z])", r"\\\1e"),
        (r"(?<![A-Za-z])np\.(?=[a-z])", r"\\"),
        (r"\\(frac|sqrt)\s*([0-9]|\\(?:pi|alpha|beta|theta)(?![A-Za-z]))", r"\\\1{\2}"),
        (r"(\\frac\{[^{}]*\})\s*([0-9A-Za-z])", r"\1{\2}"),
        (r"\\phantom(?![A-Za-z])(?:\s*\{[^{}]*\})?", ""),
        (r"\^\s*\{\s*\\circ\s*\}|\\degree(?![A-Za-z])", r"^\\circ"),
        (r"\\lbrace(?![A-Za-z])", r"\\{"),
        (r"\\rbrace(?![A-Za-z])", r"\\}"),
        (r"\\langle(?![A-Za-z])", "("),
        (r"\\rangle(?![A-Za-z])", ")"),
        (r"\{([^{}]*)\\over(?![A-Za-z])([^{}]*)\}", r"\\frac{\1}{\2}"),
        (r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mbox|emph)\s*\{([^{}]*)\}", r"\1"),
        (r"([\^_])\{([0-9A-Za-z])\}", r"\1\2"),
        (r"\s+", " "),
        # A space counts between letters and digits only, "1 1/2" is not "11/2"; and in a list of two numbers that
        # would be one with a thousands separator without it: "81, 256".
        (r"(?<![0-9A-Za-z])(?!(?<=[0-9],) [0-9]{3}(?![0-9])) | (?![0-9A-Za-z])", ""),
        (r"^(?:=|\\approx(?![A-Za-z]))", ""),
        (r"(?:^|(?<=[(\[,={]))\+(?=[0-9A-Za-z.\\(])", ""),
        (r"[.,;]+$", ""),
    )
)


@lru_cache(maxsize=1 << 14)
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


def same_number(one: str, other: str) -> bool | None:
    """Compare two texts as exact numbers, at any size (1.6e-19 is not 9.1e-31); None unless both are numbers.

    A decimal of at least six significant digits also stands for the ratio it is rounded from.
    """
    left, right = number(one), number(other)
    if left is None or right is None:
        return None
    return left == right or _rounds_to(one, left, other, right) or _rounds_to(other, right, one, left)


def _rounds_to(decimal: str, value: Fraction, ratio: str, exact: Fraction) -> bool:
    digits = re.fullmatch(r"[+-]?(0*)([0-9]*)\.([0-9]+)", without_typesetting(decimal))
    if digits is None or ("/" not in ratio and "frac" not in ratio):
        return False
    enough = len((digits[2] + digits[3]).lstrip("0")) >= _DIGITS_OF_A_ROUNDED_NUMBER
    return enough and 2 * abs(value - exact) <= Fraction(1, 10 ** len(digits[3]))


@lru_cache(maxsize=1 << 14)
def without_typesetting(text: str) -> str:
    """Return the text without what only sets the type; its numbers as they were written."""
    if _INTEGER.fullmatch(text):
        return text
    text = text.translate(_CHARACTERS)
    for pattern, replacement in _TYPESETTING:
        text = pattern.sub(replacement, text)
    return text + "}" * (text.count("{") - text.count("}"))  # as in a gold answer that was cut short


@lru_cache(maxsize=1 << 14)
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
    return None


def _fraction(digits: str) -> Fraction:
    return Fraction(re.sub("[ ,]", "", digits).removesuffix("."))


def _signed(sign: str, value: Fraction) -> Fraction:
    return -value if sign == "-" else value
