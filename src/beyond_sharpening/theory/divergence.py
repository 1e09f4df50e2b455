"""Training where no optimum exists: tempered sampling below the critical power, which fills any length cap.

Σ π_ref^α over all completions of any length is finite only above a critical α* below 1 (proposition 4). Below it the
tempered target exists under a cap alone, and the cap decides what training climbs to.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from beyond_sharpening.exact.distributions import expectation
from beyond_sharpening.objectives import Objective
from beyond_sharpening.theory.enumerable import EnumerableTask, build_trainer, enumerable_task
from beyond_sharpening.theory.propositions.check import Row, claim

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

BELOW, ABOVE = 0.25, 2.0  # the critical power of the task's start model lies between them
CAPS = (3, 6)
SEEDS = 3
STEPS = 30
MEASURE_EVERY = 5
LENGTH = "mean length, EOS included"


def check_divergence(seed: int) -> tuple[list[Row], pd.DataFrame]:
    """The claims, and the mean length while training, by power, cap and seed."""
    tasks = {cap: enumerable_task(max_length=cap) for cap in CAPS}
    runs = [(BELOW, CAPS[1], seed + index) for index in range(SEEDS)]
    runs += [(BELOW, CAPS[0], seed), (ABOVE, CAPS[1], seed), (ABOVE, CAPS[0], seed)]
    curves = {run: lengths_while_training(tasks[run[1]], run[0], run[2]) for run in runs}
    names = {run: f"α = {run[0]}, cap of {run[1]}, seed {run[2]}" for run in runs}
    series = pd.concat([curve.assign(run=names[run]) for run, curve in curves.items()], ignore_index=True)
    ends = {run: curve[LENGTH].iloc[-1] for run, curve in curves.items()}
    return _masses() + _claims(tasks[CAPS[1]], ends, seed), series


def _claims(task: EnumerableTask, ends: dict[tuple[float, int, int], float], seed: int) -> list[Row]:
    """Where the mean length of every run (α, cap, seed) ended."""
    short, long = CAPS
    optimum = Objective.named("tempered", alpha=BELOW).optimum(task.correct, task.log_p, task.completions.lengths)
    start, goal = _mean_length(task, task.log_p), _mean_length(task, optimum)
    least = min(ends[BELOW, long, seed + index] for index in range(SEEDS))
    way = (least - start) / (goal - start)
    return [
        claim(
            f"α = {BELOW}: share of the way to the mean length that a cap of {long} allows, least seed", way, "≥", 0.7
        ),
        claim(f"α = {BELOW}: mean length over that under half the cap", least / ends[BELOW, short, seed], "≥", 1.5),
        claim(f"α = {ABOVE}: the same", ends[ABOVE, long, seed] / ends[ABOVE, short, seed], "=", 1, 0.1),
    ]


def lengths_while_training(task: EnumerableTask, alpha: float, seed: int) -> pd.DataFrame:
    """Train tempered sampling at a power from the start model: ``step``, and the exact mean length at it."""
    measured = _MeanLength(task)
    measured.measure(0, task.start)
    with tempfile.TemporaryDirectory() as folder:
        trainer = build_trainer(
            task,
            Objective.named("tempered", alpha=alpha),
            task.start,
            Path(folder),
            groups=8,
            group_size=8,
            learning_rate=0.005,
            max_steps=STEPS,
            seed=seed,
        )
        trainer.add_callback(measured)
        trainer.train()
    return pd.DataFrame(measured.rows)


class _MeanLength(TrainerCallback):
    """Measures the mean length of the policy's completions, EOS included, while it trains."""

    def __init__(self, task: EnumerableTask) -> None:
        self.task = task
        self.rows: list[dict[str, float]] = []

    def measure(self, step: int, model: PreTrainedModel) -> None:
        """Append a row."""
        self.rows.append({"step": step, LENGTH: _mean_length(self.task, self.task.log_probabilities(model))})

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if state.global_step % MEASURE_EVERY == 0:
            self.measure(state.global_step, kwargs["model"])


def _mean_length(task: EnumerableTask, log_q: torch.Tensor) -> float:
    """E[L], averaged over questions."""
    return expectation(log_q, task.completions.lengths.double()).mean().item()


def _masses() -> list[Row]:
    """Σ π_ref^α grows geometrically with the cap below the critical power, and settles above it."""
    log_p = [enumerable_task(max_length=cap).log_p for cap in (6, 7, 8)]
    steps = {}
    for alpha in (BELOW, ABOVE):
        log_z = [(alpha * values).logsumexp(dim=-1).mean().item() for values in log_p]
        steps[alpha] = [log_z[1] - log_z[0], log_z[2] - log_z[1]]
    ratio = steps[BELOW][1] / steps[BELOW][0]
    return [
        claim(f"α = {BELOW}: log Σ π_ref^α grows by the 8th token as by the 7th: ratio", ratio, "=", 1, 0.02),
        claim(f"α = {ABOVE}: log Σ π_ref^α grows by the 8th token", steps[ABOVE][1], "=", 0, 1e-3),
    ]
