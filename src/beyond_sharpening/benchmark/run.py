"""Every contest, one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beyond_sharpening.benchmark import decoding, training
from beyond_sharpening.benchmark.contest import Measurement

if TYPE_CHECKING:
    from beyond_sharpening.parameters import Benchmark, Hardware, HubBase, TinyBase


def measure(options: Benchmark, base: TinyBase | HubBase, hardware: Hardware) -> list[Measurement]:
    """Decoding and training against their peers.

    Args:
        options: sizes and repeats.
        base: the start model, whose shape a training step has; its weights are random here.
        hardware: device, precision and batch sizes of the training step.
    """
    import torch

    decoded = [contest.measure(options.repeats) for contest in decoding.contests(options)]
    rows = [*decoded, *training.measure_step(options, base, hardware)]
    machine = torch.cuda.get_device_name() if hardware.device == "cuda" else f"{torch.get_num_threads()} thread(s)"
    for row in rows:
        row["conditions"] += f"; {machine}"
    return rows
