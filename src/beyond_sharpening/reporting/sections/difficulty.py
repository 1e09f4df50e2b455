"""Easy and hard problems."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beyond_sharpening.reporting.blocks import Section
from beyond_sharpening.reporting.charts import Chart, Panel, Series
from beyond_sharpening.reporting.frames import of_arm, settling
from beyond_sharpening.reporting.labels import arm_looks, interval_note

if TYPE_CHECKING:
    import pandas as pd

    from beyond_sharpening.reporting.results import Results

CAPTION = (
    "*Right answers of one sample at each level of difficulty. Bars are 95 % intervals, of the kind named below the "
    "figure.*"
)


def section(results: Results) -> Section | None:
    rows = settling(results.by_difficulty).dropna(subset=["difficulty"])
    return None if rows.empty else Section("Easy and hard problems", [chart(rows), CAPTION])


def chart(rows: pd.DataFrame) -> Chart:
    """Pass@1 by difficulty, one panel a benchmark; policies stand side by side at each level."""
    looks = arm_looks(rows)
    panels = []
    for benchmark in rows["benchmark"].unique():
        here = rows[rows["benchmark"] == benchmark]
        levels = sorted(here["difficulty"].unique())
        series = []
        for number, (arm, look) in enumerate(looks.items()):
            part = of_arm(here, arm).set_index("difficulty").reindex(levels)
            places = [place + 0.12 * (number - (len(looks) - 1) / 2) for place in range(len(levels))]
            centre, low, high = (100 * part[column].to_numpy() for column in ("pass@1", "ci_low", "ci_high"))
            series.append(Series(look, places, centre, low, high, width=0.8))
        names = [f"{level:g}" if isinstance(level, float) else str(level) for level in levels]
        ticks = dict(enumerate(names))
        panels.append(Panel(str(benchmark), series, "difficulty", ticks_x=ticks, x_range=(-0.6, len(levels) - 0.4)))
    note, title = f"Bars: {interval_note(rows['ci_unit'])}.", "Right answers by difficulty of the problem"
    return Chart("accuracy_by_difficulty", title, panels, note, (3.5, 3.4), shared_y="right answers, pass@1 (%)")
