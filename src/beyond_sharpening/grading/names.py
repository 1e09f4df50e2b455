r"""Answers with names: ``x = 5``, ``5 = x``, ``f(t) = t^2``, ``(x, y) = (1, 2)``, ``A:B = 1:2``, ``x = 3, y = 5``."""

import re

from beyond_sharpening.grading.structure import Several
from beyond_sharpening.grading.typesetting import without_typesetting

_LETTER = r"(?:(?!\\[lgn]e(?![A-Za-z]))\\[A-Za-z]+|[A-Za-z])"
_NAME = (
    rf"(?P<name>{_LETTER}(?:_(?:\w|\{{\w+\}}))?'*(?:\((?:(?P<variable>[A-Za-z])|-?[0-9]+)\))?"
    r"|\((?:[A-Za-z](?:_\w)?)(?:,[A-Za-z](?:_\w)?)+\)|[A-Z][a-z]{2,}|[A-Z](?:[A-Z]|:[A-Z])+|[a-z](?::[a-z])+|\\(?:angle|triangle|overline)\{?[A-Z]+\}?)"
)
_VALUE = r"(?P<value>[^=<>]+)"
_ASSIGNMENT = re.compile(rf"{_NAME}(?:=|\\(?:in|approx|equiv)(?![A-Za-z])){_VALUE}")
_ASSIGNED_TO = re.compile(rf"{_VALUE}={_NAME}")
_RELATION = re.compile(r"[=<>]|\\(?:[lgn]e|in|cup|cap|setminus|mid|mathbb|emptyset|pm)(?![A-Za-z])|\|")


def assigned(text: str, other: str) -> str:
    r"""Drop the name in ``x = 5`` or ``x \in [1, 2]`` where the other gives the value alone, or the same name.

    The variable of a function is renamed to that of the other: ``f(t) = t^2`` is ``f(x) = x^2``.
    """
    ours = assignment(text)
    if ours is None:
        return text
    theirs = assignment(other)
    if theirs is None:
        return text if relates(other) else ours["value"]
    if ours["name"] == theirs["name"]:
        return ours["value"]
    if ours["variable"] and theirs["variable"] and ours["name"].split("(")[0] == theirs["name"].split("(")[0]:
        # The higher letter is renamed, so that both sides of a comparison come out alike.
        old, new = sorted((ours["variable"], theirs["variable"]), reverse=True)
        named_alike = ours["variable"] == new or not re.search(rf"(?<![A-Za-z\\]){new}(?![A-Za-z])", ours["value"])
        return re.sub(rf"(?<![A-Za-z\\]){old}(?![A-Za-z])", new, ours["value"]) if named_alike else text
    return text


def assignment(text: str) -> re.Match[str] | None:
    """Return name and value of an answer that gives a value to a name, on either side."""
    plain = without_typesetting(text)
    found = _ASSIGNMENT.fullmatch(plain) or (_ASSIGNED_TO.fullmatch(plain) if "=" in plain else None)
    is_word = found is not None and found["name"].isupper() and len(found["name"]) > 1
    return None if found is None or (is_word and found["value"].isalpha()) else found


def relates(text: str) -> bool:
    """Whether an answer is a relation or a set rather than a value."""
    return bool(_RELATION.search(without_typesetting(text)))


def values_by_name(several: Several) -> tuple[str, ...] | None:
    """Return the values of ``y = 5, x = 3`` in the order of their names; None unless each part names another."""
    if several.kind not in ("list", "set", "()"):
        return None
    named = [assignment(part) for part in several.parts]
    values = {found["name"]: found["value"] for found in named if found is not None}
    return tuple(values[name] for name in sorted(values)) if len(values) == len(several.parts) else None
