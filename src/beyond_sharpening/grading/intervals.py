r"""Bounds as intervals: ``x < 3`` is ``(-\infty,3)``, ``-1 \le x < 2`` is ``[-1,2)``."""

import re

from beyond_sharpening.grading.structure import Several
from beyond_sharpening.grading.typesetting import without_typesetting

_SIGN = r"(<|>|\\le(?![A-Za-z])|\\ge(?![A-Za-z]))"
_NAME = r"(?:[A-Za-z]|\\[A-Za-z]+)(?:_\w)?"
_END = r"((?:(?!\\(?:le|ge)(?![A-Za-z]))[^<>=,])+)"
_BELOW_OR_ABOVE = re.compile(rf"{_NAME}{_SIGN}{_END}")
_TURNED = re.compile(rf"{_END}{_SIGN}{_NAME}")
_BETWEEN = re.compile(rf"{_END}{_SIGN}{_NAME}{_SIGN}{_END}")
_OTHER_WAY = {"<": ">", ">": "<", r"\le": r"\ge", r"\ge": r"\le"}
_INTERVAL = re.compile(r"[(\[].+,.+[)\]]", re.DOTALL)


def as_interval(text: str) -> str | None:
    """Return the interval that an answer is, or that its bound on one name describes; None for other answers."""
    plain = without_typesetting(text)
    if _INTERVAL.fullmatch(plain):
        return plain
    if between := _BETWEEN.fullmatch(plain):
        low, first, second, high = between.groups()
        if (first in "<\\le") != (second in "<\\le"):
            return None
        if first in (">", r"\ge"):
            low, first, second, high = high, _OTHER_WAY[second], _OTHER_WAY[first], low
        return ("(" if first == "<" else "[") + f"{low},{high}" + (")" if second == "<" else "]")
    if turned := _TURNED.fullmatch(plain):
        sign, end = _OTHER_WAY[turned[2]], turned[1]
    elif bound := _BELOW_OR_ABOVE.fullmatch(plain):
        sign, end = bound[1], bound[2]
    else:
        return None
    closing = "" if sign in "<>" else "closed"
    if sign in ("<", r"\le"):
        return rf"(-\infty,{end}" + ("]" if closing else ")")
    return ("[" if closing else "(") + rf"{end},\infty)"


def as_union(answer: str | Several) -> Several | None:
    r"""Return the union that an answer is, also one of intervals or bounds joined by *or*; None for other answers."""
    if isinstance(answer, str):
        return None
    if answer.kind == "union":
        return answer
    intervals = [as_interval(part) for part in answer.parts] if answer.kind == "alternatives" else []
    return Several("union", tuple(filter(None, intervals))) if intervals and all(intervals) else None
