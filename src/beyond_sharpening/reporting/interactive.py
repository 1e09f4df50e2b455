"""Charts on a screen, as the data and layout of plotly.js; the page arranges the panels to its width."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from beyond_sharpening.reporting.blocks import visible
from beyond_sharpening.reporting.charts import QUIET, Chart, Panel, Series
from beyond_sharpening.reporting.labels import Look

MARKS = {
    "o": "circle",
    "s": "square",
    "^": "triangle-up",
    "v": "triangle-down",
    "D": "diamond",
    "P": "cross",
    "X": "x",
    "*": "star",
    "<": "triangle-left",
    ">": "triangle-right",
    ".": "circle",
}
DASHES = {"-": "solid", "--": "dash", ":": "dot", "-.": "dashdot"}


def describe(chart: Chart) -> dict[str, Any]:
    """What plotly needs: ``data`` and ``layout``, with ``panels`` and ``columns`` for the page to arrange.

    Axes have no domain yet: ``xaxis``, ``yaxis`` belong to the first panel, ``xaxis2``, ``yaxis2`` to the second.
    """
    seen: set[str] = set()
    data: list[dict[str, Any]] = []
    layout: dict[str, Any] = {
        "title": {"text": _text(chart.title)},
        "barmode": "stack",
        "shapes": [],
        "annotations": [],
    }
    for number, panel in enumerate(chart.panels, start=1):
        suffix = "" if number == 1 else str(number)
        for series in panel.series:
            data += _traces(series, suffix, seen)
        for level in panel.levels:
            layout["shapes"] += _level(level.y, level.low, level.high, level.look, suffix)
            data.append(_entry(level.look, suffix, seen))
        layout |= _axes(panel, suffix, chart)
        layout["shapes"] += _zeros(panel, suffix)
        layout["annotations"] += _margin(panel, suffix)
    titles = [_text(panel.title) for panel in chart.panels]
    return {"data": data, "layout": layout, "panels": titles, "columns": chart.columns, "height": 105 * chart.size[1]}


def _traces(series: Series, suffix: str, seen: set[str]) -> list[dict[str, Any]]:
    look = series.look
    places = {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}
    named = {
        "name": _text(look.label),
        "legendgroup": look.label,
        "showlegend": bool(look.label) and look.label not in seen,
    }
    seen.add(look.label)
    x, y = _numbers(series.x), _numbers(series.y)
    if series.kind == "bars":
        bars: dict[str, Any] = {
            "type": "bar",
            "orientation": "h",
            "x": x,
            "y": y,
            "width": 0.6,
            "marker": {"color": look.colour},
        }
        bars["marker"]["pattern"] = {"shape": series.hatch, "fgcolor": "white", "fillmode": "overlay"}
        return [bars | places | named | {"opacity": series.opacity}]
    trace: dict[str, Any] = {"type": "scatter", "x": x, "y": y, "opacity": series.opacity} | places | named
    marked = bool(look.marker)
    modes = ["lines"] * (series.kind == "line") + ["markers"] * marked
    trace["mode"] = "+".join(modes) or "lines"
    trace["line"] = {"color": look.colour, "dash": DASHES[look.linestyle if look.linestyle in DASHES else "-"]}
    trace["line"]["width"] = series.width
    if marked:
        trace["marker"] = {"color": look.colour, "symbol": _symbols(series), "size": 8}
    if series.notes is not None:
        trace |= {
            "text": [_text(note) for note in series.notes],
            "hovertemplate": "%{text}<extra>%{fullData.name}</extra>",
        }
    drawn = [trace]
    if series.low is not None and series.high is not None:
        if series.band:
            drawn.insert(0, _band(series, places))
        else:
            trace["error_y"] = _errors(series.y, series.low, series.high)
    if series.across_low is not None and series.across_high is not None:
        trace["error_x"] = _errors(series.x, series.across_low, series.across_high)
    return drawn


def _symbols(series: Series) -> str | list[str]:
    symbol = MARKS[series.look.marker]
    if series.filled is None:
        return symbol
    return [symbol if filled else f"{symbol}-open" for filled in series.filled]


def _band(series: Series, places: dict[str, Any]) -> dict[str, Any]:
    x, low, high = (
        _numbers(series.x),
        _numbers(series.low if series.low is not None else ()),
        _numbers(series.high if series.high is not None else ()),
    )
    outline: dict[str, Any] = {"x": [*x, *reversed(x)], "y": [*low, *reversed(high)], "fill": "toself", "mode": "none"}
    hidden = {"type": "scatter", "hoverinfo": "skip", "showlegend": False, "opacity": 0.16}
    return outline | hidden | places | {"fillcolor": series.look.colour, "legendgroup": series.look.label}


def _errors(centre: Iterable[float], low: Iterable[float], high: Iterable[float]) -> dict[str, Any]:
    ends = list(zip(centre, low, high, strict=True))
    above = [None if math.isnan(b) else max(float(b - c), 0.0) for c, _, b in ends]
    below = [None if math.isnan(a) else max(float(c - a), 0.0) for c, a, _ in ends]
    return {"type": "data", "symmetric": False, "array": above, "arrayminus": below, "thickness": 1.3, "width": 0}


def _level(y: float, low: float, high: float, look: Look, suffix: str) -> list[dict[str, Any]]:
    across = {"xref": f"x{suffix} domain", "yref": f"y{suffix}", "x0": 0, "x1": 1}
    line = {"color": look.colour, "width": 1.4, "dash": DASHES[look.linestyle]}
    return [
        across | {"type": "line", "y0": float(y), "y1": float(y), "line": line},
        across
        | {"type": "rect", "y0": float(low), "y1": float(high), "fillcolor": look.colour, "opacity": 0.08}
        | {"line": {"width": 0}},
    ]


def _entry(look: Look, suffix: str, seen: set[str]) -> dict[str, Any]:
    """A trace without points: a level's entry in the legend."""
    shown = bool(look.label) and look.label not in seen
    seen.add(look.label)
    line = {"color": look.colour, "dash": DASHES[look.linestyle]}
    places = {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}
    named = {"name": _text(look.label), "legendgroup": look.label, "showlegend": shown}
    return {"type": "scatter", "mode": "lines", "x": [None], "y": [None], "line": line} | places | named


