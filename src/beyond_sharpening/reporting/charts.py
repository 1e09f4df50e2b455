"""Charts as data: what is to be seen, drawn by ``static`` for paper and by ``interactive`` for a screen."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from beyond_sharpening.reporting.labels import Look

QUIET = "#555555"
Scale = Literal["linear", "log", "log2", "symlog"]


def log_ticks(values: Collection[float]) -> dict[float, str]:
    """Ticks of a logarithmic axis over some values: 1, 2 and 5 of each power of ten, from below them to above."""
    low, high = (math.floor(math.log10(extreme(values))) for extreme in (min, max))
    every = [digit * 10.0**power for power in range(low, high + 2) for digit in (1, 2, 5)]
    return {tick: f"{tick:g}" for tick in every if min(values) / 2 < tick < 2 * max(values)}


@dataclass(frozen=True)
class Series:
    """Points of one look.

    Attributes:
        look: name, colour, mark and dashes; series of one name share an entry in the legend.
        x, y: the points.
        low, high: ends of the intervals, in y; with ``across``, in x.
        across_low, across_high: ends of the intervals in x.
        kind: how the points are drawn: joined, as marks alone, or as horizontal bars that stack.
        band: intervals are shaded, not drawn as bars.
        filled: of each point, whether its mark is; all are by default.
        notes: a word to each point, where a pointer rests on it.
        width: of the line.
        opacity: of line and marks.
        hatch: what fills bars, so that colour need not tell them apart: nothing, or one of ``/ x - | + .``.
    """

    look: Look
    x: Collection[float]
    y: Collection[float]
    low: Collection[float] | None = None
    high: Collection[float] | None = None
    across_low: Collection[float] | None = None
    across_high: Collection[float] | None = None
    kind: Literal["line", "marks", "bars"] = "line"
    band: bool = False
    filled: Sequence[bool] | None = None
    notes: Sequence[str] | None = None
    width: float = 1.6
    opacity: float = 1.0
    hatch: str = ""


@dataclass(frozen=True)
class Level:
    """A horizontal line across a panel, with its interval shaded."""

    look: Look
    y: float
    low: float
    high: float


@dataclass(frozen=True)
class Panel:
    """One pair of axes.

    Attributes:
        ticks_x, ticks_y: position -> text, in place of numbers.
        margin: position in y -> text to the right of the panel.
        zero: a line at 0 of this axis, where a sign means something.
        x_range, y_range: (low, high); a y range from high to low counts downwards. None: what the points need.
        linear_below: on a ``symlog`` axis, of x and of y, what counts as near 0.
    """

    title: str
    series: Sequence[Series]
    x_label: str
    y_label: str = ""
    x_scale: Scale = "linear"
    y_scale: Scale = "linear"
    levels: Sequence[Level] = ()
    ticks_x: Mapping[Any, str] | None = None
    ticks_y: Mapping[Any, str] | None = None
    margin: Mapping[Any, str] | None = None
    zero: Literal["x", "y", "both", None] = None
    x_range: tuple[float, float] | None = None
    y_range: tuple[float | None, float | None] | None = None
    linear_below: tuple[float, float] = (1.0, 1.0)


@dataclass(frozen=True)
class Chart:
    """A figure: panels side by side.

    Attributes:
        name: its file is ``figures/<name>.png``.
        note: how to read its marks, below the figure.
        size: of a panel, in inches.
        shared_y: the label of a y axis that all panels share.
    """

    name: str
    title: str
    panels: Sequence[Panel]
    note: str = ""
    size: tuple[float, float] = (3.5, 3.3)
    columns: int = 3
    shared_y: str | None = None
