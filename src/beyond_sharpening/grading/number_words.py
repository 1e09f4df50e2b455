"""Number words: ``five``, ``twenty-one``, ``two hundred``, ``negative seven``, ``three quarters``."""

import re
from fractions import Fraction

_BELOW_TWENTY = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen
nineteen
"""
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_VALUES = {word: value for value, word in enumerate(_BELOW_TWENTY.split())} | {
    word: 10 * n for n, word in enumerate(_TENS, 2)
}
_POWERS = {"hundred": 100, "thousand": 1000, "million": 10**6}
_PARTS = {
    "half": 2,
    "halve": 2,
    "third": 3,
    "quarter": 4,
    "fourth": 4,
    "fifth": 5,
    "sixth": 6,
    "eighth": 8,
    "tenth": 10,
}
_WORD = "|".join((*_VALUES, *_POWERS))
_WHOLE = rf"(?:{_WORD})(?:(?:[- ]| and )(?:{_WORD}))*"
_SHARE = rf"(?:{'|'.join(_BELOW_TWENTY.split()[1:10])})[- ](?:{'|'.join(_PARTS)})s?"
NUMBER_WORD = rf"(?i:(?:negative )?(?:{_SHARE}|{_WHOLE}))(?![A-Za-z])"


def spelled_number(text: str) -> Fraction | None:
    """Return the value of a number in words, None for anything else."""
    if not text[:1].isalpha() or not re.fullmatch(NUMBER_WORD, text):
        return None
    plain = text.casefold().removeprefix("negative ")
    value = _share(plain) if re.fullmatch(_SHARE, plain) else Fraction(_whole(plain))
    return value if plain == text.casefold() else -value


def _share(text: str) -> Fraction:
    over, part = re.split("[- ]", text)
    return Fraction(_VALUES[over], _PARTS[part.removesuffix("s")])


def _whole(text: str) -> int:
    total = part = 0
    for word in re.split(r"[- ](?:and )?", text):
        if word == "hundred":
            part = max(part, 1) * 100
        elif word in _POWERS:
            total, part = total + max(part, 1) * _POWERS[word], 0
        else:
            part += _VALUES[word]
    return total + part
