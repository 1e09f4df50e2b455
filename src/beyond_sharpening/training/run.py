"""One cell: an objective trained from a start model, validated, resumable, with its history."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from accelerate.utils.memory import clear_device_cache
from datasets import Dataset
from transformers import PreTrainedTokenizerBase
from transformers.trainer import TRAINER_STATE_NAME
from transformers.trainer_utils import get_last_checkpoint
from trl import RLOOConfig

from beyond_sharpening.errors import BadInput
from beyond_sharpening.parameters import Hardware, Training
from beyond_sharpening.policy import Policy
from beyond_sharpening.problems import Problem
from beyond_sharpening.problems.prompts import prompt_token_ids, render_messages
from beyond_sharpening.training.adapters import adapter_config, merge_adapter
from beyond_sharpening.training.arguments import ESTIMATOR
from beyond_sharpening.training.callbacks import LiveMetrics, Progress, StopOnNonFinite, Track, quiet
from beyond_sharpening.training.trainer import ObjectiveTrainer, Scores
from beyond_sharpening.training.validation import Validation

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

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
    "sampler_gap": "sampler_gap",
    "importance_max": "importance_max",
    "importance_truncated": "importance_truncated",
    "grad_norm": "grad_norm",
    "learning_rate": "learning_rate",
    "step_time": "step_time",
    "validation_accuracy": "validation_accuracy",
}
"""TRL's names of what is logged, and ours."""

HISTORY_FILE = "history.parquet"


@dataclass(frozen=True)
class TrainingTask:
    """What is trained on: problems, the template of the prompt, the reward and the length limits."""

    train: Sequence[Problem]
    validation: Sequence[Problem]
    prompt: str
    reward: Scores
    max_completion_tokens: int
    max_prompt_tokens: int | None = None


@dataclass(frozen=True)
class Job:
    """A training as it is handed to the processes that do it.

    Attributes:
        base: start model; also the reference.
        task: problems and reward.
        options: objective and optimiser.
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


def train(job: Job) -> Trained:
    """Train one objective, in this process or in those that the hardware asks for.

    A training that was cut off in this workspace goes on from its last state.

    Raises:
        BadInput: if there are fewer problems than a step needs.
        FloatingPointError: if the gradient is no longer a number.
        EngineMismatch: if the engine that samples does not hold the policy.
        WorkerFailed: if one of several processes ends before its time.
    """
    train = _within_limit(job.task, job.base.tokenizer())
    if len(train) < job.options.prompts_per_step:
        problems, longest = len(job.task.train), job.task.max_prompt_tokens
        left_out = problems - len(train)
        limit = f": task.max_prompt_tokens = {longest} leaves out {left_out} of {problems}; raise it"
        raise BadInput(
            f"{len(train)} training problems are fewer than prompts_per_step = {job.options.prompts_per_step}"
            + (limit if left_out else "")
        )
    job = replace(job, task=replace(job.task, train=train))
    steps = job.options.steps_on(len(train))
    job = replace(job, options=job.options.model_copy(update={"steps": steps}))
    _drop_unfinished_states(job.workspace)
    if job.hardware.all_processes == 1:
        train_here(job)
        # The trainer holds itself in cycles, and with it the memory of the GPU that evaluation needs.
        clear_device_cache(garbage_collection=True)
    else:
        from beyond_sharpening.training.launch import train_in_processes

        train_in_processes(job)
    for folder in ("last", "best"):
        merge_adapter(job.base, job.workspace / folder)
    for checkpoint in job.workspace.glob("checkpoint-*"):
        shutil.rmtree(checkpoint)
    history = pd.read_parquet(job.workspace / HISTORY_FILE)
    (job.workspace / HISTORY_FILE).unlink()
    return Trained(Policy(job.workspace / "last"), Policy(job.workspace / "best"), history)


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


def train_here(job: Job) -> None:
    """Train in this process, one of several or the only one; leave policies and history in the workspace."""
    tokenizer = job.base.tokenizer()
    trainer = build_trainer(job, tokenizer)
    quiet(trainer)
    callbacks = [StopOnNonFinite(), Validation(trainer, tokenizer, job.task, job.options, job.workspace / "best")]
    progress = Progress(f"train {job.options.objective}")
    if trainer.is_world_process_zero():
        callbacks += [LiveMetrics(job.track), progress]
    for callback in callbacks:
        trainer.add_callback(callback)
    with closing(progress):
        trainer.train(resume_from_checkpoint=get_last_checkpoint(job.workspace))
    trainer.save_policy(tokenizer, job.workspace / "last")
    if trainer.is_world_process_zero():
        _history(trainer.state.log_history, job.options).to_parquet(job.workspace / HISTORY_FILE)


def build_trainer(job: Job, tokenizer: PreTrainedTokenizerBase) -> ObjectiveTrainer:
    """The trainer of a job, on this process's device."""
    options, hardware, task = job.options, job.hardware, job.task
    place = os.environ.get("LOCAL_RANK")
    device = hardware.device if hardware.device == "cpu" or place is None else f"{hardware.device}:{place}"
    # Weights that learn are float32: steps of 1e-6 vanish in bfloat16. Those that an adapter leaves alone need not be,
    # unless the engine has TRL merge the adapter into them, and out of them again, every step.
    learns = options.lora is None or hardware.engine.startswith("vllm")
    whole = "cpu" if hardware.sharding == "fsdp2" else device  # a GPU need never hold all that it will have a shard of
    return ObjectiveTrainer(
        model=job.base.model(whole, "float32" if learns else hardware.dtype, hardware.attention),
        reference=job.base.model(device, hardware.dtype, hardware.attention) if options.lora is None else None,
        objective=options.build_objective(),
        task_reward=task.reward,
        args=training_arguments(job),  # after the models are loaded: DeepSpeed would share out the reference as well
        reward_scale=options.reward_scale,
        fixed_length=options.fixed_length,
        generation_batch=hardware.generation_batch,
        engine=hardware.engine,
        processing_class=tokenizer,
        train_dataset=_dataset(task),
        peft_config=None if options.lora is None else adapter_config(options.lora),
    )


