"""How a gold answer is read from what a data set holds."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation

from beyond_sharpening.grading import any_of, marked_answer, within
from beyond_sharpening.parameters.sources import Amendment, GoldReader
from beyond_sharpening.problems.problem import Problem


def read_gold(
    text: str, reader: GoldReader, alternatives: str | None, rounded: bool, unit: str = "", tolerance: str = ""
) -> str:
    """Return the gold answer as the grader reads it, ``""`` where there is none.

    Args:
        text: what stands in the column of the gold answer.
        reader: where in the text the gold answer stands.
        alternatives: what separates several acceptable answers.
        rounded: whether a decimal accepts what rounds to it.
        unit: unit of the answer, such as ``cm^2`` or ``%``.
        tolerance: how far from it an answer may be.

    Raises:
        ValueError: if the tolerance is not a number.
    """
    gold = _READERS[reader](text)
    if alternatives is not None and alternatives in gold:
        return any_of(*(each.strip() for each in gold.split(alternatives)))
    if rounded and not tolerance:
        tolerance = _half_a_unit_of_the_last_place(gold)
    if gold and (unit := unit.strip("$ ")):
        gold += unit.replace("%", r"\%") if unit[0] in "%^" else rf"\text{{ {unit}}}"
    if gold and tolerance:
        try:
            return within(gold, f"{Decimal(tolerance):f}")
        except InvalidOperation:
            raise ValueError(f"the tolerance {tolerance!r} is not a number") from None
    return gold


def amend(problems: Sequence[Problem], amendments: Sequence[Amendment], source: str) -> list[Problem]:
    """Replace the gold answers of the questions that the amendments name.

    Raises:
        ValueError: if an amendment fits no question or several.
    """
    amended = list(problems)
    for amendment in amendments:
        fits = [index for index, problem in enumerate(problems) if amendment.question in problem.question]
        if len(fits) != 1:
            raise ValueError(
                f"Source {source!r}: {len(fits)} questions hold the text {amendment.question!r} of an amendment: give "
                "text that stands in one, or remove the amendment."
            )
        amended[fits[0]] = replace(problems[fits[0]], gold=_amended(amendment))
    return amended


def _amended(amendment: Amendment) -> str:
    """The gold answer of an amendment, as the grader reads it."""
    return any_of(*amendment.any_of) if amendment.gold is None else amendment.gold


def _after_hashes(solution: str) -> str:
    return solution.rpartition("####")[2].strip() if "####" in solution else ""


_READERS: dict[GoldReader, Callable[[str], str]] = {
    "verbatim": str,
    "first_of_list": str,
    "any_of_list": str,
    "json": str,
    "tests": str,
    "instructions": str,
    "boxed": lambda solution: (marked_answer(solution) or "") if "box" in solution else "",
    "after_hashes": _after_hashes,
}


def _half_a_unit_of_the_last_place(gold: str) -> str:
    try:
        _, digits, exponent = Decimal(gold).as_tuple()
    except InvalidOperation:
        return ""
    written_out = not any(mark in gold for mark in ".eE")
    if written_out or len(digits) < 2 or not isinstance(exponent, int):
        return ""
    return str(Decimal(5).scaleb(exponent - 1))
