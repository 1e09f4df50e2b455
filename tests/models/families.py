"""The three families at a size of seconds: their blocks of parameters shrunk, with tokenizers of their shape.

Configuration class, layer types, rotary embedding, ties, special tokens and chat template are the real ones (the
templates are those that TRL keeps of the published tokenizers); widths, depth and vocabulary are not.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import AutoModelForCausalLM, PreTrainedModel, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from beyond_sharpening import settings
from beyond_sharpening.models.policy import Policy, save_policy
from beyond_sharpening.models.start_model import architecture, fetch_policy
from beyond_sharpening.parameters import HubBase
from beyond_sharpening.wiring.config_loader import ExperimentConfigLoader

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Family:
    """What a family's tokenizer is like: special tokens in the order of their ids, and what they are for."""

    template: str
    special: tuple[str, ...]
    eos: str
    ends: tuple[str, ...]
    pad: str | None
    bos: str | None = None


FAMILIES = {
    "llama32_3b": Family(
        "llama3_2.jinja",
        (
            "<|begin_of_text|>",
            "<|end_of_text|>",
            "<|finetune_right_pad_id|>",
            "<|start_header_id|>",
            "<|end_header_id|>",
            "<|eom_id|>",
            "<|eot_id|>",
        ),
        eos="<|eot_id|>",
        ends=("<|end_of_text|>", "<|eom_id|>", "<|eot_id|>"),
        pad=None,
        bos="<|begin_of_text|>",
    ),
    "qwen25_3b": Family(
        "qwen2_5.jinja",
        ("<|endoftext|>", "<|im_start|>", "<|im_end|>"),
        eos="<|im_end|>",
        ends=("<|im_end|>", "<|endoftext|>"),
        pad="<|endoftext|>",
    ),
    "qwen3_4b": Family(
        "qwen3_instruct_2507.jinja",
        ("<|endoftext|>", "<|im_start|>", "<|im_end|>"),
        eos="<|im_end|>",
        ends=("<|im_end|>", "<|endoftext|>"),
        pad="<|endoftext|>",
    ),
}
WIDTHS = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}
DECIDED = {"initializer_range": 0.2}  # so that the next token depends on what came before


def shipped(model: str, env: str | None = None, **asked: Any) -> dict[str, Any]:
    """The composed parameters of a shipped model."""
    loader = ExperimentConfigLoader(
        ROOT / "conf", env, runtime_params={"model": model, **asked}, **settings.CONFIG_LOADER_ARGS
    )
    return loader["parameters"]


def build_tokenizer(family: Family) -> PreTrainedTokenizerBase:
    """A byte-level BPE tokenizer with the family's special tokens and chat template."""
    template = (files("trl") / "chat_templates" / family.template).read_text()
    tokens = Tokenizer(models.BPE())
    tokens.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokens.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokens.train_from_iterator([template], trainers.BpeTrainer(vocab_size=500, initial_alphabet=alphabet))
    tokens.add_special_tokens(list(family.special))
    if family.bos:  # as Llama's does, whose chat template writes it too
        tokens.post_processor = processors.TemplateProcessing(
            single=f"{family.bos} $A", special_tokens=[(family.bos, tokens.token_to_id(family.bos))]
        )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokens, eos_token=family.eos, pad_token=family.pad, bos_token=family.bos
    )
    fast.chat_template = template
    return fast


@cache
def base_block(model: str) -> dict[str, Any]:
    """The block ``base`` of a shipped model."""
    return shipped(model)["base"]


def tiny_block(model: str) -> dict[str, Any]:
    """What to ask for beside the path so that the block of a shipped model speaks of its tiny relative."""
    family, tokenizer = FAMILIES[model], build_tokenizer(FAMILIES[model])
    config = base_block(model)["config"]
    widths = WIDTHS | ({"head_dim": 16} if "head_dim" in config else {})
    return {
        "config": {**widths, "vocab_size": len(tokenizer), "bos_token_id": tokenizer.bos_token_id, **DECIDED},
        "eos_token_ids": tokenizer.convert_tokens_to_ids(list(family.ends)),
    }


def tiny_base(model: str, path: Path, **asked: Any) -> HubBase:
    """The shipped block of a model with what makes it tiny."""
    tiny, base = tiny_block(model), base_block(model)
    config = {**base["config"], **tiny["config"]}
    return HubBase.model_validate({**base, **tiny, "path": str(path), "dtype": "float32", "config": config, **asked})


def publish(model: str, folder: Path) -> Policy:
    """Random weights and tokenizer as the family publishes them: a ``save_pretrained`` folder."""
    return save_policy(random_model(tiny_base(model, folder)), build_tokenizer(FAMILIES[model]), folder)


def random_model(base: HubBase) -> PreTrainedModel:
    """A model of the block's architecture with random weights."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return AutoModelForCausalLM.from_config(architecture(base)).eval()


def tiny_policy(model: str, folder: Path) -> Policy:
    """The tiny relative of a shipped model as the start model of an experiment."""
    publish(model, folder / "published")
    return fetch_policy(tiny_base(model, folder / "published"), folder / "base")


def write_problems(path: Path, first: int, count: int) -> Path:
    """Problems with the columns of MATH."""
    rows = [
        {
            "problem": f"What is ${number} + {number % 7}$?",
            "level": f"Level {1 + number % 3}",
            "solution": f"The sum is $\\boxed{{{number + number % 7}}}$.",
            "type": "Prealgebra",
        }
        for number in range(first, first + count)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path
