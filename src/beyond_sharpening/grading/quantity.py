"""Numbers with units: ``5\\text{ cm}``, ``336^\\circ``, ``10\\%``, ``\\$5``.

A unit may be left out, for the question names it; another unit is another answer.
"""

import re
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from beyond_sharpening.grading.canonical import without_typesetting

# One line a unit: its name, then how else it is written. Plurals in -s are understood.
_SPELLINGS = """
degree ^\\circ degrees deg
radian rad
percent %
dollar dollars usd
cent ¢
inch in in. inches ''
foot ft ft. feet '
yard yd
mile mi
millimeter mm millimetre
centimeter cm centimetre
meter m metre
kilometer km kilometre
second s sec
minute min
hour h hr
gram g gm
kilogram kg
liter l litre
milliliter ml millilitre
pound lb
ounce oz
mph miles/hour milesperhour
km/h kmperhour kmph kilometersperhour
m/s meterspersecond
unit
am a.m. a.m
pm p.m. p.m
"""
_NAME_OF = {
    spelling: line.split()[0] for line in _SPELLINGS.strip().splitlines() for spelling in dict.fromkeys(line.split())
}
_FACTORS = {"dozen": 12, "hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_POWERS = {"square": "^2", "sq": "^2", "cubic": "^3", "cu": "^3"}
_SIGN = re.compile(r"(?P<value>.*[0-9A-Za-z})])(?P<unit>\^\\circ|%|¢|(?<=[0-9])'{1,2}) ?(?P<scale>[CFK]?)", re.DOTALL)
_MARKED = re.compile(
    r"(?P<value>.*[^\s\\({=+*/^_-])\s*(?:\\[ ,;!]|~)*\s*"
    r"\\(?:text|textrm|textbf|mbox|mathrm)\s*\{(?P<unit>[^{}\d]*[^{}\d\s][^{}\d]*(?:\^\{?[23]\}?)?)\}"
    r"(?P<power>\s*\^\s*\{?[23]\}?)?[\s.$]*",
    re.DOTALL,
)
_PLAIN = re.compile(r"(?P<value>.*[0-9}]) ?(?P<unit>[A-Za-z][A-Za-z./ ]+?)(?P<power>\^[23])?", re.DOTALL)
_NO_UNITS = {"or", "and", "i", "e", "d", "t"}  # upright constants, differential and transposition among them
_NO_PART_OF_A_UNIT = {"is", "are", "not", "but", "plus", "minus", "squared", "cubed", "factorial", "halves"}
_LONG_WORDS = re.compile(r"[A-Za-z]{4,}(?: [A-Za-z]{4,})*")


class Quantity(NamedTuple):
    """A value and its unit.

    Attributes:
        value: the text before the unit.
        unit: its one name, such as ``centimeter^2``; ``""`` where there is none.
        factor: what a number word or percent sign makes of the value: a million in ``5 million dollars``.
    """

    value: str
    unit: str
    factor: Fraction = Fraction(1)

    @property
    def bare(self) -> bool:
        """Whether there is neither a unit nor a factor."""
        return not self.unit and self.factor == 1


@lru_cache(maxsize=1 << 14)
def quantity(text: str) -> Quantity:
    """Split an answer into its value and its unit.

    A unit is a degree, percent or escaped dollar sign; text set as such behind a value (``\\text{ apples}``); or plain
    letters behind a number that spell a known unit or long words: the m of ``5m`` may be a variable.
    """
    plain = without_typesetting(text)
    if currency := re.fullmatch(r"[\s$]*(-?)\s*\\\$\s*(.*)", text, re.DOTALL):
        return Quantity(currency[1] + without_typesetting(currency[2]), "dollar")
    if sign := _SIGN.fullmatch(plain):
        unit = _NAME_OF[sign["unit"]] + sign["scale"]
        return Quantity(sign["value"], unit, Fraction(1, 100 if unit == "percent" else 1))
    if marked := _MARKED.fullmatch(text):
        words, value = without_typesetting(marked["unit"]), without_typesetting(marked["value"])
        if value and words.casefold() not in _NO_UNITS and _NO_PART_OF_A_UNIT.isdisjoint(words.casefold().split()):
            return _quantity(value, words, marked["power"] or "")
    if (spelled := _PLAIN.fullmatch(plain)) and _is_spelled(spelled["unit"]):
        return _quantity(spelled["value"], spelled["unit"], spelled["power"] or "")
    return Quantity(plain, "")


def same_unit(one: str, other: str) -> bool:
    """Whether two units do not contradict each other: they are the same, or one is missing."""
    return not one or not other or one == other


def _is_spelled(words: str) -> bool:
    """Whether plain letters behind a number are a unit."""
    long = _LONG_WORDS.fullmatch(words) and _NO_PART_OF_A_UNIT.isdisjoint(words.casefold().split())
    return bool(long or _known_unit(words))


def _quantity(value: str, words: str, power: str) -> Quantity:
    factor, names = Fraction(1), words.split()
    while names and (named := _FACTORS.get(_singular(names[0].casefold()))):
        factor, names = factor * named, names[1:]
    unit = _unit(" ".join(names), power) if names else ""
    return Quantity(value, unit, factor / 100 if unit == "percent" else factor)


def _unit(words: str, power: str) -> str:
    return (_known_unit(words) or _singular(re.sub(r"\s+", "", words.casefold()))) + re.sub(r"[\s{}]", "", power)


def _known_unit(words: str) -> str | None:
    power = ""
    parts = words.casefold().split()
    if parts and parts[0] in _POWERS:
        power, parts = _POWERS[parts[0]], parts[1:]
    joined = "".join(parts)
    name = _NAME_OF.get(joined) or _NAME_OF.get(_singular(joined))
    return name and name + power


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
