"""The start model of the small trainings."""

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from beyond_sharpening.models.policy import Policy, save_policy
from beyond_sharpening.models.tiny import build_tokenizer


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Policy:
    tokenizer = build_tokenizer()
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=64,
        initializer_range=0.2,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return save_policy(LlamaForCausalLM(config), tokenizer, tmp_path_factory.mktemp("base"))
