"""The figures of the theory: one a proposition, its panels drawn from plain points."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beyond_sharpening.reporting.figures import panel_grid

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#6B6B6B")
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


def theory_figures(claims: pd.DataFrame, series: pd.DataFrame) -> dict[str, Figure]:
    """One figure a proposition, named ``theory_01`` and so on; its panels are the proposition's figures.

    Args:
        claims: ``number``, ``title``, ``holds``; one row a claim.
        series: ``number``, ``figure``, ``x``, ``y``, ``line``, ``x_label``, ``y_label``; one row a point.
    """
    titles = claims.groupby("number")["title"].first()
    return {
        f"theory_{number:02d}": _proposition(f"{number}. {titles[number]}", points)
        for number, points in series.groupby("number")
    }


def _proposition(title: str, points: pd.DataFrame) -> Figure:
    names = points["figure"].unique()
    figure, panels = panel_grid(len(names), panel=(4.4, 3.6))
    for axes, name in zip(panels, names, strict=True):
        _panel(axes, points[points["figure"] == name])
        axes.set_title(name, fontsize=9.5, wrap=True)
    figure.suptitle(title, fontsize=13, fontweight="bold")
    return figure


def _panel(axes: Axes, points: pd.DataFrame) -> None:
    from matplotlib.ticker import NullFormatter

    x_label, y_label = points["x_label"].iloc[0], points["y_label"].iloc[0]
    dots = x_label in POINTS_ONLY
    for colour, (line, part) in zip(COLOURS, points.groupby("line", sort=False), strict=False):
        style = {"linestyle": "none", "marker": "o", "markersize": 3, "alpha": 0.6} if dots else {"lw": 1.6}
        axes.plot(part["x"], part["y"], color=colour, label=line, **style)
    for scale, label in ((axes.set_xscale, x_label), (axes.set_yscale, y_label)):
        if label in LOGARITHMIC:
            threshold = LOGARITHMIC[label]
            scale("symlog", linthresh=threshold) if threshold else scale("log")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set(xlabel=x_label, ylabel=y_label)
    if len(axes.lines) > 1:
        axes.legend(fontsize=7.5, frameon=False)
