"""What a training tells TRL."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from trl import RLOOConfig

from beyond_sharpening.parameters import Hardware, Training
from beyond_sharpening.problems.prompts import prompt_token_ids
from beyond_sharpening.training.job import Job

ESTIMATOR: dict[str, Any] = {
    "temperature": 1.0,
    "top_p": 1.0,
    "top_k": 0,
    "beta": 0.0,
    "normalize_advantages": False,
    "num_iterations": 1,
}
"""The arguments of ``RLOOConfig`` that make its gradient that of E[r]: pass them to every configuration."""


def on_one_gpu(args: RLOOConfig) -> RLOOConfig:
    """The arguments, for a process that uses one GPU however many it sees; TRL refuses to share a batch among them."""
    args._n_gpu = min(args.n_gpu, 1)
    return args


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
        save_total_limit=None,  # the one before goes once the new one is whole: see `states`
        bf16=hardware.dtype == "bfloat16",
        use_cpu=hardware.device == "cpu",
        ddp_backend="gloo" if hardware.device == "cpu" and hardware.all_processes > 1 else None,
        ddp_find_unused_parameters=False,
        gradient_checkpointing=hardware.gradient_checkpointing,
        dataloader_pin_memory=hardware.device == "cuda",
        use_vllm=hardware.vllm is not None,
        vllm_mode=hardware.vllm or "colocate",
        vllm_max_model_length=_longest_sequence(job) if hardware.vllm == "colocate" else None,
        report_to="none",
        **options.trl,
    )


def _longest_sequence(job: Job) -> int:
    """Tokens of the longest prompt, of training or validation, with a whole completion.

    vLLM keeps a cache for one sequence of the model's own context unless it is told less.
    """
    questions = [problem.question for problem in (*job.task.train, *job.task.validation)]
    prompts = prompt_token_ids(job.base.tokenizer(), questions, job.task.prompt, job.task.system_prompt)
    longest = max(map(len, prompts)) + job.task.max_completion_tokens
    return longest if job.task.context is None else min(longest, job.task.context)


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


def unknown_trl_arguments(options: Training) -> list[str]:
    """The keys of the ``trl`` block that ``RLOOConfig`` does not have."""
    return sorted(set(options.trl) - {field.name for field in fields(RLOOConfig)})
