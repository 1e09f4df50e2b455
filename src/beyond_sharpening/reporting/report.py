"""The report: the results as sections, and the sections as text, page and figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from beyond_sharpening.reporting.markdown import markdown_report
from beyond_sharpening.reporting.page import figures, html_report
from beyond_sharpening.reporting.sections import sections

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from beyond_sharpening.reporting.results import Results

MOST_NAMED = 3


@dataclass(frozen=True)
class Report:
    """The report in each of its forms; ``figures`` are those that the Markdown text refers to, by name."""

    markdown: str
    html: str
    figures: dict[str, Figure]


def report(results: Results) -> Report:
    """Write the report; sections that do not apply to the results are left out."""
    parts = sections(results)
    drawn = figures(parts)
    title = title_of(results)
    return Report(markdown_report(title, parts), html_report(title, parts, drawn), drawn)


def title_of(results: Results) -> str:
    """The question, about those whom it is about."""
    if not results.run.read:
        return f"Does RL teach the model “{results.run.model}” something new, or only sharpen it?"
    names = sorted(results.policies - {"base"})
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"Did {', '.join(names[:MOST_NAMED])}{more} learn something new, or only sharpen {results.run.model}?"
