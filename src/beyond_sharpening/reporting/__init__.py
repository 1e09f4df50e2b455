"""From the comparison to what people read: figures, the report, and a summary for machines.

Functions return figures, text and plain values; saving them is the caller's business.
"""

from beyond_sharpening.reporting.report import Report, report
from beyond_sharpening.reporting.results import Results, Run
from beyond_sharpening.reporting.sections.completions import read_shown
from beyond_sharpening.reporting.speed import speed_figure
from beyond_sharpening.reporting.static import draw
from beyond_sharpening.reporting.summary import summary
from beyond_sharpening.reporting.theory_charts import theory_charts

__all__ = ["Report", "Results", "Run", "draw", "read_shown", "report", "speed_figure", "summary", "theory_charts"]
