"""Charts on paper, by matplotlib.

Figures are made with the object interface, never through pyplot's global state, so they can be drawn in any process
with no display.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from beyond_sharpening.reporting.blocks import visible
from beyond_sharpening.reporting.charts import QUIET, Chart, Panel, Series

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from beyond_sharpening.reporting.labels import Look


def draw(chart: Chart) -> Figure:
    """The chart as a figure of matplotlib."""
    share = chart.shared_y is not None
    figure, axes = panel_grid(len(chart.panels), chart.size, chart.columns, share)
    for place, panel in zip(axes, chart.panels, strict=True):
        _panel(place, panel)
    if chart.shared_y:
        figure.supylabel(_text(chart.shared_y), fontsize=10)
    return finish(figure, looks(chart), chart.title, chart.note)


def looks(chart: Chart) -> dict[str, Look]:
    """The legend: every look that has a name, once."""
    parts: list[Look] = []
    for panel in chart.panels:
        parts += [series.look for series in panel.series] + [level.look for level in panel.levels]
    return {look.label: look for look in parts if look.label}


def _panel(axes: Axes, panel: Panel) -> None:
    from matplotlib.ticker import NullFormatter

    if panel.zero in ("x", "both"):
        axes.axvline(0, color=QUIET, lw=1)
    if panel.zero in ("y", "both"):
        axes.axhline(0, color=QUIET, lw=1)
    for level in panel.levels:
        axes.axhline(level.y, color=level.look.colour, linestyle=level.look.linestyle, lw=1.2)
        axes.axhspan(level.low, level.high, color=level.look.colour, alpha=0.08, lw=0)
    ends: dict[float, float] = {}  # of the bars drawn so far, which stack
    for series in panel.series:
        if series.kind == "bars":
            _bars(axes, series, ends)
        else:
            _series(axes, series)
    for axis, scale, linear in (("x", panel.x_scale, 0), ("y", panel.y_scale, 1)):
        bases = {"log2": {"base": 2.0}, "symlog": {"linthresh": panel.linear_below[linear]}}
        options: dict[str, float] = bases.get(scale, {})
        getattr(axes, f"set_{axis}scale")({"log2": "log"}.get(scale, scale), **options)
        if scale != "linear":
            getattr(axes, f"{axis}axis").set_minor_formatter(NullFormatter())
    if panel.ticks_x is not None:
        axes.set_xticks([*panel.ticks_x], [*map(_text, panel.ticks_x.values())])
    if panel.ticks_y is not None:
        axes.set_yticks([*panel.ticks_y], [*map(_text, panel.ticks_y.values())])
    if panel.x_range is not None:
        axes.set_xlim(panel.x_range)
    if panel.y_range is not None:
        axes.set_ylim(*panel.y_range)
    for position, text in (panel.margin or {}).items():
        axes.text(1.02, position, _text(text), transform=axes.get_yaxis_transform(), fontsize=8, va="center")
    axes.set(title=_text(panel.title), xlabel=_text(panel.x_label))
    if panel.y_label:
        axes.set_ylabel(_text(panel.y_label))


def _bars(axes: Axes, series: Series, ends: dict[float, float]) -> None:
    for y, x in zip(series.y, series.x, strict=True):
        style = {"color": series.look.colour, "alpha": series.opacity, "hatch": 2 * series.hatch, "edgecolor": "white"}
        axes.barh(y, x, left=ends.get(y, 0.0), height=0.6, lw=0, **style)  # type: ignore[arg-type]
        ends[y] = ends.get(y, 0.0) + x


def _series(axes: Axes, series: Series) -> None:
    look, x, y = series.look, list(series.x), list(series.y)
    style = _line(look) | {"lw": series.width, "alpha": series.opacity}
    if series.kind == "marks":
        style["linestyle"] = "none"
    bars: dict[str, Any] = {}
    if series.low is not None and series.high is not None:
        if series.band:
            axes.fill_between(x, list(series.low), list(series.high), color=look.colour, alpha=0.13, lw=0)
        else:
            bars["yerr"] = _errors(y, series.low, series.high)
    if series.across_low is not None and series.across_high is not None:
        bars["xerr"] = _errors(x, series.across_low, series.across_high)
    if bars:
        axes.errorbar(x, y, fmt="none", ecolor=look.colour, elinewidth=1.3, alpha=series.opacity, **bars)
    if series.filled is None:
        axes.plot(x, y, zorder=3, **style)
    else:
        for one, other, filled in zip(x, y, series.filled, strict=True):
            face = {"markerfacecolor": look.colour if filled else "white", "markeredgecolor": look.colour}
            axes.plot([one], [other], zorder=3, **style | face | {"markersize": 7, "markeredgewidth": 1.5})


def _text(text: str) -> str:
    """Matplotlib reads formulas between dollars; here they are only letters."""
    return visible(text).replace("$", r"\$")


def _errors(centre: Any, low: Any, high: Any) -> list[list[float]]:
    """Distances of an interval's ends from the point; an end that is not known is not drawn."""
    ends = zip(centre, low, high, strict=True)
    pairs = [(0.0 if math.isnan(a) else c - a, 0.0 if math.isnan(b) else b - c) for c, a, b in ends]
    return [[max(below, 0.0) for below, _ in pairs], [max(above, 0.0) for _, above in pairs]]


def _line(style: Look) -> dict[str, Any]:
    marker = {"marker": style.marker, "markersize": 5, "markeredgecolor": "white", "markeredgewidth": 0.6}
    return {"color": style.colour, "linestyle": style.linestyle, "lw": 1.6} | marker


def panel_grid(n: int, panel: tuple[float, float], columns: int = 3, sharey: bool = False) -> tuple[Figure, list[Axes]]:
    """A figure with n panels of the given size (inches), in rows of at most ``columns``."""
    from matplotlib.figure import Figure

    columns = min(n, columns)
    rows = math.ceil(n / columns)
    figure = Figure(figsize=(max(6.5, panel[0] * columns + 0.6), panel[1] * rows + 1.1), dpi=150, layout="constrained")
    every = list(figure.subplots(rows, columns, squeeze=False, sharey=sharey).flat)
    for axes in every:
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color="#DDDDDD", lw=0.6)
        axes.set_axisbelow(True)
        axes.title.set_fontsize(10.5)
    for axes in every[n:]:
        axes.remove()
    return figure, every[:n]


def finish(figure: Figure, shown: Mapping[str, Look], title: str, note: str) -> Figure:
    """Title on top; below, a note on how to read the figure and the legend."""
    from matplotlib.lines import Line2D

    figure.suptitle(_text(title), fontsize=13, fontweight="bold")
    handles = [Line2D([], [], label=_text(style.label), **_line(style)) for style in shown.values()]
    longest = max((len(style.label) for style in shown.values()), default=0)
    legend = figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=max(1, int(figure.get_figwidth() / (0.45 + 0.072 * longest))),
        frameon=False,
        fontsize=9,
        title=note,
        title_fontsize=8,
    )
    legend.get_title().set(color=QUIET, multialignment="center")
    figure.draw_without_rendering()  # the layout is found once, for every picture that is made of the figure
    figure.set_layout_engine("none")
    return figure
