"""One cell: an objective trained from a start model, in this process or in several, resumed where it was cut off."""

from __future__ import annotations

import logging
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
from accelerate.utils.memory import clear_device_cache
from transformers import PreTrainedTokenizerBase

from beyond_sharpening.errors import BadInput
from beyond_sharpening.models.policy import Policy
from beyond_sharpening.problems import Problem
from beyond_sharpening.problems.prompts import prompt_token_ids
from beyond_sharpening.storage import remove
from beyond_sharpening.training import judges, states
from beyond_sharpening.training.adapters import merge_adapter
from beyond_sharpening.training.job import Job, Trained, TrainingTask
from beyond_sharpening.training.launch import train_in_processes
from beyond_sharpening.training.process import HISTORY_FILE, train_here

logger = logging.getLogger(__name__)

TRIED = 3
"""Problems that a function of the user's that tells the reward is tried on."""

MADE = "made"
"""The folder of a workspace that holds the policies to be taken away."""


def train(job: Job) -> Trained:
    """Train one objective, in this process or in those that the hardware asks for.

    A training that was cut off in this workspace goes on from its last state. The workspace stays, for whoever takes
    the policies away to remove once they are safe.

    Raises:
        BadInput: if there are fewer problems than a step needs, or the user's function that tells the reward fails.
        Damaged: if the state to go on from is not what was written.
        DiskFull: if there is no room for a policy or a state; the one before is kept.
        EngineMismatch: if the engine that samples does not hold the policy.
        WorkerFailed: if one of several processes ends before its time.
    """
    train = _within_limit(job.task, job.base.tokenizer())
    if len(train) < job.options.prompts_per_step:
        problems, (key, _) = len(job.task.train), _prompt_limit(job.task)
        left_out = problems - len(train)
        limit = f": task.{key} = {getattr(job.task, key)} leaves out {left_out} of {problems}; raise it"
        raise BadInput(
            f"{len(train)} training problems are fewer than prompts_per_step = {job.options.prompts_per_step}"
            + (limit if left_out else "")
        )
    judges.try_out(job.options.signal, train[:TRIED])
    job = replace(job, task=replace(job.task, train=train))
    steps = job.options.steps_on(len(train))
    job = replace(job, options=job.options.model_copy(update={"steps": steps}))
    states.drop_unsealed(job.workspace)
    job.workspace.mkdir(parents=True, exist_ok=True)
    if job.hardware.all_processes == 1:
        train_here(job)
        # The trainer holds itself in cycles, and with it the memory of the GPU that evaluation needs.
        clear_device_cache(garbage_collection=True)
    else:
        train_in_processes(job)
    for folder in ("last", "best"):
        merge_adapter(job.base, job.workspace / folder)
    history = pd.read_parquet(job.workspace / HISTORY_FILE)
    return Trained(Policy(_to_take(job.workspace, "last")), Policy(_to_take(job.workspace, "best")), history)


def _to_take(workspace: Path, name: str) -> Path:
    """A policy for somebody to take away: until all is taken, a run that is killed finds its own here."""
    taken = workspace / MADE / name
    remove(taken)
    shutil.copytree(workspace / name, taken, copy_function=_link)
    return taken


def _link(source: str, target: str) -> None:
    """A second name of a file: weights are not written twice; a copy where the disk knows no second names."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _within_limit(task: TrainingTask, tokenizer: PreTrainedTokenizerBase) -> list[Problem]:
    """The training problems whose prompt is not too long; the others are counted in a warning."""
    key, limit = _prompt_limit(task)
    if limit is None:
        return list(task.train)
    prompts = prompt_token_ids(tokenizer, [problem.question for problem in task.train], task.prompt, task.system_prompt)
    lengths = zip(task.train, map(len, prompts), strict=True)
    kept = [problem for problem, length in lengths if length <= limit]
    if left_out := len(task.train) - len(kept):
        logger.warning(
            "%d of %d training problems have prompts of more than %d tokens (%s) and are left out",
            *(left_out, len(task.train), limit, key),
        )
    return kept


def _prompt_limit(task: TrainingTask) -> tuple[str, int | None]:
    """The parameter that bounds a prompt, and the tokens that it leaves to one."""
    if task.context is None or (task.max_prompt_tokens or task.context) < task.context:
        return "max_prompt_tokens", task.max_prompt_tokens
    return "context", task.context - 1
