"""Who is better than whom: the primary contrasts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from beyond_sharpening.reporting.blocks import Section, Strong, Table
from beyond_sharpening.reporting.charts import Chart, Panel, Series
from beyond_sharpening.reporting.frames import cells
from beyond_sharpening.reporting.labels import Look, contrast_label, interval_note, look
from beyond_sharpening.reporting.numbers import p_value, points_interval

if TYPE_CHECKING:
    import pandas as pd

    from beyond_sharpening.reporting.results import Results

SIDES = ["a", "b", "variant_a", "variant_b"]
CAPTION = (
    "*Each mark is the difference between two policies in the share of right answers, with its 95 % interval. Filled "
    "marks and bold numbers: the difference is unlikely to be chance.*"
)
EXPLAINED = (
    "Each cell: the difference in percentage points, its interval, and its p-value, which is small when chance alone "
    "rarely makes such a difference. Both allow for asking several questions of a benchmark at once: the p-value by "
    "Holm's method, the interval by Bonferroni's, which is a little wider. Where the base was drawn twice, a contrast "
    "uses both draws, and a table of right answers the first. Bold: p below 0.05. {dagger}"
)
DAGGER = "†: interval and p-value disagree about zero, so the difference is at the edge of what can be told."
ADJUSTED = ("ci_low_adjusted", "ci_high_adjusted")
"""An interval that holds for all primary contrasts of a benchmark together, as the adjusted p-value does."""


def section(results: Results) -> Section | None:
    rows = family(results.comparisons, "primary")
    if rows.empty:
        return None
    return Section("Who is better than whom", [chart(rows), CAPTION, table(rows), EXPLAINED.format(dagger=DAGGER)])


def family(comparisons: pd.DataFrame, name: str) -> pd.DataFrame:
    """The rows of one family of contrasts."""
    return comparisons[comparisons["family"] == name] if len(comparisons) else comparisons


def table(rows: pd.DataFrame) -> Table:
    """Differences with interval and adjusted p, a row a contrast."""
    benchmarks = list(rows["benchmark"].unique())
    lines = [
        [contrast_label(*map(str, sides)), *cells(part, benchmarks, difference)]
        for sides, part in rows.groupby(SIDES, sort=False)
    ]
    return Table(["difference in points", *benchmarks], lines)


def difference(row: dict[Any, Any]) -> str:
    """A difference with interval and adjusted p-value, bold below 0.05; † where the two disagree about zero."""
    p, (low, high) = row["p_adjusted"], (row[adjusted] for adjusted in ADJUSTED)
    disagree = not math.isnan(low) and (low > 0 or high < 0) != (p < 0.05)
    text = f"{points_interval(row['difference'], low, high)}, {p_value(p)}{' †' if disagree else ''}"
    return Strong(text) if p < 0.05 else text


def chart(rows: pd.DataFrame) -> Chart:
    """Forest plot: difference in pass@1 with its interval, a panel a benchmark."""
    contrasts = list(rows[SIDES].drop_duplicates().itertuples(index=False, name=None))
    benchmarks = rows["benchmark"].unique()
    note = (
        f"Bars: {interval_note(rows['unit'])}.\n"
        "Right of 0: the first policy is better. Bars and p allow for the number of comparisons; filled: p below 0.05."
    )
    panels = [_panel(rows[rows["benchmark"] == benchmark], str(benchmark), contrasts) for benchmark in benchmarks]
    size = (3.3, 0.42 * len(contrasts) + 1.1)
    return Chart("contrasts", "Differences in right answers between policies", panels, note, size, shared_y="")


def _panel(rows: pd.DataFrame, benchmark: str, contrasts: list[tuple[str, str, str, str]]) -> Panel:
    series, margin = [], {}
    for row in rows.to_dict("records"):
        place = contrasts.index(tuple(row[side] for side in SIDES))
        margin[place] = p_value(row["p_adjusted"])
        series.append(_mark(row, place))
    ticks = {place: contrast_label(*contrast) for place, contrast in enumerate(contrasts)}
    down = (len(contrasts) - 0.4, -0.6)
    options: dict[str, Any] = {"ticks_y": ticks, "margin": margin, "zero": "x", "y_range": down}
    return Panel(benchmark, series, "difference in pass@1 (points)", **options)


def _mark(row: dict[Any, Any], place: int) -> Series:
    style, (low, high) = look(str(row["a"]).split("/")[0]), (row[adjusted] for adjusted in ADJUSTED)
    return Series(
        Look("", style.colour, style.marker),
        [100 * row["difference"]],
        [place],
        across_low=[100 * low],
        across_high=[100 * high],
        kind="marks",
        filled=[row["p_adjusted"] < 0.05],
        notes=[f"{points_interval(row['difference'], low, high)} points, {p_value(row['p_adjusted'])}"],
    )
