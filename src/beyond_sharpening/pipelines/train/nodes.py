"""Train one cell: an objective with its coefficients and its seed."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pandas as pd

from beyond_sharpening.parameters import Hardware, Task, Training
from beyond_sharpening.pipelines.tracking import nested_run
from beyond_sharpening.policy import Policy
from beyond_sharpening.problems import problems_from_frame


def train_objective(
    base: Policy,
    train_problems: pd.DataFrame,
    validation_problems: pd.DataFrame,
    options: dict[str, Any],
    task: dict[str, Any],
    hardware: dict[str, Any],
    train_seed: int,
    workspace: str,
) -> tuple[Policy, Policy, pd.DataFrame]:
    """The last policy, the best one on the validation problems, and a row a step."""
    from beyond_sharpening.grading import Grader
    from beyond_sharpening.training import Job, TaskReward, TrainingTask, train

    objective, asked, machine = (
        Training.model_validate(options),
        Task.model_validate(task),
        Hardware.model_validate(hardware),
    )
    training_task = TrainingTask(
        train=problems_from_frame(train_problems),
        validation=problems_from_frame(validation_problems),
        prompt=asked.prompt,
        reward=TaskReward(Grader(asked.grader, machine.grading_workers)),
        max_completion_tokens=asked.max_completion_tokens,
        max_prompt_tokens=asked.max_prompt_tokens,
    )
    folder = unfinished(options, task, train_seed, workspace)
    name = f"{objective.objective} {objective.variant()} seed {train_seed}"
    with nested_run(name, {**options, "train_seed": train_seed}) as track:
        trained = train(Job(base, training_task, objective, machine, train_seed, folder, track))
        track.keep("history.csv", trained.history.to_csv(index=False))
    return trained.last, trained.best, trained.history


def unfinished(options: dict[str, Any], task: dict[str, Any], train_seed: int, workspace: str) -> Path:
    """Where a training keeps its states: one that was cut off goes on from there, and only the very same one may."""
    cell = hashlib.sha256(json.dumps([options, task, train_seed]).encode()).hexdigest()[:12]
    return Path(workspace) / f"{options['objective']}-{cell}"
