"""The report's sections, in their order. Each has a file; ``section`` there gives it, or None where it does not apply.

A new diagnostic is a file here, an entry in this list, and a test.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from beyond_sharpening.reporting.sections import (
    accuracy,
    compared,
    completions,
    contrasts,
    decoding,
    details,
    difficulty,
    goals,
    grid,
    limits,
    made,
    mechanism,
    prediction,
    price,
    read,
    reading,
    strength,
    theory,
    told,
    training,
    transitions,
    tries,
    verdict,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from beyond_sharpening.reporting.blocks import Section
    from beyond_sharpening.reporting.results import Results

SECTIONS: tuple[Callable[[Results], Section | None], ...] = (
    verdict.section,
    compared.section,
    mechanism.section,
    goals.section,
    contrasts.section,
    accuracy.section,
    grid.section,
    price.section,
    decoding.section,
    prediction.section,
    tries.section,
    strength.section,
    difficulty.section,
    completions.section,
    training.section,
    told.section,
    reading.section,
    read.section,
    made.section,
    limits.section,
    details.section,
    transitions.section,
    theory.section,
)


def sections(results: Results) -> list[Section]:
    """Those that apply."""
    return [part for section in SECTIONS if (part := section(results)) is not None]
