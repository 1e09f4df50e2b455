"""Where rollouts come from: the project's own sampling loop, transformers' paged batching, or vLLM as TRL offers it.

The loop samples from the training weights themselves, so that its log-probabilities are the trainer's. The other
engines hold weights of their own, which follow the trainer's before each step: their log-probabilities differ by
rounding and kernels, which the importance weights of the loss correct.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np
import torch
from accelerate.utils import is_peft_model
from torch.distributed.fsdp import FSDPModule
from torch.distributed.tensor import DTensor
from trl import RLOOConfig
from trl.models import unwrap_model_for_generation

from beyond_sharpening.decoding import Completion, SamplingOptions, sample
from beyond_sharpening.decoding.engines import PAGED_SHARE, paged_batching
from beyond_sharpening.decoding.packing import IMPLEMENTATION
from beyond_sharpening.decoding.sampling import grouped

if TYPE_CHECKING:
    from peft import PeftModel
    from peft.tuners.lora import Linear as LoraLinear
    from transformers import PreTrainedModel
    from trl import RLOOTrainer
    from trl.generation.vllm_generation import VLLMGeneration


class Engine(Protocol):
    """Draws completions at temperature 1 from the current policy, with log-probabilities under what drew them."""

    has_own_weights: bool

    def rollouts(self, prompts: Sequence[list[int]], samples: int, seeds: Sequence[int]) -> list[list[Completion]]:
        """``samples`` completions of each prompt."""
        ...


class SamplingLoop:
    """``decoding.sample`` on the training weights; a completion depends on its seed alone.

    Args:
        trainer: whose policy is sampled.
        sampling: what a completion may be.
        batch: completions that grow together.
        weights: lends the model to sample from, by default the policy.
    """

    has_own_weights = False

    def __init__(
        self,
        trainer: RLOOTrainer,
        sampling: SamplingOptions,
        batch: int,
        weights: Callable[[], AbstractContextManager[PreTrainedModel]] | None = None,
    ) -> None:
        self.trainer, self.sampling, self.batch = trainer, sampling, batch
        self.weights = weights or partial(whole_weights, trainer)

    def rollouts(self, prompts: Sequence[list[int]], samples: int, seeds: Sequence[int]) -> list[list[Completion]]:
        chunk = max(1, self.batch // samples)
        completions: list[list[Completion]] = []
        with self.weights() as model, self.trainer.accelerator.autocast():
            for start in range(0, len(prompts), chunk):
                part = slice(start, start + chunk)
                completions += sample(model, prompts[part], self.sampling, samples, seeds[part])
        return completions


class PagedBatching:
    """Continuous batching over a paged cache, ``generate_batch`` of transformers, on a copy of the weights.

    A copy, because its worker thread leaves autocast behind: float32 training weights would be served as they are.

    Args:
        trainer: whose policy is sampled; ``transformers_continuous_batching_config`` of its arguments sizes the cache.
        sampling: what a completion may be.
        model: the copy, in the precision to serve.
    """

    has_own_weights = True

    def __init__(self, trainer: RLOOTrainer, sampling: SamplingOptions, model: PreTrainedModel) -> None:
        self.trainer, self.sampling, self.model = trainer, sampling, model.to(trainer.accelerator.device)
        self.synced_step = -1

    def sync(self) -> None:
        """Copy the trained weights, once a step; sharded ones are gathered one at a time."""
        if self.synced_step == self.trainer.state.global_step:
            return
        served = dict(self.model.named_parameters())
        with torch.no_grad():
            for name, weight in plain_weights(self.trainer.accelerator.unwrap_model(self.trainer.model)):
                served[name].copy_(weight)
        self.synced_step = self.trainer.state.global_step

    def rollouts(self, prompts: Sequence[list[int]], samples: int, seeds: Sequence[int]) -> list[list[Completion]]:
        self.sync()
        options = self.sampling
        asked = cast(dict, cast(RLOOConfig, self.trainer.args).transformers_continuous_batching_config or {})
        asked = {"max_memory_percent": paged_share(self.model.device)} | asked
        drawn = paged_batching(self.model, prompts, options, samples, seeds[0], asked)
        room = [options.room(prompt) for prompt in prompts for _ in range(samples)]
        completions = [
            _completion(one.tokens, one.logq, options.eos_ids, most) for one, most in zip(drawn, room, strict=True)
        ]
        return grouped(completions, samples)


class Vllm:
    """vLLM, colocated or as a server, through TRL's ``VLLMGeneration``, which RLOO asks for no log-probabilities."""

    has_own_weights = True

    def __init__(self, trainer: RLOOTrainer, sampling: SamplingOptions, generation: VLLMGeneration) -> None:
        self.trainer, self.sampling, self.generation = trainer, sampling, generation
        generation.logprobs = 0  # of the drawn token
        generation.generation_kwargs = {"ignore_eos": sampling.ignore_eos}
        self.synced_step = -1

    def rollouts(self, prompts: Sequence[list[int]], samples: int, seeds: Sequence[int]) -> list[list[Completion]]:
        if self.synced_step != self.trainer.state.global_step:
            self.generation.sync_weights()
            self.synced_step = self.trainer.state.global_step
        repeated = [prompt for prompt in prompts for _ in range(samples)]
        _, tokens, logprobs, _ = self.generation.generate(prompts=repeated, images=None, num_generations=samples)
        eos = list(self.sampling.eos_ids)
        drawn = [
            _completion(row, [of[0] for of in its], eos, self.sampling.room(prompt))
            for row, its, prompt in zip(tokens, logprobs, repeated, strict=True)
        ]
        return grouped(drawn, samples)


