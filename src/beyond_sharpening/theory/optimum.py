"""Training reaches the optimum: distances from the closed form, step by step, on an enumerable task."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import torch
from transformers import PreTrainedModel, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from beyond_sharpening.exact.distributions import objective_value, optimal_value, total_variation
from beyond_sharpening.objectives import OBJECTIVES, Objective
from beyond_sharpening.theory.divergence import check_divergence
from beyond_sharpening.theory.enumerable import EnumerableTask, build_trainer, enumerable_task
from beyond_sharpening.theory.propositions.check import Check, Row, claim

BETA = 2.0
STEPS = 80
GROUPS, GROUP_SIZE = 8, 8
MEASURE_EVERY = 5


@dataclass(frozen=True)
class Cell:
    """One training: an objective with its normalisation, and whether it starts at π_ref or away from it."""

    objective: str
    perturbed: bool = False
    normalisation: Literal["sum", "mean"] = "sum"

    @property
    def label(self) -> str:
        told = {", mean": self.normalisation == "mean", ", perturbed start": self.perturbed}
        return self.objective.replace("_", " ") + "".join(text for text, holds in told.items() if holds)

    def build_objective(self) -> Objective:
        return Objective.named(self.objective, beta=BETA, normalisation=self.normalisation)

    @property
    def learning_rate(self) -> float:
        """Where the optimum is a corner, the noise of the estimate dies out on the way, and steps may be larger."""
        return 0.01 if self.build_objective().policy == 0 else 0.005


CELLS = (
    *map(Cell, OBJECTIVES),
    Cell("tempered", normalisation="mean"),
    *(Cell(name, perturbed=True) for name in OBJECTIVES if Objective.named(name).is_null),
)


def check_training(objectives: Sequence[str], seed: int = 0) -> Check:
    """Train each objective, and see whether it ends at its optimum, or what it does without one; a few seconds each."""
    task = enumerable_task()
    curves = {cell: approach(task, cell, seed) for cell in CELLS if cell.objective in objectives}
    series = pd.concat([curve.assign(objective=cell.label) for cell, curve in curves.items()], ignore_index=True)
    entropic = [cell.label for cell in curves if cell.build_objective().policy > 0]
    distance = series[series["objective"].isin(entropic)][["step", "total variation from optimum", "objective"]]
    gap = series[~series["objective"].isin(entropic)][["step", "share of the way still to go", "objective"]]
    rows = [row for cell, curve in curves.items() for row in _claims(cell, curve)]
    figures = {"Distance from the optimum": distance, "Expected reward still to gain": gap}
    if "tempered" in objectives:
        more, lengths = check_divergence(seed)
        rows, figures = rows + more, {**figures, "Where no optimum exists the cap is filled": lengths}
    return Check(
        11,
        "Training",
        "The trainer of real models, on policies that can be enumerated, ends at the closed-form optimum of each "
        "objective; the null control stays at the start model, and comes back to it. Where Σ π_ref^α has no limit, "
        "training fills whatever length cap there is, with any seed.",
        pd.DataFrame(rows),
        figures,
    )


def approach(task: EnumerableTask, cell: Cell, seed: int = 0) -> pd.DataFrame:
    """Train one cell and measure.

    Args:
        task: questions and start model.
        cell: what to train, from where.
        seed: of every rollout.

    Returns:
        One row a measured step, from step 0: ``step``, ``total variation from optimum`` (of the worst
        question), ``share of the way still to go``: (J* − J)/(J* − J(π_ref)), NaN for the null control.
    """
    start = perturbed(task.start) if cell.perturbed else task.start
    distance = Distance(task, cell.build_objective())
    distance.measure(0, start)
    with tempfile.TemporaryDirectory() as folder:
        trainer = build_trainer(
            task,
            cell.build_objective(),
            start,
            Path(folder),
            groups=GROUPS,
            group_size=GROUP_SIZE,
            learning_rate=cell.learning_rate,
            max_steps=STEPS,
            seed=seed,
        )
        trainer.add_callback(distance)
        trainer.train()
    return pd.DataFrame(distance.rows)


def perturbed(model: PreTrainedModel, seed: int = 0, size: float = 0.08) -> PreTrainedModel:
    """A copy with Gaussian noise on every weight."""
    moved, generator = copy.deepcopy(model), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in moved.parameters():
            parameter.add_(size * torch.randn(parameter.shape, generator=generator))
    return moved


class Distance(TrainerCallback):
    """Measures the distance of the policy from the optimum while it trains."""

    def __init__(self, task: EnumerableTask, objective: Objective) -> None:
        self.task, self.objective = task, objective
        self.optimum = objective.optimum(task.correct.double(), task.log_p, task.completions.lengths)
        self.best = optimal_value(objective, task.log_p, task.correct, task.completions).mean()
        self.first = self._value(task.log_p)
        self.rows: list[dict[str, float]] = []

    def measure(self, step: int, model: PreTrainedModel) -> None:
        """Append a row."""
        log_q = self.task.log_probabilities(model)
        way = self.best - self.first
        to_go = (self.best - self._value(log_q)) / way if way > 1e-9 else torch.tensor(torch.nan)
        self.rows.append(
            {
                "step": step,
                "total variation from optimum": total_variation(log_q, self.optimum).max().item(),
                "share of the way still to go": to_go.item(),
            }
        )

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if state.global_step % MEASURE_EVERY == 0:
            self.measure(state.global_step, kwargs["model"])

    def _value(self, log_q: torch.Tensor) -> torch.Tensor:
        """J, the expected reward, averaged over questions."""
        task = self.task
        return objective_value(self.objective, log_q, task.log_p, task.correct, task.completions).mean()


def _claims(cell: Cell, curve: pd.DataFrame) -> list[Row]:
    """What must hold of a cell; the distance is that of the worst question."""
    distance = curve["total variation from optimum"]
    if cell.build_objective().policy == 0:
        to_go = curve["share of the way still to go"].iloc[-1]
        return [claim(f"{cell.label}: (J* − J)/(J* − J at the start), at the end", to_go, "≤", 0.01, 0)]
    if cell.build_objective().is_null and not cell.perturbed:
        return [claim(f"{cell.label}: the largest distance from π_ref at any step", distance.max(), "≤", 0.02, 0)]
    return [
        claim(f"{cell.label}: distance from the optimum at the start", distance.iloc[0], "≥", 0.2, 0),
        claim(f"{cell.label}: distance from the optimum at the end", distance.iloc[-1], "≤", 0.05, 0),
    ]
