"""A training as a thing: what it is asked, and what it leaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from beyond_sharpening.models.policy import Policy
from beyond_sharpening.parameters import Hardware, Training
from beyond_sharpening.problems import Problem

if TYPE_CHECKING:
    import pandas as pd

    from beyond_sharpening.models.callbacks import Track
    from beyond_sharpening.training.signals import Grade


@dataclass(frozen=True)
class TrainingTask:
    """What is trained on: problems, the template of the prompt, the grader and the length limits."""

    train: Sequence[Problem]
    validation: Sequence[Problem]
    prompt: str
    grade: Grade
    max_completion_tokens: int
    max_prompt_tokens: int | None = None
    context: int | None = None
    system_prompt: str | None = None


@dataclass(frozen=True)
class Job:
    """A training as it is handed to the processes that do it.

    Attributes:
        base: start model; also the reference.
        task: problems and their grader.
        options: objective, signal and optimiser.
        hardware: device, precision, engine, processes and batch sizes.
        seed: of the order of the problems and of every rollout.
        workspace: folder of this cell alone.
        track: called with live metrics and the step, in the first process.
    """

    base: Policy
    task: TrainingTask
    options: Training
    hardware: Hardware
    seed: int
    workspace: Path
    track: Track


@dataclass(frozen=True)
class Trained:
    """What a training leaves: the last and the best policy (by validation accuracy) and a row a step."""

    last: Policy
    best: Policy
    history: pd.DataFrame
