"""Operations that a gradient needs, against those that torch counts in a forward and backward pass."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoConfig, AutoModelForCausalLM

from beyond_sharpening.models.shape import Shape
from models.families import FAMILIES, tiny_base

TOKENS = 10


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
@pytest.mark.parametrize("family", FAMILIES)
def test_operations_are_those_that_are_counted_but_for_what_no_token_may_see(family, tied):
    """Plain attention multiplies queries with the keys of later tokens too, and masks these products afterwards."""
    config = {**tiny_base(family, "anywhere").config, "tie_word_embeddings": tied, "attn_implementation": "eager"}
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(**config)).train()
    ids = torch.arange(TOKENS)[None]
    with FlopCounterMode(display=False) as counted:
        model(input_ids=ids).logits.sum().backward()
    shape = Shape.of(model.config)
    unseen = 12 * shape.queries * shape.layers * TOKENS * (TOKENS - 1) // 2
    # Earlier versions of transformers multiply positions with frequencies as matrices.
    angles = sum(counted.get_flop_counts().get(f"{type(model).__name__}.model.rotary_emb", {}).values())
    assert counted.get_total_flops() - angles == shape.training_flops(0, TOKENS) + unseen


def test_the_head_meets_completions_alone():
    shape = Shape.of(AutoConfig.for_model(**tiny_base("qwen3_4b", "anywhere").config))
    fewer = shape.training_flops(0, TOKENS) - shape.training_flops(4, TOKENS - 4)
    assert fewer == 6 * 4 * shape.vocabulary * shape.hidden


def test_completions_of_a_prompt_need_it_once():
    shape = Shape.of(AutoConfig.for_model(**tiny_base("qwen3_4b", "anywhere").config))
    alone, prompt = shape.training_flops(4, 5), shape.training_flops(4, 0)
    assert shape.training_flops(4, 5, completions=3) == 3 * alone - 2 * prompt