def _completion(tokens: Sequence[int], logprobs: Sequence[float], eos: Sequence[int], room: int) -> Completion:
    """A completion that another engine drew; the entropy of its distributions is not known.

    Engines have one limit for all prompts: what is beyond this one's room is cut off, which leaves what a draw that
    ended there would have been.
    """
    tokens, total = list(tokens[:room]), sum(logprobs[:room])
    truncated, logps = set(eos).isdisjoint(tokens), np.asarray(logprobs[:room], dtype=np.float32)
    return Completion(tokens, total, float("nan"), truncated, float(len(tokens)), total, token_logp=logps)


def paged_share(device: torch.device) -> float:
    """A process's share of the free memory of its device: a GPU is one process's, the CPU's is that of all here."""
    sharing = int(os.environ.get("LOCAL_WORLD_SIZE", "1")) if device.type == "cpu" else 1
    return PAGED_SHARE / sharing


@contextmanager
def whole_weights(trainer: RLOOTrainer) -> Iterator[PreTrainedModel]:
    """The policy with all of its weights on this process, to sample from at its own pace.

    Processes that sample finish at different times, and a sharded forward pass is a collective one: shards (FSDP2, or
    DeepSpeed's ZeRO-3 through TRL) are gathered before, and scattered after.
    """
    with unwrap_model_for_generation(trainer.model_wrapped, trainer.accelerator) as model:
        sharded = [module for module in model.modules() if isinstance(module, FSDPModule)]
        names = model._no_split_modules or ()
        layers = [module for module in sharded if type(module).__name__.removeprefix("FSDP") in names]
        for module in layers:
            module.set_reshard_after_forward(False, recurse=False)
        for module in sharded:
            module.unshard()
        try:
            yield model
        finally:
            for module in layers:
                module.set_reshard_after_forward(True, recurse=False)
            for module in sharded:
                module.reshard()


def plain_weights(model: PreTrainedModel | PeftModel) -> Iterator[tuple[str, torch.Tensor]]:
    """Every weight whole, by its name in the plain model, adapters added in.

    Out of place: merging adapters into bfloat16 weights and out of them again would leave rounding behind each time.
    """
    base = cast("PeftModel", model).get_base_model() if is_peft_model(model) else model
    for name, weight in base.named_parameters():
        place, _, leaf = name.rpartition(".")
        if "lora_" in place:
            continue
        whole = weight.full_tensor() if isinstance(weight, DTensor) else weight
        if place.endswith(".base_layer") and leaf == "weight":
            adapted = cast("LoraLinear", base.get_submodule(place.removesuffix(".base_layer")))
            whole = whole + adapted.get_delta_weight(adapted.active_adapters[0])
        yield f"{place.removesuffix('.base_layer')}.{leaf}", whole


def serving_copy(model: PreTrainedModel, dtype: torch.dtype) -> PreTrainedModel:
    """A frozen copy for an engine with weights of its own; made before TRL patches the model's forward.

    Buffers keep their type: rotary frequencies in bfloat16 would turn the 2048th token radians too far.
    """
    served = copy.deepcopy(model).eval().requires_grad_(False)
    if served.config._attn_implementation == IMPLEMENTATION:  # of a model that was scored with before
        served.set_attn_implementation("sdpa")
    for parameter in served.parameters():
        parameter.data = parameter.data.to(dtype)
    return served
