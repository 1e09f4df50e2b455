"""Number words: ``five``, ``twenty-one``, ``two hundred``."""

import re

_BELOW_TWENTY = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen
nineteen
"""
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_VALUES = {word: value for value, word in enumerate(_BELOW_TWENTY.split())} | {
    word: 10 * n for n, word in enumerate(_TENS, 2)
}
_POWERS = {"hundred": 100, "thousand": 1000, "million": 10**6}
_WORD = "|".join((*_VALUES, *_POWERS))
NUMBER_WORD = rf"(?i:(?:{_WORD})(?:(?:[- ]| and )(?:{_WORD}))*)(?![A-Za-z])"


def spelled_number(text: str) -> int | None:
    """Return the value of a number in words, None for anything else."""
    if not text[:1].isalpha() or not re.fullmatch(NUMBER_WORD, text):
        return None
    total = part = 0
    for word in re.split(r"[- ](?:and )?", text.casefold()):
        if word == "hundred":
            part = max(part, 1) * 100
        elif word in _POWERS:
            total, part = total + max(part, 1) * _POWERS[word], 0
        else:
            part += _VALUES[word]
    return total + part
