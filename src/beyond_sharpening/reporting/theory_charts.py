"""The charts of the theory: one a proposition, its panels drawn from plain points."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from beyond_sharpening.reporting.charts import Chart, Panel, Scale, Series
from beyond_sharpening.reporting.labels import Look

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#6B6B6B")
DASHES = ("-", "--", ":", "-.")
# Quantities that span orders of magnitude, by the name of their axis, and the range below which a log scale is linear.
LOGARITHMIC = {
    "c·KL(q‖q*)": 0.0,
    "J* − J(q)": 0.0,
    "λ": 0.0,
    "step from p": 0.0,
    "gradient norm": 0.0,
    "cap": 0.0,
    "k": 0.0,
    "scale": 0.0,
    "mean length": 0.0,
    "KL(q‖p)": 0.0,
    "share of the way still to go": 0.0,
    "total variation from optimum": 1e-3,
}
POINTS_ONLY = ("c·KL(q‖q*)", "KL(q‖p)")


def theory_charts(claims: pd.DataFrame, series: pd.DataFrame) -> dict[int, Chart]:
    """Number of a proposition -> its chart, named ``theory_01`` and so on; its panels are the proposition's figures.

    Args:
        claims: ``number``, ``title``, ``holds``; one row a claim.
        series: ``number``, ``figure``, ``x``, ``y``, ``line``, ``x_label``, ``y_label``; one row a point.
    """
    titles = claims.groupby("number")["title"].first()
    numbers = sorted(series["number"].unique())
    return {int(n): _chart(int(n), titles[n], series[series["number"] == n]) for n in numbers}


def _chart(number: int, title: str, points: pd.DataFrame) -> Chart:
    looks = {
        str(line): Look(str(line), COLOURS[place % len(COLOURS)], "", DASHES[place % len(DASHES)])
        for place, line in enumerate(points["line"].unique())
    }
    panels = [_panel(str(name), points[points["figure"] == name], looks) for name in points["figure"].unique()]
    return Chart(f"theory_{number:02d}", f"{number}. {title}", panels, size=(4.4, 3.6))


def _panel(title: str, points: pd.DataFrame, looks: Mapping[str, Look]) -> Panel:
    x_label, y_label = points["x_label"].iloc[0], points["y_label"].iloc[0]
    dots = x_label in POINTS_ONLY
    lines = []
    for line, part in points.groupby("line", sort=False):
        look = looks[str(line)]
        if dots:
            marks = replace(look, marker="o")
            lines.append(Series(marks, part["x"].tolist(), part["y"].tolist(), kind="marks", opacity=0.6))
        else:
            lines.append(Series(look, part["x"].tolist(), part["y"].tolist()))
    scales = _scale(x_label), _scale(y_label)
    near = LOGARITHMIC.get(x_label) or 1.0, LOGARITHMIC.get(y_label) or 1.0
    return Panel(title, lines, x_label, y_label, *scales, linear_below=near)


def _scale(label: str) -> Scale:
    if label not in LOGARITHMIC:
        return "linear"
    return "symlog" if LOGARITHMIC[label] else "log"
