"""The number or formula that a text ends with, for texts that state no answer otherwise."""

import re

from beyond_sharpening.grading.shapes import AND, FORMULA, NUMBER
from beyond_sharpening.grading.statements import unstated_at_the_end

_LONGEST = 400
_TRAILING = ' \t\r\n*.`"。'
_TRAILER = re.compile(
    r"(?:I hope (?:it|this|that) (?:is correct|helps)|Thank you|Done|Q\.?E\.?D|\\blacksquare|\\square|■)[.!]*\Z"
)
_CHOICE = re.compile(r"(?:^|\n)\s*(\(?[A-H]\)?)\Z")
_VALUE = rf"(?:{FORMULA}|{NUMBER})"
_ENDING = re.compile(
    rf"(?P<value>{_VALUE}(?:{AND}(?:[A-Za-z]\s*=\s*)?{_VALUE})*(?:\s+[a-z]+)?(?:\s+per\s+[a-z]+)?)\Z", re.DOTALL
)
_PART_OF_MORE = re.compile(r"(?:(?<![=:*\s])[-+/^]|[-+/^]\s|\d\s+|\d\s*\*\s|\\cdot\s*|\\times\s*)\Z")
_NUMBERED = re.compile(
    r"(?i)\b(?:questions?|problems?|steps?|cases?|parts?|examples?|exercises?|equations?|eqs?\.?|figures?|tables?|pages?"
    r"|options?|lines?|sections?|chapters?|rows?|methods?|solutions?|lemmas?|theorems?|than|either|between)\s+\(?\Z"
)
_EQUATED = re.compile(r"(?P<left>[^=\n.;:,]*)=\s*\Z")
_CONSTANT = re.compile(r"[\d\s.,+*/()^×·%-]*")
_ENDS_IN_A_NAME = re.compile(r"(?:.*[^\s\w+*/^-]|.*\w\s|)\s*\(?[A-Za-z]\w*\)?\s*", re.DOTALL)


def ending(text: str) -> str | None:
    """Return the number, formula or choice that a text ends with, or None.

    It is none where it is part of something longer (``5 - 3``, ``question 7``, ``x + 3 = 10``), and where its sentence
    denies, supposes or asks.
    """
    text = text[-2 * _LONGEST :].rstrip(_TRAILING)
    while trailer := _TRAILER.search(text):
        text = text[: trailer.start()].rstrip(_TRAILING)
    text = text[-_LONGEST:]
    if choice := _CHOICE.search(text):
        return choice[1]
    if not (found := _ENDING.search(text)):
        return None
    before = text[: found.start()]
    equated = _EQUATED.search(before)
    if unstated_at_the_end(before) or _PART_OF_MORE.search(before) or _NUMBERED.search(before):
        return None
    return None if equated and not _is_value_or_name(equated["left"]) else found["value"]


def _is_value_or_name(left: str) -> bool:
    plain = re.sub(r"\\[A-Za-z]+|\\[()\[\]]|\$", " ", left)
    return bool(
        _CONSTANT.fullmatch(plain) or (_ENDS_IN_A_NAME.fullmatch(plain) and not re.search(r"[-+*/^]\s*\w+\s*$", plain))
    )
