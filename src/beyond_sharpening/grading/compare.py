"""Comparing two answers part by part: strings and exact numbers decide what they can, the rest is left undecided.

Truth has three values here: True, False, and None where computer algebra has to decide.
"""

import re
from collections.abc import Callable, Iterable

from beyond_sharpening.grading.canonical import canonical, number, same_number, without_typesetting
from beyond_sharpening.grading.quantity import quantity, same_unit
from beyond_sharpening.grading.structure import Several, structure

Judge = Callable[[str, str], bool | None]
"""Whether two expressions, an answer and a gold, are equal; None for undecided."""

_ASSIGNMENT = re.compile(
    r"(?P<name>(?:\\[A-Za-z]+|[A-Za-z])(?:_\w+)?(?:\([A-Za-z]\))?)(?:=|\\in(?![A-Za-z]))(?P<value>[^=<>]+)"
)
_RELATION = re.compile(r"[=<>]|\\(?:[lgn]e|in|cup|cap|setminus|mid|mathbb|emptyset|pm|varnothing)(?![A-Za-z])|\|")
_IN_A_BASE = re.compile(r"-?(?=[^_]*[0-9])[0-9A-Fa-f.]+_(?:[0-9]+|\{[0-9]+\})")
# Kinds of an answer and of a gold that may be one answer typeset differently; for every other two, brackets count.
_OTHER_BRACKETS = {
    *(("list", "set"), ("set", "list")),
    *(("()", "list"), ("[]", "list"), ("list", "()")),
    *(("()", "matrix"), ("matrix", "()")),
}
_WORDS = re.compile(r"[A-Za-z]{4,}(?:[ -][A-Za-z]+)*")


def undecided(answer: str, gold: str) -> None:
    """A judge that leaves every comparison open."""


def same_answer(answer: str, gold: str, judge: Judge = undecided) -> bool | None:
    """Compare an answer with a gold answer.

    Args:
        answer: the content of a box, or anything shorter.
        gold: one gold answer.
        judge: decides what strings and exact numbers cannot.
    """
    if canonical(answer) == canonical(gold):
        return True
    if (decided := same_number(answer, gold)) is not None:
        return decided
    if len(sides := _sides(gold)) > 1:
        return all_true(any_true(same_answer(one, other, judge) for other in sides) for one in _sides(answer))
    ours, theirs = structure(_assigned(answer, gold)), structure(_assigned(gold, answer))
    if isinstance(ours, Several):
        decided = _same_as_one(ours, theirs, judge) if isinstance(theirs, str) else _same_parts(ours, theirs, judge)
    elif isinstance(theirs, Several):
        decided = _same_as_one(theirs, ours, judge)
    else:
        return _same_expression(answer, gold, ours, theirs, judge)
    return judge(answer, gold) if decided is None else decided


def _same_expression(answer: str, gold: str, ours: str, theirs: str, judge: Judge) -> bool | None:
    """Compare two single expressions; ``ours`` and ``theirs`` are without the brackets around them."""
    one, other = quantity(answer), quantity(gold)
    if one.unit or other.unit:
        if not same_unit(one.unit, other.unit):
            return False
        return _same_value(one.value, one.unit, other.value, other.unit, judge)
    if (ours, theirs) != (without_typesetting(answer), without_typesetting(gold)):
        return same_answer(ours, theirs, judge)
    base, other_base = _IN_A_BASE.fullmatch(ours), _IN_A_BASE.fullmatch(theirs)
    if base or other_base:
        return _same_in_a_base(ours, theirs)
    texts = sum(_WORDS.fullmatch(side) is not None for side in (ours, theirs))
    if texts == 2 or (texts and (number(ours), number(theirs)) != (None, None)):
        return ours.casefold() == theirs.casefold()
    return judge(answer, gold)


def _same_value(answer: str, unit: str, gold: str, gold_unit: str, judge: Judge) -> bool | None:
    """Compare the values of two quantities; a lone percent sign may have been worked out."""
    same = same_answer(answer, gold, judge)
    value, gold_value = number(answer), number(gold)
    if same is False and "percent" in (unit, gold_unit) and unit != gold_unit and value is not None:
        return gold_value is not None and (100 * value == gold_value if gold_unit else value == 100 * gold_value)
    return same


def _same_in_a_base(answer: str, gold: str) -> bool:
    """Compare numerals; the base may be left out, for the question names it."""
    (digits, _, base), (gold_digits, _, gold_base) = (
        re.sub(r"[{}]", "", text).casefold().partition("_") for text in (answer, gold)
    )
    return digits == gold_digits and (not base or not gold_base or base == gold_base)


def _same_parts(ours: Several, theirs: Several, judge: Judge) -> bool | None:
    if "union" in (ours.kind, theirs.kind):
        matched = ours.kind == theirs.kind and _match(ours.parts, theirs.parts, judge)
        return matched or None  # the intervals may be cut in other pieces
    fits = ours.kind == theirs.kind or (ours.kind, theirs.kind) in _OTHER_BRACKETS
    both_matrices = ours.columns and theirs.columns
    if not fits or len(ours.parts) != len(theirs.parts) or (both_matrices and ours.columns != theirs.columns):
        return False
    if theirs.ordered:
        return all_true(same_answer(one, other, judge) for one, other in zip(ours.parts, theirs.parts, strict=True))
    return _match(ours.parts, theirs.parts, judge)


def _same_as_one(several: Several, one: str, judge: Judge) -> bool | None:
    """One expression is not several, unless it is a relation or set that may describe them."""
    if several.kind == "set" and len(several.parts) == 1:
        return same_answer(several.parts[0], one, judge)
    described = several.kind not in ("list", "matrix", "ratio") or any(map(_RELATION.search, several.parts))
    return None if number(one) is None and (described or _RELATION.search(one)) else False


def _match(ours: tuple[str, ...], theirs: tuple[str, ...], judge: Judge) -> bool | None:
    """Whether the parts pair off in some order."""
    if len(ours) != len(theirs):
        return False
    left = list(theirs)
    open_parts = []
    for part in ours:
        verdicts = [same_answer(part, other, judge) for other in left]
        if True in verdicts:
            left.pop(verdicts.index(True))
        elif None in verdicts:
            open_parts.append(part)
        else:
            return False
    return None if open_parts else True


def any_true(verdicts: Iterable[bool | None]) -> bool | None:
    """Whether one is true; None where that is open."""
    found: bool | None = False
    for verdict in verdicts:
        if verdict:
            return True
        if verdict is None:
            found = None
    return found


def all_true(verdicts: Iterable[bool | None]) -> bool | None:
    """Whether all are true; None where that is open."""
    found: bool | None = True
    for verdict in verdicts:
        if verdict is False:
            return False
        if verdict is None:
            found = None
    return found


def _sides(text: str) -> list[str]:
    """The sides of an equation between constants, ``0.56 = 56\\%``: one answer, written several times."""
    sides = re.split(r"=|\\approx(?![A-Za-z])", text)
    constant = not re.search(r"[A-Za-z]", re.sub(r"\\[A-Za-z]+", "", text)) and all(side.strip(" $") for side in sides)
    return sides if constant else [text]


def _assigned(text: str, other: str) -> str:
    """Drop the name in ``x = 5`` or ``x \\in [1, 2]`` where the other answer gives the value alone."""
    assignment = _ASSIGNMENT.fullmatch(without_typesetting(text))
    if (
        assignment is None
        or _ASSIGNMENT.fullmatch(without_typesetting(other))
        or _RELATION.search(without_typesetting(other))
    ):
        return text
    return assignment["value"]
