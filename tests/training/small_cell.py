"""A training of seconds on a random model, and what its tests ask of it."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM

from beyond_sharpening.grading import Verdict
from beyond_sharpening.models.policy import Policy
from beyond_sharpening.parameters import Hardware, Training
from beyond_sharpening.problems import Problem
from beyond_sharpening.training import Job, TrainingTask
from beyond_sharpening.training import train as train_job

HARDWARE = Hardware(
    device="cpu", dtype="float32", train_batch=4, generation_batch=64, grading_workers=1, gradient_checkpointing=False
)


def options(objective: str = "tilted", **changed) -> Training:
    asked = {
        "steps": 4,
        "prompts_per_step": 4,
        "completions_per_prompt": 2,
        "learning_rate": 1e-2,
        "warmup_steps": 2,
        "weight_decay": 0.01,
        "adam_betas": (0.9, 0.999),
        "max_grad_norm": 1.0,
        "validate_every": 2,
        "validation_samples": 2,
        "checkpoint_every": 2,
    }
    return Training.model_validate({"objective": objective, **asked, **changed})


def problems(start: int, count: int) -> list[Problem]:
    return [
        Problem(str(row), "chains", f"{row}+{row}=", str(2 * row), "2", "train") for row in range(start, start + count)
    ]


TIMEOUT = Verdict("timeout", None)


def short(completions, golds):
    """A grader that a random model can please: short answers are right."""
    return [Verdict("correct" if len(completion) < 12 else "wrong", completion) for completion in completions]


def never_in_time(completions, golds):
    """A grader of which nothing can be scored."""
    return [TIMEOUT] * len(completions)


def task(grade=short, n_problems: int = 10) -> TrainingTask:
    return TrainingTask(problems(1, n_problems), problems(30, 5), "{question}", grade, max_completion_tokens=8)


def nowhere(metrics: dict[str, float], step: int) -> None:
    pass


def train(*parts):
    return train_job(Job(*parts))


@dataclass(frozen=True)
class KilledOnce:
    """A tracker whose process is killed at a step, the first time it comes there; it can be sent to that process."""

    step: int
    marker: Path

    def __call__(self, metrics: dict[str, float], step: int) -> None:
        if step == self.step and not self.marker.exists():
            self.marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)


def weights(policy: Policy) -> dict[str, torch.Tensor]:
    return AutoModelForCausalLM.from_pretrained(policy.path).state_dict()


def equal(one: Policy, other: Policy) -> bool:
    first, second = weights(one), weights(other)
    return all(torch.equal(first[name], second[name]) for name in first)
