"""Gold answers: what the data says is right, with a tolerance or several acceptable answers where it says so.

A gold answer is LaTeX or plain text. Two commands of our own, which no answer has, carry what else the data knows:
``4.2\\within{0.1}`` accepts numbers up to 0.1 away, and ``\\anyof{-3}{3}`` accepts either answer.
"""

import re
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from beyond_sharpening.grading.canonical import canonical, number
from beyond_sharpening.grading.compare import (
    Judge,
    all_true,
    any_true,
    exact_and_rounded,
    is_rounded,
    same_answer,
    undecided,
)
from beyond_sharpening.grading.names import assigned
from beyond_sharpening.grading.quantity import quantity
from beyond_sharpening.grading.structure import Several, structure
from beyond_sharpening.grading.units import conversion

_ANY_OF = r"\anyof"
_ONE_SIDED = re.compile(r"[^=]*(?:=|\\approx|<|>|\\[lgn]e)(?![A-Za-z])|(?:=|<|>|\\[lgn]e(?![A-Za-z]))[^=]*", re.DOTALL)
_WITHIN = re.compile(r"(?P<answer>.*)\\within\{(?P<tolerance>[^{}]*)\}", re.DOTALL)

# A) 5 answers A, and 5; A) or 5 leaves both open
_CHOICE = re.compile(
    r"\s*(?:\\(?:text|textbf|mathrm|mathbf)\s*\{)?\s*\(?([A-H])[).:](?:\s*\}|\s|\\[ ,;]|~)(?:\s|\\[ ,;]|~)*"
    r"(?!(?:\\(?:text|textbf|mathrm|mathbf)\s*\{)?\s*(?:or|and)\b)(\S.*)",
    re.DOTALL,
)


class Acceptable(NamedTuple):
    """One acceptable answer; its tolerance is None where only the answer itself is."""

    answer: str
    tolerance: Fraction | None


def any_of(*answers: str) -> str:
    """Return the gold answer that accepts each of the answers."""
    return answers[0] if len(answers) == 1 else _ANY_OF + "".join(f"{{{answer}}}" for answer in answers)


def within(answer: str, tolerance: str) -> str:
    """Return the gold answer that accepts numbers up to the tolerance away, both ends included."""
    return rf"{answer}\within{{{tolerance}}}"


@lru_cache(maxsize=1 << 14)
def acceptable(gold: str) -> tuple[Acceptable, ...]:
    """Return the answers that a gold answer accepts.

    Raises:
        ValueError: if ``\\anyof`` or ``\\within`` is not written as this module writes it.
    """
    if gold.startswith(_ANY_OF):
        return tuple(each for answer in _groups(gold) for each in acceptable(answer))
    if not (bounded := _WITHIN.fullmatch(gold)):
        return (Acceptable(gold, None),)
    tolerance = number(bounded["tolerance"])
    if tolerance is None or number(quantity(bounded["answer"]).value) is None:
        raise ValueError(f"The gold answer {gold!r} needs a number before \\within and in its braces.")
    return (Acceptable(bounded["answer"], tolerance),)


def states_an_answer(gold: str) -> bool:
    """Whether a gold answer holds more than typesetting: the check of golds of this grader's domain.

    Raises:
        ValueError: as :func:`acceptable`; or if nothing can equal an answer in it, for its brackets do not close or it
            is an equation with one side.
    """
    for answer, _ in acceptable(gold):
        plain = canonical(answer)
        if not plain:
            return False
        if not _closes(plain):
            raise ValueError(f"The brackets of the gold answer {answer!r} do not close: correct it, or amend it.")
        if _ONE_SIDED.fullmatch(plain):
            raise ValueError(f"The gold answer {answer!r} is an equation with one side: correct it, or amend it.")
    return True


def _closes(plain: str) -> bool:
    """Whether as many brackets close as open, half-open intervals included; a determinant's bars are none."""
    marks = re.sub(r"\\\\", "", plain)
    return marks.count("{") == marks.count("}") and sum(map(marks.count, "([")) == sum(map(marks.count, ")]"))


def accepts(gold: str, answer: str, judge: Judge = undecided) -> bool | None:
    """Whether a gold answer accepts an answer; None when strings and exact numbers cannot decide.

    An answer that lists several is right if the gold answer accepts each of them.
    """
    answers = acceptable(gold)
    verdict = any_true(_accepts(each, answer, judge) for each in answers)
    listed = structure(answer)
    if verdict is not False or len(answers) == 1 or not isinstance(listed, Several) or listed.kind != "list":
        return verdict
    return all_true(any_true(_accepts(each, part, judge) for each in answers) for part in listed.parts)


def _accepts(gold: Acceptable, answer: str, judge: Judge) -> bool | None:
    if (chosen := _CHOICE.fullmatch(answer)) and not _CHOICE.fullmatch(gold.answer):
        letter, text = chosen.groups()
        return any_true(_accepts(gold, each, judge) for each in (letter, text))
    if (sides := exact_and_rounded(answer)) and not exact_and_rounded(gold.answer):
        exact, rounded = sides
        if number(exact) is not None and not is_rounded(rounded, exact):
            return False
        return any_true([_accepts(gold, exact, judge), is_rounded(rounded, exact) and _accepts(gold, rounded, judge)])
    if gold.tolerance is None:
        return same_answer(answer, gold.answer, judge)
    ours, theirs = quantity(assigned(answer, gold.answer)), quantity(gold.answer)
    value = structure(ours.value)
    rate = conversion(ours.unit, theirs.unit)
    if isinstance(value, Several) or rate is None:
        return False
    left, right = number(value), number(theirs.value)
    if left is None or right is None:
        return judge(value, theirs.value, gold.tolerance)
    as_it_stands = rate == 1 and 1 in (ours.factor, theirs.factor) and abs(left - right) <= gold.tolerance
    return as_it_stands or abs(left * ours.factor * rate - right * theirs.factor) <= gold.tolerance * theirs.factor


def _groups(gold: str) -> list[str]:
    """The contents of the balanced braces behind the command."""
    groups, depth, start = [], 0, 0
    for position, character in enumerate(gold):
        if gold[position - 1 : position] == "\\":
            continue
        if character == "{":
            depth += 1
            start = position + 1 if depth == 1 else start
        elif character == "}":
            depth -= 1
            if depth == 0:
                groups.append(gold[start:position])
    if depth or len(groups) < 2 or gold != any_of(*groups):
        raise ValueError(rf"The gold answer {gold!r} must be \anyof with two or more answers in braces behind it.")
    return groups
