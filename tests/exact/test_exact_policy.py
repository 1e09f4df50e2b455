"""The exact log-probability of every completion of a policy."""

import math

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from beyond_sharpening.exact.completions import enumerate_completions
from beyond_sharpening.exact.policy import log_probabilities, markov_log_probabilities, random_policy

PROMPTS = [[1, 2], [2], [3, 3, 1]]


def tiny_llama(seed: int = 0, **options) -> LlamaForCausalLM:
    config = LlamaConfig(
        vocab_size=4,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        initializer_range=0.4,
        **options,
    )
    torch.manual_seed(seed)
    return LlamaForCausalLM(config)


@pytest.mark.parametrize(("eos_ids", "max_length"), [([0], 6), ([0, 3], 5), ([2], 1), ([], 4)])
@pytest.mark.parametrize(
    "model", [tiny_llama().double(), tiny_llama(), random_policy(0, 4)], ids=["f64", "f32", "gpt2"]
)
def test_probabilities_sum_to_one(model, eos_ids, max_length):
    log_p = log_probabilities(model, PROMPTS, enumerate_completions(4, eos_ids, max_length))
    assert log_p.dtype == torch.float64
    torch.testing.assert_close(log_p.exp().sum(dim=1), torch.ones(3, dtype=torch.float64), rtol=0, atol=1e-9)


@pytest.mark.parametrize("eos_ids", [[0], [0, 3], []])
@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_agrees_with_the_models_own_forward_on_every_completion(eos_ids, temperature):
    model, completions = tiny_llama().double(), enumerate_completions(4, eos_ids, 4)
    log_p = log_probabilities(model, PROMPTS, completions, temperature=temperature)
    for x, prompt in enumerate(PROMPTS):
        for y, length in enumerate(completions.lengths.tolist()):
            tokens = completions.tokens[y, :length].tolist()
            with torch.no_grad():
                logits = model(input_ids=torch.tensor([prompt + tokens])).logits[0, len(prompt) - 1 : -1]
            chosen = (logits / temperature).log_softmax(dim=1)[range(length), tokens]
            assert log_p[x, y].item() == pytest.approx(chosen.sum().item(), abs=1e-5)  # its RMSNorm rounds to float32


def test_equal_logits_make_every_token_equally_likely():
    model = random_policy(0, 4)
    torch.nn.init.zeros_(model.lm_head.weight)
    completions = enumerate_completions(4, [0], 3)
    log_p = log_probabilities(model, [[1]], completions)[0]
    torch.testing.assert_close(log_p, -completions.lengths.double() * math.log(4))


def test_the_batch_size_does_not_matter():
    model, completions = random_policy(1, 4), enumerate_completions(4, [0], 4)
    whole, one = (log_probabilities(model, PROMPTS, completions, batch_size=size) for size in (4096, 1))
    torch.testing.assert_close(whole, one, rtol=0, atol=1e-12)


def test_dropout_is_off_and_the_mode_is_left_as_it_was():
    model, completions = tiny_llama(attention_dropout=0.5).train(), enumerate_completions(4, [0], 3)
    first, second = (log_probabilities(model, PROMPTS, completions) for _ in range(2))
    assert torch.equal(first, second)
    assert model.training


def test_gradients_flow_only_when_asked():
    model, completions = random_policy(0, 4), enumerate_completions(4, [0], 2)
    assert not log_probabilities(model, PROMPTS, completions).requires_grad
    assert log_probabilities(model, PROMPTS, completions, differentiable=True).requires_grad


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_policy_without_mass_is_named(value):
    model = tiny_llama()
    model.name_or_path = "broken-checkpoint"
    with torch.no_grad():
        model.lm_head.weight[2] = value
    with pytest.raises(ValueError, match=r"'broken-checkpoint' has NaN or no mass .* prompt \[2\] and completion \[\]"):
        log_probabilities(model, [[2]], enumerate_completions(4, [0], 3))


def test_bad_arguments_are_refused():
    model, completions = random_policy(0, 4), enumerate_completions(5, [0], 3)
    with pytest.raises(ValueError, match="the model has 4 tokens, the completions 5"):
        log_probabilities(model, [[1]], completions)
    with pytest.raises(ValueError, match="at least one token"):
        log_probabilities(model, [[1], []], enumerate_completions(4, [0], 3))
    with pytest.raises(ValueError, match="temperature must be positive; got 0"):
        log_probabilities(model, [[1]], completions, temperature=0)


def test_a_markov_chain_worked_by_hand():
    completions = enumerate_completions(3, [0], 2)
    start = torch.tensor([0.5, 0.3, 0.2])
    chain = torch.tensor([[1.0, 0.0, 0.0], [0.1, 0.6, 0.3], [0.7, 0.2, 0.1]])
    expected = {(0,): 0.5, (1, 0): 0.03, (2, 0): 0.14, (1, 1): 0.18, (1, 2): 0.09, (2, 1): 0.04, (2, 2): 0.02}
    log_p = markov_log_probabilities(completions, start, chain)
    for row, length, score in zip(completions.tokens.tolist(), completions.lengths, log_p, strict=True):
        assert score.exp().item() == pytest.approx(expected[tuple(row[:length])], rel=1e-6)


def test_random_policies_are_reproducible_and_leave_the_global_generator_alone():
    before = torch.random.get_rng_state()
    first, again, other = (random_policy(seed, 4).lm_head.weight for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(before, torch.random.get_rng_state())
