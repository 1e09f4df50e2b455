"""Speed, measured and drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

from beyond_sharpening.parameters import Benchmark
from beyond_sharpening.reporting import speed_figure

if TYPE_CHECKING:
    from beyond_sharpening.benchmark import Measurement


def measure_speed(options: dict[str, Any]) -> list[Measurement]:
    """Every stage, ours and the peer's."""
    from beyond_sharpening.benchmark import measure

    return measure(Benchmark.model_validate(options))


def draw_speed(measurements: list[Measurement]) -> Figure:
    """The ratios."""
    return speed_figure(measurements)
