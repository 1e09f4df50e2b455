"""One process's share of a training: it builds the trainer, trains, and leaves policies and history behind."""

from __future__ import annotations

import logging
import os
import shutil
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pandas as pd
from datasets import Dataset
from transformers import TrainerCallback

from beyond_sharpening.models.callbacks import LiveMetrics, Progress, quiet
from beyond_sharpening.models.policy import without_bars
from beyond_sharpening.models.shape import check_targets
from beyond_sharpening.parameters import Training
from beyond_sharpening.problems import columns_for
from beyond_sharpening.problems.prompts import render_messages
from beyond_sharpening.storage import written_whole
from beyond_sharpening.training import states
from beyond_sharpening.training.adapters import adapter_config
from beyond_sharpening.training.arguments import training_arguments
from beyond_sharpening.training.job import Job, TrainingTask
from beyond_sharpening.training.monitor import FINDING, Monitor, is_usable
from beyond_sharpening.training.stopping import saved_when_interrupted
from beyond_sharpening.training.trainer import ObjectiveTrainer
from beyond_sharpening.training.validation import Validation

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

logger = logging.getLogger(__name__)

HISTORY = {
    "step": "step",
    "reward": "reward",
    "signal": "signal",
    "task_accuracy": "task_accuracy",
    "unscored": "unscored",
    "entropy": "entropy",
    "kl": "kl",
    "log_reference": "log_reference",
    "log_policy": "log_policy",
    "completions/mean_length": "length",
    "completions/clipped_ratio": "truncated",
    "sampler_gap": "sampler_gap",
    "importance_max": "importance_max",
    "importance_truncated": "importance_truncated",
    "importance_mean": "importance_mean",
    "importance_effective": "importance_effective",
    "grad_norm": "grad_norm",
    "learning_rate": "learning_rate",
    "step_time": "step_time",
    "validation_accuracy": "validation_accuracy",
}
"""TRL's names of what is logged, and ours."""

HISTORY_FILE = "history.parquet"


def train_here(job: Job) -> None:
    """Train in this process, one of several or the only one; leave policies and history in the workspace."""
    tokenizer = job.base.tokenizer()
    trainer = build_trainer(job, tokenizer)
    quiet(trainer)
    validation = Validation(trainer, tokenizer, job.task, job.options, job.workspace / "best")
    callbacks: list[TrainerCallback] = [Monitor(job.options, job.track)]
    progress = Progress(f"train {job.options.objective}")
    if trainer.is_world_process_zero():
        callbacks += [LiveMetrics(job.track), progress]
    for callback in (*callbacks, validation):  # which logs at the start, when the bar is there
        trainer.add_callback(callback)
    state = states.last(job.workspace)
    with closing(progress), without_bars(), saved_when_interrupted(trainer):
        trainer.train(resume_from_checkpoint=None if state is None else str(state))
    with without_bars():
        _keep_policies(trainer, tokenizer, job)
    if trainer.is_world_process_zero():
        with written_whole(job.workspace / HISTORY_FILE) as beside:
            _history(trainer.state.log_history, job.options).to_parquet(beside)


def _keep_policies(trainer: ObjectiveTrainer, tokenizer: PreTrainedTokenizerBase, job: Job) -> None:
    """The last policy, and the best one where a training ended before it was validated.

    Where the last one has no probabilities any more, the best one is kept in its place, or else the start model.
    """
    last, best = job.workspace / "last", job.workspace / "best"
    if is_usable(trainer.state.log_history):
        trainer.save_policy(tokenizer, last)
        if not best.is_dir():
            trainer.save_policy(tokenizer, best)
    elif trainer.is_world_process_zero():
        usable = best if best.is_dir() else job.base.path
        logger.warning("the last policy has no probabilities: %s is kept in its place", usable)
        for place in (last, best):
            if place != usable:
                with written_whole(place) as beside:
                    shutil.copytree(usable, beside)


def build_trainer(job: Job, tokenizer: PreTrainedTokenizerBase) -> ObjectiveTrainer:
    """The trainer of a job, on this process's device."""
    options, hardware, task = job.options, job.hardware, job.task
    if options.lora is not None:
        check_targets(options.lora, job.base.config(), "lora.targets")
    place = os.environ.get("LOCAL_RANK")
    device = hardware.device if hardware.device == "cpu" or place is None else f"{hardware.device}:{place}"
    # Weights that learn are float32: steps of 1e-6 vanish in bfloat16. Those that an adapter leaves alone need not be,
    # unless the engine has TRL merge the adapter into them, and out of them again, every step.
    learns = options.lora is None or hardware.vllm is not None
    whole = "cpu" if hardware.sharding == "fsdp2" else device  # a GPU need never hold all that it will have a shard of
    return ObjectiveTrainer(
        model=job.base.model(whole, "float32" if learns else hardware.dtype, hardware.attention),
        reference=job.base.model(device, hardware.dtype, hardware.attention) if options.lora is None else None,
        objective=options.build_objective(),
        grade=task.grade,
        args=training_arguments(job),  # after the models are loaded: DeepSpeed would share out the reference as well
        signal=options.signal,
        samples=options.samples,
        reward_scale=options.reward_scale,
        loss=options.loss,
        fixed_length=options.fixed_length,
        context=task.context,
        generation_batch=hardware.generation_batch,
        engine=hardware.engine,
        processing_class=tokenizer,
        train_dataset=_dataset(task),
        peft_config=None if options.lora is None else adapter_config(options.lora),
    )


def _dataset(task: TrainingTask) -> Dataset:
    prompts = [render_messages(problem.question, task.prompt, task.system_prompt) for problem in task.train]
    rows = {"prompt": prompts, "gold": [problem.gold for problem in task.train]}
    further = zip(["columns"], columns_for(task.grade, task.train), strict=False)
    return Dataset.from_dict({**rows, **dict(further)})


def _history(log: list[dict[str, Any]], options: Training) -> pd.DataFrame:
    """One row a step from the trainer's log."""
    steps = pd.DataFrame([row for row in log if "reward" in row])
    history = steps.reindex(columns=list(HISTORY)).rename(columns=HISTORY).astype(float).astype({"step": int})
    history[FINDING] = steps[FINDING] if FINDING in steps else pd.Series(pd.NA, index=steps.index, dtype="string")
    completions = options.prompts_per_step * options.completions_per_prompt
    history["clipped"] = (history["grad_norm"] > options.max_grad_norm).astype(float)
    history["tokens_per_second"] = completions * history["length"] / history["step_time"]
    return history
