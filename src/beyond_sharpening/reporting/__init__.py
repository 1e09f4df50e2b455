"""From the comparison to what people read: figures, the report, and a summary for machines.

Functions return figures, text and plain values; saving them is the caller's business.
"""

from beyond_sharpening.reporting.decoding import accuracy_by_cost_figure
from beyond_sharpening.reporting.figures import (
    accuracy_by_difficulty_figure,
    contrast_figure,
    learning_curves,
    pass_at_k_figure,
)
from beyond_sharpening.reporting.report import Run, html_report, markdown_report
from beyond_sharpening.reporting.speed import speed_figure
from beyond_sharpening.reporting.summary import summary
from beyond_sharpening.reporting.theory_figures import theory_figures

__all__ = [
    "Run",
    "accuracy_by_cost_figure",
    "accuracy_by_difficulty_figure",
    "contrast_figure",
    "html_report",
    "learning_curves",
    "markdown_report",
    "pass_at_k_figure",
    "speed_figure",
    "summary",
    "theory_figures",
]
