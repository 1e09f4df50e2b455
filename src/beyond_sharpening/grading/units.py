"""Units: which texts name one, whether two are the same, and how many of one make another. Pint knows them."""

import re
from fractions import Fraction
from functools import cache, lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pint import UnitRegistry

# What Pint does not know, or knows as something else: a definition in its language, a line each.
_DEFINITIONS = """
unit = [unit]
dollar = [currency] = usd = USD
cent = dollar / 100 = ¢
euro = [euro] = EUR
rupee = [rupee] = Rs = INR
yen = [yen] = JPY
yuan = [yuan] = 元
@alias gram = gm
kmph = kilometer / hour = kmh
celsius_degree = [celsius]
fahrenheit_degree = [fahrenheit]
"""
_ALSO_WRITTEN = {
    "''": "inch",
    "'": "foot",
    "米": "meter",
    "厘米": "centimeter",
    "千米": "kilometer",
    "度": "degree",
    "小时": "hour",
    "分钟": "minute",
    "公里": "kilometer",
}
_CLOCK = {"am": "am", "a.m.": "am", "a.m": "am", "pm": "pm", "p.m.": "pm", "p.m": "pm"}
# Abbreviations that are units behind a number even where they are not set as text. One letter may be a variable.
_ABBREVIATED = """
in ft yd mi mm cm km sec min hr hrs gm kg mg ml mL lb lbs oz mph kmph kph deg rad pct usd USD sq cu am AM pm PM a.m p.m
Hz kHz kPa Pa eV kJ kW rpm
"""
_ABBREVIATIONS = frozenset(_ABBREVIATED.split())
_LETTERS_OF_QUOTIENTS = frozenset("mshglNJW")
_TO_PINT = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"\\frac\{([^{}]*)\}\{([^{}]*)\}", r"(\1)/(\2)"),
        (r"\\(?:cdot|times|ast)(?![A-Za-z])|·|(?<=[A-Za-z])\s*-\s*(?=[A-Za-z])", "*"),
        (r"[{}~]|\\", " "),
        (r"\b[Ss]q\b\.?", "square"),
        (r"\b[Cc]u\b\.?", "cubic"),
        (r"(?<=[A-Za-z])\.(?=\s|$)", ""),
        (r"\^\s*", "**"),
        (r"\s+", " "),
    )
)
_FACTORS = {"dozen": 12, "hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_PERCENT = {"percent", "per cent", "pct", "percentage", "%"}


@lru_cache(maxsize=1 << 12)
def unit_name(words: str) -> str:
    """Return the one name of a unit, however it is spelled: ``meter / second`` for ``m/s`` and ``meters per second``.

    A word that is no unit of measurement (``apples``) is its own name, in the singular.
    """
    words = words.strip()
    if clock := _CLOCK.get(words.casefold()):
        return clock
    written = _ALSO_WRITTEN.get(words.casefold(), words)
    return _measured(written) or _measured(written.casefold()) or _singular(re.sub(r"\s+", "", written.casefold()))


@lru_cache(maxsize=1 << 12)
def conversion(one: str, other: str) -> Fraction | None:
    """Return how many of the other unit make one of the first; None where they measure different things.

    A missing unit contradicts none: the question names it.
    """
    if not one or not other or one == other:
        return Fraction(1)
    try:
        ratio = _registry().Quantity(1, one).to(other).magnitude
    except Exception:  # Pint raises many errors for words that are no units, and for those of other dimensions
        return None
    return _exact(ratio) if ratio >= 1 else 1 / _exact(1 / ratio)


def split_factor(words: str) -> tuple[Fraction, str]:
    """Split number words and percent from a unit: a million and ``dollars`` for ``million dollars``."""
    if words.strip().casefold() in _PERCENT:
        return Fraction(1, 100), "percent"
    factor, names = Fraction(1), words.split()
    while names and (named := _FACTORS.get(_singular(names[0].casefold()))):
        factor, names = factor * named, names[1:]
    return factor, " ".join(names)


def is_spelled(words: str) -> bool:
    """Whether plain letters behind a number are a unit: long words, abbreviations, or quotients and powers of them."""
    names = re.findall(r"[^\W\d_]+(?:\.[a-z]\b)?", re.sub(r"\bper\b", "/", words))
    letters = _ABBREVIATIONS | (_LETTERS_OF_QUOTIENTS if re.search(r"/|per", words) else set())
    return bool(names) and all(len(name) > 3 or name in letters or not name.isascii() for name in names)


@cache
def _registry() -> "UnitRegistry":
    from pint import UnitRegistry

    registry: UnitRegistry = UnitRegistry(on_redefinition="ignore")
    for line in _DEFINITIONS.strip().splitlines():
        registry.define(line)
    return registry


def _exact(ratio: float) -> Fraction:
    return Fraction(ratio).limit_denominator(10**6)


def _measured(words: str) -> str | None:
    for pattern, replacement in _TO_PINT:
        words = pattern.sub(replacement, words)
    if not re.fullmatch(r"[A-Za-zµμ°¢元Å_ */().0-9-]+", words.strip()):
        return None
    try:
        return str(_registry().parse_units(words.strip()))
    except Exception:  # as above
        return None


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
