r"""Bounds as intervals: ``x < 3`` is ``(-\infty,3)``, ``-1 \le x < 2`` is ``[-1,2)``."""

import re
from typing import NamedTuple

from beyond_sharpening.grading.structure import Several, structure
from beyond_sharpening.grading.typesetting import without_typesetting

_SIGN = r"(<|>|\\le(?![A-Za-z])|\\ge(?![A-Za-z]))"
_NAME = r"(?P<name>(?:[A-Za-z]|\\(?!le|ge|pi|infty)[A-Za-z]+)(?:_\w)?)"
_END = r"((?:(?!\\(?:le|ge)(?![A-Za-z]))[^<>=,])+)"
_ABOVE_OR_BELOW = re.compile(rf"{_NAME}{_SIGN}{_END}")
_TURNED = re.compile(rf"{_END}{_SIGN}{_NAME}")
_BETWEEN = re.compile(rf"{_END}{_SIGN}{_NAME}{_SIGN}{_END}")
_INTERVAL = re.compile(rf"(?:{_NAME}\\in)?(?P<interval>[(\[][^,]+,[^,]+[)\]])", re.DOTALL)
_OTHER_WAY = {"<": ">", ">": "<", r"\le": r"\ge", r"\ge": r"\le"}


class Bound(NamedTuple):
    """An interval, and the name that it bounds (``""`` for none)."""

    name: str
    interval: str


def bound(text: str) -> Bound | None:
    """Return the interval that an answer is, or describes by bounds on one name; None for other answers."""
    plain = structure(text) if r"\{" in text else without_typesetting(text)
    if not isinstance(plain, str):
        return None
    if interval := _INTERVAL.fullmatch(plain):
        return Bound(interval["name"] or "", interval["interval"])
    if between := _BETWEEN.fullmatch(plain):
        low, first, name, second, high = between.groups()
        return _between(name, low, _OTHER_WAY[first], second, high)
    if turned := _TURNED.fullmatch(plain):
        end, sign, name = turned.groups()
        return _one_sided(name, _OTHER_WAY[sign], end)
    if one_sided := _ABOVE_OR_BELOW.fullmatch(plain):
        return _one_sided(*one_sided.groups())
    return None


def as_union(answer: str | Several) -> Several | None:
    r"""Return the union that an answer is, also one of intervals or bounds joined by *or*; None for other answers."""
    if isinstance(answer, str):
        return None
    if answer.kind == "union":
        return answer
    bounds = [bound(part) for part in answer.parts] if answer.kind == "alternatives" else []
    intervals = tuple(found.interval for found in bounds if found is not None)
    return Several("union", intervals) if len(intervals) == len(answer.parts) else None


def _between(name: str, low: str, to_low: str, to_high: str, high: str) -> Bound | None:
    if to_low in ("<", r"\le"):  # 3 > x > -1
        low, to_low, to_high, high = high, to_high, to_low, low
    if to_low in ("<", r"\le") or to_high in (">", r"\ge"):
        return None
    return Bound(name, f"{'(' if to_low == '>' else '['}{low},{high}{')' if to_high == '<' else ']'}")


def _one_sided(name: str, sign: str, end: str) -> Bound:
    if sign in ("<", r"\le"):
        return Bound(name, rf"(-\infty,{end}{')' if sign == '<' else ']'}")
    return Bound(name, rf"{'(' if sign == '>' else '['}{end},\infty)")