def unknown_trl_arguments(options: Training) -> list[str]:
    """The keys of the ``trl`` block that ``RLOOConfig`` does not have."""
    return sorted(set(options.trl) - {field.name for field in fields(RLOOConfig)})


def _drop_unfinished_states(workspace: Path) -> None:
    """Keep the states that were written whole; an interruption may have come while one was being written."""
    for unfinished in workspace.glob("checkpoint-*"):
        if not (unfinished / TRAINER_STATE_NAME).is_file():  # the trainer writes it last
            shutil.rmtree(unfinished)
    workspace.mkdir(parents=True, exist_ok=True)


def training_arguments(job: Job) -> RLOOConfig:
    """The job as TRL's arguments."""
    options, hardware = job.options, job.hardware
    rollouts = options.prompts_per_step * options.completions_per_prompt // hardware.all_processes
    micro_batch = min(hardware.train_batch, rollouts)
    return RLOOConfig(
        **ESTIMATOR,
        **_sharding(hardware),
        output_dir=str(job.workspace),
        seed=job.seed,
        max_steps=options.steps,
        num_generations=options.completions_per_prompt,
        per_device_train_batch_size=micro_batch,
        gradient_accumulation_steps=rollouts // micro_batch,
        max_completion_length=job.task.max_completion_tokens,
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
        ddp_backend="gloo" if hardware.device == "cpu" and hardware.all_processes > 1 else None,
        ddp_find_unused_parameters=False,
        gradient_checkpointing=hardware.gradient_checkpointing,
        dataloader_pin_memory=hardware.device == "cuda",
        use_vllm=hardware.engine.startswith("vllm"),
        vllm_mode=hardware.engine.removeprefix("vllm_") if hardware.engine.startswith("vllm") else "colocate",
        vllm_max_model_length=_longest_sequence(job) if hardware.engine == "vllm_colocate" else None,
        report_to="none",
        **options.trl,
    )


def _longest_sequence(job: Job) -> int:
    """Tokens of the longest prompt, of training or validation, with a whole completion.

    vLLM keeps a cache for one sequence of the model's own context unless it is told less.
    """
    questions = [problem.question for problem in (*job.task.train, *job.task.validation)]
    prompts = prompt_token_ids(job.base.tokenizer(), questions, job.task.prompt)
    return max(map(len, prompts)) + job.task.max_completion_tokens


def _sharding(hardware: Hardware) -> dict[str, Any]:
    """How the policy, its gradients and its optimiser are shared among processes."""
    if hardware.sharding == "fsdp2":
        return {
            "fsdp": True,
            "fsdp_config": {"version": 2, "reshard_after_forward": True},
            # Otherwise each process keeps all of the gradient, in bfloat16, until the last batch of a step.
            "accelerator_config": {"gradient_accumulation_kwargs": {"sync_each_batch": True}},
        }
    if hardware.sharding == "zero3":
        return {
            "deepspeed": {
                "zero_optimization": {"stage": 3, "stage3_gather_16bit_weights_on_model_save": True},
                "bf16": {"enabled": hardware.dtype == "bfloat16"},
                "gradient_clipping": "auto",
                "train_micro_batch_size_per_gpu": "auto",
                "gradient_accumulation_steps": "auto",
            }
        }
    return {}


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
