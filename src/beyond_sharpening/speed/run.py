"""Every contest, one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beyond_sharpening.speed import decoding, grading, statistics, training
from beyond_sharpening.speed.contest import Measurement
from beyond_sharpening.speed.growth import measure_growth

if TYPE_CHECKING:
    from beyond_sharpening.parameters import Benchmark, Hardware, HubBase, TinyBase


def measure(options: Benchmark, base: TinyBase | HubBase, hardware: Hardware) -> list[Measurement]:
    """Decoding, grading, statistics and training against their peers.

    Args:
        options: sizes and repeats.
        base: the start model, whose shape a training step has; its weights are random here.
        hardware: device, precision and batch sizes of the training step.
    """
    import torch

    processor = f"{torch.get_num_threads()} thread(s)"
    machine = torch.cuda.get_device_name() if hardware.device == "cuda" else processor
    step = training.measure_steps(options, base, hardware)  # first, because it refuses what cannot fit
    contests = (*decoding.contests(options), *grading.contests(), *statistics.contests(options.problems))
    decoded = [contest.measure(options.repeats) for contest in contests] + measure_growth(options)
    for rows, where in ((decoded, processor), (step, machine)):  # what is decoded is small: no work for a GPU
        for row in rows:
            row["conditions"] += f"; {where}"
    return [*decoded, *step]
