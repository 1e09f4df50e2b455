"""What is rounded to bfloat16 in a training, and what is not."""

import copy

import pytest
import torch

from beyond_sharpening.training.engines import serving_copy
from beyond_sharpening.training.precision import compute_as_float32_weights
from models.families import FAMILIES, random_model, tiny_base


def start(family: str):
    """Weights that bfloat16 can hold, as those of a start model from the hub, in float32 as those that train."""
    model = random_model(tiny_base(family, "anywhere"))
    for parameter in model.parameters():
        parameter.data = parameter.data.bfloat16().float()
    return model


@pytest.mark.parametrize("family", FAMILIES)
def test_the_reference_gives_what_a_policy_that_has_not_moved_gives(family):
    """Bit for bit, which its weights in bfloat16 alone do not."""
    policy, ids = start(family), torch.arange(40).reshape(2, 20)
    reference = serving_copy(policy, torch.bfloat16)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        expected, rounded = policy(ids).logits, reference(ids).logits
        compute_as_float32_weights(reference)
        assert torch.equal(reference(ids).logits, expected)
        assert not torch.equal(rounded, expected)
    assert {weight.dtype for weight in reference.parameters() if weight.ndim > 1} == {torch.bfloat16}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_served_copy_turns_positions_as_the_policy_does(family):
    policy = start(family)
    served = serving_copy(policy, torch.bfloat16)
    assert {weight.dtype for weight in served.parameters()} == {torch.bfloat16}
    frequencies, cast = policy.model.rotary_emb.inv_freq, copy.deepcopy(policy).bfloat16().model.rotary_emb.inv_freq
    assert torch.equal(served.model.rotary_emb.inv_freq, frequencies)
    assert not torch.equal(cast.float(), frequencies), "a cast of the whole model turns them wrongly"
