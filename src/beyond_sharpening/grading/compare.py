"""Comparing two answers part by part: strings and exact numbers decide what they can, the rest is left undecided.

Truth has three values here: True, False, and None where computer algebra has to decide.
"""

import re
from collections.abc import Callable, Iterable
from fractions import Fraction

from beyond_sharpening.grading.canonical import canonical, number, same_number
from beyond_sharpening.grading.intervals import as_union, bound
from beyond_sharpening.grading.names import assigned, assignment, relates, values_by_name
from beyond_sharpening.grading.quantity import Quantity, quantity
from beyond_sharpening.grading.structure import Several, structure
from beyond_sharpening.grading.typesetting import without_typesetting
from beyond_sharpening.grading.units import conversion

Judge = Callable[..., bool | None]
"""Whether two expressions, an answer and a gold, are equal; with a third argument, a fraction, whether the numbers they
are lie no further apart. None for undecided."""

_IN_A_BASE = re.compile(
    r"(?P<open>\()?(?P<digits>-?(?=[A-Fa-f.]*[0-9])[0-9A-Fa-f.]+)(?(open)\))(?:_| ?base ?)\{?(?P<base>[0-9]+)\}?"
)
_GREEK = re.compile(
    r"\\(?:var)?(?:alpha|beta|gamma|delta|epsilon|zeta|eta|theta|iota|kappa|lambda|mu|nu|xi|rho|sigma|tau|upsilon|phi|chi"
    r"|psi|omega)(?![A-Za-z])",
    re.IGNORECASE,
)
# Kinds of an answer and of a gold that may be one answer typeset differently; for every other two, brackets count.
_OTHER_BRACKETS = {
    *(("alternatives", "list"), ("list", "alternatives"), ("alternatives", "set"), ("set", "alternatives")),
    *(("list", "set"), ("set", "list")),
    *(("()", "list"), ("[]", "list"), ("list", "()")),
    *(("()", "matrix"), ("matrix", "()")),
}
_WORDS = re.compile(r"[A-Za-z]{4,}(?:[ -][A-Za-z]+)*")


def undecided(answer: str, gold: str, tolerance: Fraction | None = None) -> None:
    """A judge that leaves every comparison open."""


def same_answer(answer: str, gold: str, judge: Judge = undecided) -> bool | None:
    """Compare an answer with a gold answer.

    Args:
        answer: the content of a box, or anything shorter.
        gold: one gold answer.
        judge: decides what strings and exact numbers cannot.
    """
    if _written_alike(answer, gold):
        return True
    if (decided := same_number(answer, gold)) is not None:
        return decided
    if (last := _last_side(answer, gold)) is not None:
        return same_answer(last, gold, judge) if last else False
    if len(sides := _sides(gold)) > 1:
        return all_true(any_true(same_answer(one, other, judge) for other in sides) for one in _sides(answer))
    if (decided := _same_bound(answer, gold, judge)) is not None:
        return decided
    ours, theirs = structure(assigned(answer, gold)), structure(assigned(gold, answer))
    if isinstance(ours, Several):
        decided = _same_as_one(ours, theirs, judge) if isinstance(theirs, str) else _same_parts(ours, theirs, judge)
    elif isinstance(theirs, Several):
        decided = _same_as_one(theirs, ours, judge)
    else:
        return _same_expression(answer, gold, ours, theirs, judge)
    return judge(answer, gold) if decided is None else decided


def _same_bound(answer: str, gold: str, judge: Judge) -> bool | None:
    """Compare as intervals, where one bounds a name (``x < 3``) and the other the same name or none."""
    one, other = bound(answer), bound(gold)
    if one is None or other is None or not (one.name or other.name):
        return None
    same_name = one.name == other.name or not (one.name and other.name)
    return same_name and same_answer(one.interval, other.interval, judge)


def _written_alike(answer: str, gold: str) -> bool:
    """Whether both are one text; a list may lack the space that tells it from a number."""
    closed = without_typesetting(gold).replace(", ", ",")
    return canonical(answer) == canonical(gold) or without_typesetting(answer) == closed


def _same_expression(answer: str, gold: str, ours: str, theirs: str, judge: Judge) -> bool | None:
    """Compare two single expressions; ``ours`` and ``theirs`` are without the brackets around them."""
    one, other = quantity(answer), quantity(gold)
    if not (one.bare and other.bare):
        return _same_quantity(one, other, judge)
    if (ours, theirs) != (without_typesetting(answer), without_typesetting(gold)):
        return same_answer(ours, theirs, judge)
    if _IN_A_BASE.fullmatch(ours) or _IN_A_BASE.fullmatch(theirs):
        return _same_in_a_base(ours, theirs)
    texts = sum(_WORDS.fullmatch(side) is not None for side in (ours, theirs))
    if texts == 2 or (texts and (number(ours), number(theirs)) != (None, None)):
        return ours.casefold() == theirs.casefold()
    return judge(answer, gold)


