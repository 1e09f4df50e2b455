"""Train one cell: an objective with its coefficients and its seed."""

from __future__ import annotations

from typing import Any

import pandas as pd

from beyond_sharpening.cells.place import place, unfinished
from beyond_sharpening.models.policy import Policy
from beyond_sharpening.parameters import Hardware, Task, Training
from beyond_sharpening.problems import problems_from_frame
from beyond_sharpening.wiring.tracking import nested_run


def train_objective(
    base: Policy,
    train_problems: pd.DataFrame,
    validation_problems: pd.DataFrame,
    options: dict[str, Any],
    task: dict[str, Any],
    hardware: dict[str, Any],
    train_seed: int,
    workspace: str,
) -> tuple[pd.DataFrame, Policy, Policy]:
    """A row a step, the best policy on the validation problems, and the last one.

    In this order they are kept: a cell is there once its last policy is.
    """
    from beyond_sharpening.grading import Grader
    from beyond_sharpening.training import Job, TrainingTask, train

    objective, asked, machine = (
        Training.model_validate(options),
        Task.model_validate(task),
        Hardware.model_validate(hardware),
    )
    training_task = TrainingTask(
        train=problems_from_frame(train_problems),
        validation=problems_from_frame(validation_problems),
        prompt=asked.prompt,
        grade=Grader(asked.grader, machine.grading_workers),
        max_completion_tokens=asked.completion_tokens,
        context=asked.context,
        max_prompt_tokens=asked.max_prompt_tokens,
        system_prompt=asked.system_prompt,
    )
    folder = unfinished(options, task, train_seed, workspace)
    name = f"{objective.objective} {objective.naming()} seed {train_seed}"
    cell = place(objective.objective, objective.naming(), train_seed)
    told = {key: value for key, value in options.items() if key != "differs"}  # which the cell's name tells
    with nested_run(name, {**told, "train_seed": train_seed}, cell) as track:
        trained = train(Job(base, training_task, objective, machine, train_seed, folder, track))
        track.keep("history.csv", trained.history.to_csv(index=False))
    return trained.history, trained.best, trained.last
