r"""Numbers with units: ``5\text{ cm}``, ``336^\circ``, ``10\%``, ``\$5``.

A unit may be left out, for the question names it; another unit is another answer.
"""

import re
from fractions import Fraction
from typing import NamedTuple

from beyond_sharpening.grading.canonical import number
from beyond_sharpening.grading.number_words import NUMBER_WORD
from beyond_sharpening.grading.remembered import remembered
from beyond_sharpening.grading.typesetting import in_ascii, without_typesetting
from beyond_sharpening.grading.units import conversion, is_spelled, split_factor, unit_name

_CURRENCIES = {r"\$": "dollar", "€": "euro", "£": "pound", "₹": "rupee", "¥": "yen"} | {
    r"\pounds": "pound", r"\textsterling": "pound", r"\euro": "euro", r"\texteuro": "euro", r"\yen": "yen",
    r"\textdollar": "dollar", "Rs.": "rupee", "Rs": "rupee",
}  # fmt: skip
_COIN = r"\\\$|[€£₹¥]|\\(?:pounds|textsterling|euro|texteuro|textdollar|yen)(?![A-Za-z])|Rs\.?(?![A-Za-z])"
_COIN_IN_TEXT = re.compile(rf"\\text\s*\{{\s*(?P<coin>{_COIN})\s*(?P<value>[^{{}}]*)\}}")
_PAID = re.compile(rf"[\s$]*(?P<sign>-?)\s*(?:US)?(?P<coin>{_COIN})\s*(?P<value>.*)", re.DOTALL)
_PAID_BEHIND = re.compile(rf"(?P<sign>)(?P<value>.*?)\s*(?P<coin>{_COIN})[\s$]*", re.DOTALL)
_SIGN = re.compile(r"(?P<value>.*[0-9A-Za-z})])(?P<unit>\^\\circ|%|¢|(?<=[0-9])'{1,2}) ?(?P<scale>[CFK]?)", re.DOTALL)
_OF_SIGNS = {r"^\circ": "degree", r"^\circC": "celsius_degree", r"^\circF": "fahrenheit_degree", r"^\circK": "kelvin"}
_ANGLE = re.compile(
    r"(?P<sign>-?)(?P<degrees>[0-9]+)\^\\circ ?(?P<minutes>[0-9.]+)(?:'|\^\{?\\prime\}?) ?"
    r"(?:(?P<seconds>[0-9.]+)(?:''|\"|\^\{?\\prime\\prime\}?))?"
)
_MODULO = re.compile(r"(?P<value>.+?)(?:\\pmod\{?|\(\\?mod ?)(?P<modulus>[0-9]+)[})]?")
_FONT = r"\\(?:text|textrm|textbf|textit|textnormal|textsf|mbox|hbox|mathrm|mathbf|mathsf|mathit|operatorname|rm)"
_POWER = r"\s*\^\s*\{?\s*-?[0-9]\s*\}?"
_ATOM = rf"{_FONT}\s*\{{(?:[^{{}}\d]|\^\{{?-?[0-9]\}}?)*[^{{}}\d\s](?:[^{{}}\d]|\^\{{?-?[0-9]\}}?)*\}}(?:{_POWER})?"
_JOIN = r"(?:\s|/|-|\*|~|\\(?:cdot|times)(?![A-Za-z])|\\[,;: !])*"
_MARKED = re.compile(
    r"(?P<value>.*?[^\s\\({=+*/^_,-])\s*(?:\\[ ,;!]|~)*\s*"
    rf"(?P<unit>\\frac\s*\{{{_ATOM}\}}\s*\{{{_ATOM}\}}|{_ATOM}(?:{_JOIN}{_ATOM})*)[\s.$]*",
    re.DOTALL,
)
_PLAIN = re.compile(
    r"(?P<value>.*[0-9}]) ?(?P<unit>[^\W\d_]['.]?[^\W\d_./ ]?[A-Za-z./ \u3040-\u9fff^*-]*?(?:\^\{?-?[0-9]\}?)?"
    r"(?:/[A-Za-z]+(?:\^\{?[0-9]\}?)?)?)",
    re.DOTALL,
)
_SPELLED = re.compile(rf"(?P<value>{NUMBER_WORD}) ?(?P<unit>percent|per cent|pct|%)")
_TWO = re.compile(r"(?P<one>[0-9.]+) ?(?P<unit>[A-Za-z]+) ?(?:and ?)?(?P<other>[0-9.]+) ?(?P<part>[A-Za-z]+)")
_NO_UNITS = {"or", "and", "i", "e", "d", "t"}  # upright constants, differential and transposition among them
_NO_PART_OF_A_UNIT = {"is", "are", "not", "but", "plus", "minus", "squared", "cubed", "factorial", "halves", "to", "or"}