def _same_quantity(ours: Quantity, theirs: Quantity, judge: Judge) -> bool | None:
    """Compare two values; a percent sign or a number word in one may have been left out in the other, or worked out."""
    if (radians := _in_radians(ours, theirs)) is not None:
        return same_answer(*radians, judge)
    rate = conversion(ours.unit, theirs.unit)
    if rate is None:
        return False
    value, gold_value = number(ours.value), number(theirs.value)
    if value is not None and gold_value is not None:
        worked_out = value * ours.factor * rate == gold_value * theirs.factor
        as_it_stands = rate == 1 and 1 in (ours.factor, theirs.factor) and value == gold_value
        return (
            worked_out
            or as_it_stands
            or (rate == 1 and ours.factor == theirs.factor and same_number(ours.value, theirs.value))
        )
    converted = ours.value if rate == 1 else rf"\frac{{{rate.numerator}}}{{{rate.denominator}}}({ours.value})"
    return same_answer(converted, theirs.value, judge)


def _in_radians(ours: Quantity, theirs: Quantity) -> tuple[str, str] | None:
    """Both values in radians, where one is in degrees and the other a multiple of pi without them."""
    values = [rf"({each.value})\frac{{\pi}}{{180}}" if each.unit == "degree" else each.value for each in (ours, theirs)]
    others = [each for each in (ours, theirs) if each.unit != "degree"]
    in_radians = len(others) == 1 and others[0].unit in ("", "radian") and r"\pi" in others[0].value
    return (values[0], values[1]) if in_radians else None


def _same_in_a_base(answer: str, gold: str) -> bool:
    """Compare numerals; the base may be left out, for the question names it."""
    one, other = (_IN_A_BASE.fullmatch(text) for text in (answer, gold))
    digits = (found["digits"] if found else text for found, text in ((one, answer), (other, gold)))
    return len({text.casefold() for text in digits}) == 1 and (not one or not other or one["base"] == other["base"])


def _same_parts(ours: Several, theirs: Several, judge: Judge) -> bool | None:
    unions = as_union(ours), as_union(theirs)
    if "union" in (ours.kind, theirs.kind):
        one, other = unions
        if one and other and _match(one.parts, other.parts, judge):
            return True
        return None  # the intervals may be cut in other pieces
    if (named := _same_by_name(ours, theirs, judge)) is not None:
        return named
    fits = ours.kind == theirs.kind or (ours.kind, theirs.kind) in _OTHER_BRACKETS
    both_matrices = ours.columns and theirs.columns
    if not fits or len(ours.parts) != len(theirs.parts) or (both_matrices and ours.columns != theirs.columns):
        return False
    if theirs.ordered:
        return all_true(same_answer(one, other, judge) for one, other in zip(ours.parts, theirs.parts, strict=True))
    return _match(ours.parts, theirs.parts, judge)


def _same_by_name(ours: Several, theirs: Several, judge: Judge) -> bool | None:
    """Compare ``y = 5, x = 3`` with ``(3, 5)``, value by value in the order of the names; None where not so named."""
    named = values_by_name(ours), values_by_name(theirs)
    if (named[0] is None) == (named[1] is None) or len(ours.parts) != len(theirs.parts):
        return None
    one, other = named[0] or ours.parts, named[1] or theirs.parts
    return all_true(same_answer(left, right, judge) for left, right in zip(one, other, strict=True))


def _same_as_one(several: Several, one: str, judge: Judge) -> bool | None:
    """One expression is not several, unless it is a relation or set that may describe them."""
    if several.kind == "set" and len(several.parts) == 1:
        return same_answer(several.parts[0], one, judge)
    if several.kind == "matrix":
        return None if r"\begin" in one else False  # a sum or product of matrices
    described = several.kind not in ("list", "matrix", "ratio") or any(map(relates, several.parts))
    return None if number(one) is None and (described or relates(one)) else False


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
    variable = _GREEK.search(text) or re.search(r"[A-Za-z]", re.sub(r"\\[A-Za-z]+", "", text))
    return [text] if variable or not all(side.strip(" $") for side in sides) else sides


def _last_side(answer: str, gold: str) -> str | None:
    """The last side of ``x = 10/4 = 2.5``, ``""`` if a constant before it is another; None where the gold has more."""
    sides = without_typesetting(answer).split("=")
    if len(sides) < 3 or len(sides) <= len(gold.split("=")) or isinstance(structure(answer), Several):
        return None
    constants = {value for side in sides if (value := number(side)) is not None}
    return "" if len(constants) > 1 else sides[-1]


def exact_and_rounded(answer: str) -> tuple[str, str] | None:
    """The sides of ``\\frac23 \\approx 0.667``; twice the value of ``AB \\approx 0.667``; None for other answers."""
    plain = without_typesetting(answer)
    exact, sign, rounded = plain.partition(r"\approx")
    if not sign or not rounded or assignment(plain):
        return None
    is_name = not re.search(r"[0-9]", exact) and re.search(r"[A-Za-z]", re.sub(r"\\[A-Za-z]+", "", exact))
    return (rounded if is_name else exact, rounded)


def is_rounded(rounded: str, exact: str) -> bool:
    """Whether a decimal, with a unit or not, is another number rounded to its last place."""
    decimal = quantity(rounded).value
    value, other = number(decimal), number(exact)
    places = len(decimal.partition(".")[2])
    return value is not None and other is not None and 2 * abs(value - other) <= Fraction(1, 10**places)
