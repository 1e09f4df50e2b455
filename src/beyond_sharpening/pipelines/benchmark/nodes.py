"""Speed, measured and drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure
from pydantic import TypeAdapter

from beyond_sharpening.parameters import Benchmark, Hardware, HubBase, TinyBase
from beyond_sharpening.reporting import speed_figure


def measure_speed(
    options: dict[str, Any], base: dict[str, Any], hardware: dict[str, Any]
) -> tuple[Sequence[Mapping[str, object]], Figure, dict[str, dict[str, float]]]:
    """Every stage, ours and the peer's; the ratios drawn, and for the tracker."""
    from beyond_sharpening.speed import measure

    start: TinyBase | HubBase = TypeAdapter(TinyBase | HubBase).validate_python(base)
    measurements = measure(Benchmark.model_validate(options), start, Hardware.model_validate(hardware))
    ratios = {row["stage"].replace(", ", "/"): {"value": row["ratio"], "step": 0} for row in measurements}
    return measurements, speed_figure(measurements), ratios
