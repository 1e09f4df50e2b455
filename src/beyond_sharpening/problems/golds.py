"""How a gold answer is read from what a data set holds."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from beyond_sharpening.grading import any_of, marked_answer, within
from beyond_sharpening.problems.problem import Problem

GoldReader = Literal["verbatim", "boxed", "after_hashes", "first_of_list"]


class Amendment(BaseModel):
    """A gold answer that the data set does not state as a reader finds it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    question: Annotated[str, Field(min_length=1, description="Text that stands in this question alone.")]
    gold: Annotated[str | None, Field(description="The one gold answer.")] = None
    any_of: Annotated[list[str], Field(description="Or the several acceptable ones.")] = []

    @model_validator(mode="after")
    def _gives_one_or_several(self) -> Self:
        if (len(self.any_of) < 2) if self.gold is None else self.any_of:
            raise ValueError("give gold, or two or more under any_of")
        return self

    def answer(self) -> str:
        """The gold answer as the grader reads it."""
        return any_of(*self.any_of) if self.gold is None else self.gold


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
        ValueError: if the tolerance is no number.
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
        amended[fits[0]] = replace(problems[fits[0]], gold=amendment.answer())
    return amended


def _after_hashes(solution: str) -> str:
    return solution.rpartition("#### ")[2].strip() if "#### " in solution else ""


_READERS: dict[GoldReader, Callable[[str], str]] = {
    "verbatim": str,
    "first_of_list": str,
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