def _axes(panel: Panel, suffix: str, chart: Chart) -> dict[str, Any]:
    x: dict[str, Any] = {"title": {"text": _text(panel.x_label)}, "anchor": f"y{suffix}", "zeroline": False}
    y: dict[str, Any] = {"title": {"text": _text(panel.y_label)}, "anchor": f"x{suffix}", "zeroline": False}
    if chart.shared_y is not None and suffix:
        y["matches"] = "y"
    if chart.shared_y is not None and not suffix:
        y["title"] = {"text": _text(chart.shared_y)}
    for axis, scale, ticks in ((x, panel.x_scale, panel.ticks_x), (y, panel.y_scale, panel.ticks_y)):
        if scale != "linear":  # plotly knows no symmetric logarithm: what is at or below 0 is not shown there
            axis["type"] = "log"
        if ticks is not None:
            axis |= {"tickmode": "array", "tickvals": _numbers(ticks), "ticktext": [_text(t) for t in ticks.values()]}
    if panel.x_range is not None and panel.x_scale == "linear":
        x["range"] = list(panel.x_range)
    if panel.y_range is not None and panel.y_scale == "linear":
        if None in panel.y_range:
            y["rangemode"] = "tozero"
        else:
            y["range"] = list(panel.y_range)
    y["automargin"] = x["automargin"] = True
    return {f"xaxis{suffix}": x, f"yaxis{suffix}": y}


def _zeros(panel: Panel, suffix: str) -> list[dict[str, Any]]:
    line = {"type": "line", "line": {"color": QUIET, "width": 1}, "layer": "below"}
    across = {"xref": f"x{suffix} domain", "x0": 0, "x1": 1, "yref": f"y{suffix}", "y0": 0, "y1": 0}
    along = {"yref": f"y{suffix} domain", "y0": 0, "y1": 1, "xref": f"x{suffix}", "x0": 0, "x1": 0}
    wanted = {"x": [along], "y": [across], "both": [along, across], None: []}
    return [line | place for place in wanted[panel.zero]]


def _margin(panel: Panel, suffix: str) -> list[dict[str, Any]]:
    place = {"xref": f"x{suffix} domain", "yref": f"y{suffix}", "x": 1.02, "xanchor": "left", "showarrow": False}
    return [
        place | {"y": float(y), "text": _text(text), "font": {"size": 10}} for y, text in (panel.margin or {}).items()
    ]


def _numbers(values: Iterable[float]) -> list[float | None]:
    """JSON knows no NaN."""
    return [float(value) if math.isfinite(value) else None for value in values]


def _text(text: str) -> str:
    """Plotly reads some HTML in texts; here they are only texts."""
    return visible(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
