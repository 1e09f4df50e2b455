"""What the trainer relies on inside TRL: a version that moves one of these says which."""

import ast
import inspect

import pytest
from trl import RLOOTrainer
from trl.generation.vllm_generation import VLLMGeneration
from trl.models import prepare_deepspeed, unwrap_model_for_generation
from trl.trainer.utils import RepeatSampler, add_fused_lm_head

from beyond_sharpening.training import ObjectiveTrainer

OVERRIDDEN = {
    "_generate_single_turn": ["prompt_ids", "images", "multimodal_fields"],
    "_get_per_token_logps_and_entropies": ["model", "input_ids", "attention_mask", "logits_to_keep"],
    "_calculate_rewards": ["inputs", "prompts", "completions", "completion_ids_list"],
    "_compute_loss": ["model", "inputs"],
    "_prepare_inputs": ["generation_batch"],
    "_get_train_sampler": ["dataset"],
}
"""Methods that ours replace, and the first arguments that TRL calls them with."""

READ = ["_buffered_inputs", "_metrics", "_step", "_tokenizer", "eos_token_ids", "num_generations", "vllm_generation"]
"""Attributes that TRL's trainer sets, and ours reads or sets anew."""

CALLED = {
    prepare_deepspeed: ["model", "accelerator"],
    unwrap_model_for_generation: ["model", "accelerator"],
    add_fused_lm_head: ["model"],
    VLLMGeneration.generate: ["self", "prompts", "images", "num_generations"],
    VLLMGeneration.sync_weights: ["self"],
}


def attributes(kind: type) -> set[str]:
    """The names that a class's methods set on ``self``."""
    tree = ast.parse(inspect.getsource(kind))
    stored = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)]
    return {node.attr for node in stored if isinstance(node.value, ast.Name) and node.value.id == "self"}


@pytest.mark.parametrize(("name", "arguments"), OVERRIDDEN.items())
def test_what_is_overridden_is_called_as_before(name, arguments):
    theirs = list(inspect.signature(getattr(RLOOTrainer, name)).parameters)[1:]
    assert theirs[: len(arguments)] == arguments, f"RLOOTrainer.{name} takes {theirs} now"
    assert name in vars(ObjectiveTrainer), f"ObjectiveTrainer.{name} overrides nothing any more"


def test_what_is_read_is_set():
    missing = sorted({*READ} - attributes(RLOOTrainer) - attributes(RLOOTrainer.__mro__[1]))
    assert not missing, f"RLOOTrainer sets no {', '.join(missing)} any more"
    assert {"num_samples", "batch_size", "generator"} <= attributes(RepeatSampler)
    assert {"logprobs", "generation_kwargs"} <= attributes(VLLMGeneration)


@pytest.mark.parametrize(("called", "arguments"), CALLED.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_what_is_called_takes_what_it_is_given(called, arguments):
    theirs = list(inspect.signature(called).parameters)
    assert theirs[: len(arguments)] == arguments, f"{called.__qualname__} takes {theirs} now"
