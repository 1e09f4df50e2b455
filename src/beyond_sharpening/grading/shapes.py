"""What an answer looks like among words: formulas, numbers, quantities, choices, number words."""

import re

from beyond_sharpening.grading.number_words import NUMBER_WORD

FORMULA = (
    r"(?:\$\$[^$]+\$\$|\$(?![\d,.]+[\s.])[^$\n]+\$|\$[\d,.{}]+\$"  # $5. is money, and $5$ a formula
    r"|\\\((?:(?!\\\)).)+\\\)|\\\[(?:(?!\\\]).)+\\\])"
)
NUMBER = (
    r"(?<![^\s=:*(\[`\"'$€£₹¥：为是])[-−+]?(?:\\?[$€£₹¥]\s?)?"
    r"(?:\\[dt]?frac\{[^{}]*\}\{[^{}]*\}|(?:\d(?:\d|\{,\}(?=\d)|,(?=\d))*(?:\.\d+)?|\.\d+)(?:/\d+|[eE][-+]?\d+)?)"
    r"(?:\s?\\?%)?"
)
AND = r"(?:\s*[,;]\s*(?:and\s+|or\s+)?|\s+(?:and|or)\s+)"
_NO_UNIT = (
    "and|or|but|is|was|were|are|as|so|because|since|for|times|more|less|plus|minus|squared|cubed|off|if|when|than"
)
_UNIT_WORDS = rf"(?:\s+(?!(?:{_NO_UNIT})\b)[A-Za-z%°][\w./^°-]*){{1,4}}"

_FORMULAS = re.compile(rf"[*_`]*(?P<value>{FORMULA}(?:{AND}{FORMULA})*)", re.DOTALL)
_NUMBERS = re.compile(rf"(?P<value>{NUMBER}(?:{AND}{NUMBER})*)(?P<rest>.*)", re.DOTALL)
_QUANTITY = re.compile(rf"(?P<value>{NUMBER}{_UNIT_WORDS})$")
_CHOICE = re.compile(r"(?P<value>\(?[A-H]\)?(?:(?<=[).:])\s+\S.*|[.:]\s+\S.*)?)$")
_WORD = re.compile(rf"(?P<value>{NUMBER_WORD}(?:\s+[a-z]+){{0,2}}|(?i:yes|no|true|false))$")
# Words of prose; names of functions and conjunctions may stand in a formula.
_PROSE = re.compile(
    r"(?<![A-Za-z\\])(?!(?:and|or|sin|cos|tan|log|ln|exp|sqrt|pi)(?![A-Za-z]))[A-Za-z]{2,}(?![A-Za-z])|[^\x00-\x7fπ√°²³−×·≤≥∞½¼¾]{2}"
)
_OPEN_BOX = re.compile(r"\\(?:boxed|fbox|framebox)(?![A-Za-z])")  # a closed one would have been read as a box
_CONTINUES = re.compile(r"\s*(?:[-+*/^=\\<>(]|(?:times|more|less|plus|minus|squared|cubed)\b)")
# Where a sentence, or the part of it that holds the answer, ends.
_STOP = re.compile(
    r"\n|[.!?](?=\s|$)|[。；，]|;(?=\s)|,(?=\s+[A-Za-z]{2,})(?!\s+(?:and|or)\b)"
    r"|\s(?:because|since|so|as|for|which|where|when|if|but)\s|\s[–—(]\s?|</"
)
_WRAPPING = " \t*_`\"'”“\\]$"


def leading_value(text: str) -> str | None:
    """Return the answer that a text begins with, up to the end of its sentence; None where it begins with words."""
    if formulas := _FORMULAS.match(text):
        return None if _CONTINUES.match(text, formulas.end()) else formulas["value"]
    sentence = _STOP.split(text, maxsplit=1)[0]
    candidate = sentence.strip() if sentence.startswith("\\") else sentence.strip(_WRAPPING)
    if _OPEN_BOX.match(candidate):
        return None
    for shape in (_QUANTITY, _CHOICE, _WORD):
        if found := shape.match(candidate):
            return found["value"]
    if re.search(r"[\dA-Za-z½⅓¼¾√π∞∅]", candidate) and not _PROSE.search(re.sub(r"\\[A-Za-z]+", " ", candidate)):
        return candidate
    numbers = _NUMBERS.match(candidate)
    if numbers and numbers["rest"].startswith(" ") and not re.search(r"\d", numbers["rest"]):
        return None if _CONTINUES.match(numbers["rest"]) else numbers["value"]
    return None


def whole_value(line: str) -> str | None:
    """Return the answer that a line holds and nothing else: formulas, numbers, or a number with its unit."""
    line = line.strip().rstrip(".*")
    shape = _FORMULAS.fullmatch(line) or _QUANTITY.fullmatch(line) or _NUMBERS.fullmatch(line)
    has_rest = shape is not None and (shape.groupdict().get("rest") or "").strip()
    return shape["value"] if shape and not has_rest else None
