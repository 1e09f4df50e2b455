"""More than one try: pass@k and maj@k."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from beyond_sharpening.reporting.blocks import Section, Table
from beyond_sharpening.reporting.charts import Chart, Panel, Series
from beyond_sharpening.reporting.frames import by_arm, cells, majority, most_samples, of_arm, settling
from beyond_sharpening.reporting.labels import arm_looks
from beyond_sharpening.reporting.numbers import percent_interval

if TYPE_CHECKING:
    import pandas as pd

    from beyond_sharpening.reporting.results import Results

Measure = tuple[str, Callable[[dict[Any, Any]], str]]

CAPTION = (
    "*A policy that only became surer starts higher and gains less from more tries. Where its curve falls clearly "
    "below the base model's, it lost answers that the base model could still find. Bands are 95 % bootstrap intervals "
    "over problems, and over training seeds where there are several; where every problem is solved they shrink to "
    "nothing, though some doubt remains.*"
)


def section(results: Results) -> Section | None:
    if most_samples(results.curves) < 2:
        return None
    return Section("More than one try", [chart(results.curves), CAPTION, table(results.curves)])


def chart(curves: pd.DataFrame) -> Chart:
    """Pass@k against k, one panel a benchmark, one line a policy."""
    rows = settling(curves).dropna(subset=["pass_at_k"])
    looks = arm_looks(rows)
    panels = []
    for benchmark in rows["benchmark"].unique():
        here = rows[rows["benchmark"] == benchmark]
        lines = []
        for arm, look in looks.items():
            part = of_arm(here, arm).sort_values("k")
            low, high = (100 * part[column].to_numpy() for column in ("pass_low", "pass_high"))
            lines.append(Series(look, part["k"].tolist(), (100 * part["pass_at_k"]).tolist(), low, high, band=True))
        ticks = {int(k): str(k) for k in sorted(here["k"].unique())}
        panels.append(Panel(str(benchmark), lines, "samples drawn, k", x_scale="log2", ticks_x=ticks))
    note = "Bands: 95 % bootstrap intervals over problems, and over training seeds where there are several."
    title = "Problems solved by at least one of k samples (pass@k)"
    return Chart("pass_at_k", title, panels, note, shared_y="problems solved (%)")


def table(curves: pd.DataFrame) -> Table:
    """Pass@k and maj@k of each policy at the largest k that was measured."""
    k = most_samples(curves)
    rows = settling(curves).query("k == @k")
    benchmarks = list(rows["benchmark"].unique())
    measures: tuple[Measure, ...] = ((f"at least one of {k} right", _pass_at_k), (f"majority of {k} right", majority))
    if rows["maj_at_k"].isna().all():  # no answers to vote with
        measures = measures[:1]
    lines = [
        [label, name, *cells(part, benchmarks, measure)] for label, part in by_arm(rows) for name, measure in measures
    ]
    return Table(["policy", "measure", *benchmarks], lines, n_text=2)


def _pass_at_k(row: dict[Any, Any]) -> str:
    return percent_interval(row["pass_at_k"], row["pass_low"], row["pass_high"])
