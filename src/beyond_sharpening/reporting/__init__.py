"""From the comparison to what people read: figures, the report, and a summary for machines.

Functions return figures, text and plain values; saving them is the caller's business.
"""

from beyond_sharpening.reporting.figures import (
    accuracy_by_difficulty_figure,
    contrast_figure,
    learning_curves,
    pass_at_k_figure,
)
from beyond_sharpening.reporting.report import Run, html_report, markdown_report
from beyond_sharpening.reporting.summary import summary

__all__ = [
    "Run",
    "accuracy_by_difficulty_figure",
    "contrast_figure",
    "html_report",
    "learning_curves",
    "markdown_report",
    "pass_at_k_figure",
    "summary",
]
