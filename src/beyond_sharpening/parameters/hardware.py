"""What a run runs on."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from beyond_sharpening.parameters.block import Positive, Strict

EngineName = Literal["transformers", "paged", "vllm_colocate", "vllm_server"]
EvaluationEngine = Literal["transformers", "paged", "vllm"]

FIXED_ENGINE_OPTIONS = {
    *["model", "dtype", "max_model_len", "skip_tokenizer_init", "generation_config", "logprobs_mode", "max_logprobs"],
    *["tensor_parallel_size", "pipeline_parallel_size", "data_parallel_size", "return_logprobs", "seed"],
}
"""Another value would draw from something else, or share one engine among GPUs of which each has its own."""


class Hardware(Strict):
    """What it runs on."""

    device: Literal["cpu", "cuda"]
    threads: Positive | None = Field(
        default=None, description="CPU threads of a tensor operation; none leaves it to torch."
    )
    dtype: Literal["float32", "bfloat16"] = Field(description="Of the policies while they sample and train.")
    attention: Literal["sdpa", "eager", "flash_attention_2"] = "sdpa"
    memory_gib: float | None = Field(
        default=None, gt=0, description="Of one GPU that a process may fill; a run that needs more is refused."
    )
    train_batch: Positive = Field(description="Completions in one forward and backward pass.")
    generation_batch: Positive = Field(description="Completions generated together.")
    grading_workers: Positive = Field(description="Processes that compare answers symbolically.")
    gradient_checkpointing: bool
    engine: EngineName = Field(
        default="transformers",
        description="What draws the rollouts of a training: the project's sampling loop, transformers' paged batching, "
        "or vLLM.",
    )
    evaluation_engine: EvaluationEngine = Field(
        default="transformers",
        description="What draws the independent samples of an evaluation: the project's sampling loop, transformers' "
        "paged batching, or vLLM offline. Decoders that steer completions as they grow stay on the loop.",
    )
    evaluation_engine_options: dict[str, Any] = Field(
        default={},
        description="Of that engine: further arguments of vllm.LLM, such as gpu_memory_utilization (0.5), or keys of "
        "transformers' ContinuousBatchingConfig.",
    )
    processes: Positive = Field(default=1, description="Training processes on each machine, one a GPU.")
    machines: Positive = 1
    rendezvous: str | None = Field(
        default=None, pattern=r"^[^:\s]+:\d+$", description="host:port of the first machine, where the others meet it."
    )
    sharding: Literal["none", "fsdp2", "zero3"] = Field(
        default="none", description="How processes share the policy and its optimiser: none keeps a copy on each."
    )

    @property
    def all_processes(self) -> int:
        """Training processes on all machines."""
        return self.processes * self.machines

    @property
    def vllm(self) -> str | None:
        """TRL's name of how vLLM serves the rollouts, ``colocate`` or ``server``; none where it does not."""
        return self.engine.removeprefix("vllm_") if self.engine.startswith("vllm_") else None

    @model_validator(mode="after")
    def _parts_go_together(self) -> Hardware:
        if self.machines > 1 and self.rendezvous is None:
            raise ValueError(f"machines = {self.machines} need a rendezvous = host:port of the first of them")
        if self.sharding != "none" and self.device == "cpu":
            raise ValueError(f"sharding = {self.sharding!r} is for GPUs; on device = 'cpu' it is none")
        if self.sharding == "zero3" and self.engine == "paged":
            raise ValueError("engine = 'paged' cannot gather the shards of sharding = 'zero3'; use sharding = 'fsdp2'")
        if fixed := sorted(FIXED_ENGINE_OPTIONS & set(self.evaluation_engine_options)):
            raise ValueError(f"evaluation_engine_options: {fixed[0]} is settled by the evaluation; leave it out")
        if self.evaluation_engine_options and self.evaluation_engine == "transformers":
            raise ValueError("evaluation_engine_options are of evaluation_engine = 'paged' or 'vllm'")
        return self
