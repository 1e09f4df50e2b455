"""Who is better than whom: the primary contrasts."""

from __future__ import annotations

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
    "rarely makes such a difference. It is adjusted for asking several questions at once (Holm's method, within each "
    "benchmark); the interval is not, so that near the edge the two may disagree: such cells carry a †. Bold: below "
    "0.05."
)


def section(results: Results) -> Section | None:
    rows = family(results.comparisons, "primary")
    if rows.empty:
        return None
    return Section("Who is better than whom", [chart(rows), CAPTION, table(rows), EXPLAINED])


def family(comparisons: pd.DataFrame, name: str) -> pd.DataFrame:
    """The rows of one family of contrasts."""
    return comparisons[comparisons["family"] == name] if len(comparisons) else comparisons


def table(rows: pd.DataFrame) -> Table:
    """Differences with interval and adjusted p, a row a contrast."""
    benchmarks = list(rows["benchmark"].unique())
    lines = [
        [contrast_label(*map(str, sides)), *cells(part, benchmarks, _cell)]
        for sides, part in rows.groupby(SIDES, sort=False)
    ]
    return Table(["difference in points", *benchmarks], lines)


def _cell(row: dict[Any, Any]) -> str:
    p = row["p_adjusted"]
    excludes = row["ci_low"] > 0 or row["ci_high"] < 0
    known = row["ci_low"] == row["ci_low"]
    mark = " †" if known and excludes != (p < 0.05) else ""
    text = f"{points_interval(row['difference'], row['ci_low'], row['ci_high'])}, {p_value(p)}{mark}"
    return Strong(text) if p < 0.05 else text


def chart(rows: pd.DataFrame) -> Chart:
    """Forest plot: difference in pass@1 with its interval, a panel a benchmark."""
    contrasts = list(rows[SIDES].drop_duplicates().itertuples(index=False, name=None))
    benchmarks = rows["benchmark"].unique()
    note = (
        f"Bars: {interval_note(rows['unit'])}.\n"
        "Right of 0: the first policy is better. p is adjusted for the number of comparisons; filled: below 0.05."
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
    style = look(str(row["a"]).split("/")[0])
    return Series(
        Look("", style.colour, style.marker),
        [100 * row["difference"]],
        [place],
        across_low=[100 * row["ci_low"]],
        across_high=[100 * row["ci_high"]],
        kind="marks",
        filled=[row["p_adjusted"] < 0.05],
        notes=[
            f"{points_interval(row['difference'], row['ci_low'], row['ci_high'])} points, {p_value(row['p_adjusted'])}"
        ],
    )
