"""One cell: an objective trained from a start model, validated, resumable, with its history."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import pandas as pd
from datasets import Dataset
from transformers import PreTrainedTokenizerBase
from transformers.trainer import TRAINER_STATE_NAME
from transformers.trainer_utils import get_last_checkpoint
from trl import RLOOConfig

from beyond_sharpening.errors import BadInput
from beyond_sharpening.parameters import Hardware, Training
from beyond_sharpening.policy import Policy, save_policy
from beyond_sharpening.problems import Problem
from beyond_sharpening.problems.prompts import prompt_token_ids, render_messages
from beyond_sharpening.training.callbacks import LiveMetrics, Progress, StopOnNonFinite, Track, quiet
from beyond_sharpening.training.trainer import ESTIMATOR, ObjectiveTrainer, TaskReward
from beyond_sharpening.training.validation import Validation

logger = logging.getLogger(__name__)

HISTORY = {
    "step": "step",
    "reward": "reward",
    "task_accuracy": "task_accuracy",
    "unscored": "unscored",
    "entropy": "entropy",
    "kl": "kl",
    "log_reference": "log_reference",
    "log_policy": "log_policy",
    "completions/mean_length": "length",
    "completions/clipped_ratio": "truncated",
    "grad_norm": "grad_norm",
    "learning_rate": "learning_rate",
    "step_time": "step_time",
    "validation_accuracy": "validation_accuracy",
}
"""TRL's names of what is logged, and ours."""


@dataclass(frozen=True)
class TrainingTask:
    """What is trained on: problems, the template of the prompt, the reward and the length limits."""

    train: Sequence[Problem]
    validation: Sequence[Problem]
    prompt: str
    reward: TaskReward
    max_completion_tokens: int
    max_prompt_tokens: int | None = None


@dataclass(frozen=True)
class Trained:
    """What a training leaves: the last and the best policy (by validation accuracy) and a row a step."""

    last: Policy
    best: Policy
    history: pd.DataFrame


def train(
    base: Policy, task: TrainingTask, options: Training, hardware: Hardware, seed: int, workspace: Path, track: Track
) -> Trained:
    """Train one objective from the start model ``base``.

    Args:
        base: start model; also the reference.
        task: problems and reward.
        options: objective and optimiser.
        hardware: device, precision and batch sizes.
        seed: of the order of the problems and of every rollout.
        workspace: folder of this cell alone; a training that was cut off there goes on from its last state.
        track: called with live metrics and the step.

    Raises:
        BadInput: if there are fewer problems than a step needs.
        FloatingPointError: if the gradient is no longer a number.
    """
    tokenizer, progress = base.tokenizer(), Progress(f"train {options.objective}")
    task = replace(task, train=_within_limit(task, tokenizer))
    if len(task.train) < options.prompts_per_step:
        raise BadInput(
            f"{len(task.train)} training problems are fewer than prompts_per_step = {options.prompts_per_step}"
        )
    options = options.model_copy(update={"steps": options.steps_on(len(task.train))})
    trainer = ObjectiveTrainer(
        model=base.model(hardware.device, attention=hardware.attention),
        reference=base.model(hardware.device, hardware.dtype, hardware.attention),
        objective=options.build_objective(),
        task_reward=task.reward,
        args=_arguments(options, hardware, task.max_completion_tokens, seed, workspace),
        reward_scale=options.reward_scale,
        fixed_length=options.fixed_length,
        generation_batch=hardware.generation_batch,
        processing_class=tokenizer,
        train_dataset=_dataset(task),
        callbacks=[LiveMetrics(track), StopOnNonFinite(), progress],
    )
    quiet(trainer)
    trainer.add_callback(Validation(trainer, tokenizer, task, options, workspace / "best"))
    with closing(progress):
        trainer.train(resume_from_checkpoint=_last_state(workspace))
    last = save_policy(trainer.accelerator.unwrap_model(trainer.model), tokenizer, workspace / "last")
    for checkpoint in workspace.glob("checkpoint-*"):
        shutil.rmtree(checkpoint)
    return Trained(last, Policy(workspace / "best"), _history(trainer.state.log_history, options))


def unknown_trl_arguments(options: Training) -> list[str]:
    """The keys of the ``trl`` block that ``RLOOConfig`` does not have."""
    return sorted(set(options.trl) - {field.name for field in fields(RLOOConfig)})


def _last_state(workspace: Path) -> str | None:
    """The latest state that was written whole; an interruption may have come while one was being written."""
    for unfinished in workspace.glob("checkpoint-*"):
        if not (unfinished / TRAINER_STATE_NAME).is_file():  # the trainer writes it last
            shutil.rmtree(unfinished)
    return get_last_checkpoint(workspace) if workspace.is_dir() else None


def _within_limit(task: TrainingTask, tokenizer: PreTrainedTokenizerBase) -> list[Problem]:
    """The training problems whose prompt is not too long; the others are counted in a warning."""
    if task.max_prompt_tokens is None:
        return list(task.train)
    prompts = prompt_token_ids(tokenizer, [problem.question for problem in task.train], task.prompt)
    lengths = zip(task.train, map(len, prompts), strict=True)
    kept = [problem for problem, length in lengths if length <= task.max_prompt_tokens]
    if left_out := len(task.train) - len(kept):
        logger.warning(
            "%d of %d training problems have prompts of more than max_prompt_tokens = %d and are left out",
            *(left_out, len(task.train), task.max_prompt_tokens),
        )
    return kept


def _arguments(
    options: Training, hardware: Hardware, max_completion_tokens: int, seed: int, workspace: Path
) -> RLOOConfig:
    rollouts = options.prompts_per_step * options.completions_per_prompt
    micro_batch = min(hardware.train_batch, rollouts)
    return RLOOConfig(
        **ESTIMATOR,
        output_dir=str(workspace),
        seed=seed,
        max_steps=options.steps,
        num_generations=options.completions_per_prompt,
        per_device_train_batch_size=micro_batch,
        gradient_accumulation_steps=rollouts // micro_batch,
        max_completion_length=max_completion_tokens,
        learning_rate=options.learning_rate,
        warmup_steps=options.warmup_steps,
        weight_decay=options.weight_decay,
        adam_beta1=options.adam_betas[0],
        adam_beta2=options.adam_betas[1],
        max_grad_norm=options.max_grad_norm,
        logging_steps=1,
        save_strategy="steps",
        save_steps=options.checkpoint_every,
        save_total_limit=1,
        bf16=hardware.dtype == "bfloat16",
        use_cpu=hardware.device == "cpu",
        gradient_checkpointing=hardware.gradient_checkpointing,
        dataloader_pin_memory=hardware.device == "cuda",
        report_to="none",
        **options.trl,
    )


def _dataset(task: TrainingTask) -> Dataset:
    rows = [{"prompt": render_messages(problem.question, task.prompt), "gold": problem.gold} for problem in task.train]
    return Dataset.from_list(rows)


def _history(log: list[dict[str, Any]], options: Training) -> pd.DataFrame:
    """One row a step from the trainer's log."""
    steps = pd.DataFrame([row for row in log if "reward" in row])
    history = steps.reindex(columns=list(HISTORY)).rename(columns=HISTORY).astype(float).astype({"step": int})
    completions = options.prompts_per_step * options.completions_per_prompt
    history["clipped"] = (history["grad_norm"] > options.max_grad_norm).astype(float)
    history["tokens_per_second"] = completions * history["length"] / history["step_time"]
    return history
