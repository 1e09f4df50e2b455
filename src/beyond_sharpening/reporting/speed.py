"""The figure of the speed benchmark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from beyond_sharpening.reporting.charts import QUIET
from beyond_sharpening.reporting.static import finish, panel_grid

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def speed_figure(measurements: Sequence[Mapping[str, Any]]) -> Figure:
    """How many times as fast as its peer each stage is, as bars on a log axis.

    Args:
        measurements: ``stage``, ``ours``, ``peer``, ``unit``, ``ratio`` and ``conditions`` of each stage.
    """
    figure, (axes,) = panel_grid(1, panel=(7.5, 0.5 * len(measurements) + 0.8))
    axes.axvline(1, color=QUIET, lw=1)
    for place, row in enumerate(measurements):
        axes.barh(place, row["ratio"] - 1, left=1, color="#0072B2", height=0.6)
        text = f" {row['ratio']:.3g}x: {row['ours']:.3g} against {row['peer']:.3g} {row['unit']}"
        axes.text(max(row["ratio"], 1), place, text, va="center", fontsize=8)
    axes.set_yticks(range(len(measurements)), [row["stage"] for row in measurements])
    axes.set_ylim(len(measurements) - 0.4, -0.6)
    axes.set_xscale("log")
    axes.set_xlim(right=max([1.0, *(row["ratio"] for row in measurements)]) ** 1.6 * 2)
    axes.set(xlabel="times as fast as the peer")
    conditions = "\n".join(dict.fromkeys(row["conditions"] for row in measurements))
    return finish(figure, {}, "Speed side by side", conditions)