class Quantity(NamedTuple):
    """A value and its unit.

    Attributes:
        value: the text before the unit.
        unit: its one name, such as ``centimeter ** 2``; ``""`` where there is none.
        factor: what a number word or percent sign makes of the value: a million in ``5 million dollars``.
    """

    value: str
    unit: str
    factor: Fraction = Fraction(1)

    @property
    def bare(self) -> bool:
        """Whether there is neither a unit nor a factor."""
        return not self.unit and self.factor == 1


@remembered(1 << 14)
def quantity(text: str) -> Quantity:
    r"""Split an answer into its value and its unit.

    A unit is a degree or percent sign; a currency sign; text set as such behind a value (``\text{ apples}``,
    ``\mathrm{~N}\cdot\mathrm{m}``); or plain letters behind a number that spell a known unit or long words: the m of
    ``5m`` may be a variable. Degrees, minutes and seconds are degrees, feet and inches are feet.
    """
    text = _COIN_IN_TEXT.sub(r"\g<coin>\g<value>", in_ascii(text))
    plain = without_typesetting(text)
    if paid := _PAID.fullmatch(text) or _PAID_BEHIND.fullmatch(text):
        return _paid(paid)
    if angle := _ANGLE.fullmatch(plain):
        return Quantity(angle["sign"] + _degrees(angle), "degree")
    if (two := _TWO.fullmatch(plain)) and (total := _sum(two)):
        return total
    if modulo := _MODULO.fullmatch(plain):
        return Quantity(modulo["value"], f"modulo {modulo['modulus']}")
    if sign := _SIGN.fullmatch(plain):
        unit = _OF_SIGNS.get(sign["unit"] + sign["scale"]) or split_factor(sign["unit"])[1]
        return _quantity(sign["value"], unit)
    if marked := _MARKED.fullmatch(text):
        words, value = _words(marked["unit"]), without_typesetting(marked["value"])
        if value and words.casefold() not in _NO_UNITS and _NO_PART_OF_A_UNIT.isdisjoint(words.casefold().split()):
            return _quantity(value, words)
    if spelled := _SPELLED.fullmatch(plain):
        return _quantity(spelled["value"], spelled["unit"])
    spelled = _PLAIN.fullmatch(plain)
    if spelled and is_spelled(spelled["unit"]) and _NO_PART_OF_A_UNIT.isdisjoint(spelled["unit"].casefold().split()):
        return _quantity(spelled["value"], spelled["unit"])
    return Quantity(plain, "")


def _quantity(value: str, words: str) -> Quantity:
    factor, names = split_factor(words)
    return Quantity(value, unit_name(names) if names else "", factor)


def _paid(paid: re.Match[str]) -> Quantity:
    value = quantity(paid["value"].strip())
    return Quantity(paid["sign"] + value.value, _CURRENCIES[paid["coin"]], value.factor)


def _words(marked: str) -> str:
    """The unit without the commands that set it; a space stays between two of its parts."""
    plain = re.sub(rf"{_FONT}\s*\{{([^{{}}]*(?:\{{[^{{}}]*\}})?[^{{}}]*)\}}", r" \1 ", marked)
    return " ".join(re.sub(r"\\[ ,;:!]|~|\$", " ", plain).split()).strip(" .")


def _degrees(angle: re.Match[str]) -> str:
    minutes, seconds = Fraction(angle["minutes"]), Fraction(angle["seconds"] or 0)
    return str(int(angle["degrees"]) + minutes / 60 + seconds / 3600)


def _sum(two: re.Match[str]) -> Quantity | None:
    unit, part = unit_name(two["unit"]), unit_name(two["part"])
    share, one, other = conversion(part, unit), number(two["one"]), number(two["other"])
    if share is None or one is None or other is None or unit == part:
        return None
    return Quantity(str(one + other * share), unit) if is_spelled(two["unit"]) and is_spelled(two["part"]) else None
