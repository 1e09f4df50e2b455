"""Packed rows say what rows of their own say, to the last digit that float64 has, and so do their gradients."""

import pytest
import torch
from transformers import (
    Gemma2Config,
    Gemma2ForCausalLM,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    GPT2Config,
    GPT2LMHeadModel,
    MistralConfig,
    MistralForCausalLM,
    OPTConfig,
    OPTForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from beyond_sharpening.decoding import packing
from beyond_sharpening.decoding.packing import IMPLEMENTATION, PackedAttention, Packing, sums_of, takes_packed_rows
from decoding.tiny_models import tiny_model

WINDOW = 4  # tokens: shorter than a prompt, and than some completions
SMALL = {
    "vocab_size": 12,
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "max_position_embeddings": 64,
    "initializer_range": 0.4,
}
GEMMA3 = {"head_dim": 8, "sliding_window": WINDOW, "layer_types": ["sliding_attention", "full_attention"]}
MODELS = {
    "llama": lambda: tiny_model("llama"),
    "llama, tied": lambda: tiny_model("llama", tied=True),
    "qwen2": lambda: tiny_model("qwen2"),
    "qwen3": lambda: tiny_model("qwen3"),
    "qwen2, one layer sees a window": lambda: seeded(
        Qwen2ForCausalLM,
        Qwen2Config(**SMALL, use_sliding_window=True, sliding_window=WINDOW, max_window_layers=1),
    ),
    "mistral, all layers see a window": lambda: seeded(
        MistralForCausalLM, MistralConfig(**SMALL, sliding_window=WINDOW)
    ),
    "gemma3": lambda: seeded(Gemma3ForCausalLM, Gemma3TextConfig(**SMALL, **GEMMA3)),
    "gpt2": lambda: seeded(GPT2LMHeadModel, GPT2Config(vocab_size=12, n_embd=16, n_layer=2, n_head=2, n_positions=64)),
}
LONG, SHORT, OTHER = [1, 2, 3, 4, 5, 6], [7], [8, 9, 10]
PROMPTS = [LONG, LONG, SHORT, OTHER, LONG, SHORT]
COMPLETIONS = [[3, 4, 5, 6, 7], [2], [9, 9, 1, 2, 3, 4, 5, 6], [5, 5, 0], [11, 10], [6, 0]]
WEIGHTS = torch.tensor([1.0, -0.5, 0.3, -1.0, 0.7, 0.2], dtype=torch.float64)


def seeded(kind, config):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return kind(config).eval()


def gradient(model) -> torch.Tensor:
    parts = [parameter.grad.flatten() for parameter in model.parameters()]
    model.zero_grad()
    return torch.cat(parts)


def one_by_one(model) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probabilities and the gradient of their weighted sum, a row at a time."""
    logp = []
    for prompt, completion in zip(PROMPTS, COMPLETIONS, strict=True):
        logits = model(torch.tensor([[*prompt, *completion]])).logits[0, len(prompt) - 1 : -1]
        logp.append(logits.log_softmax(-1).gather(1, torch.tensor(completion)[:, None]).sum())
    (torch.stack(logp) @ WEIGHTS).backward()
    return torch.stack(logp).detach(), gradient(model)


def in_one_row(model) -> tuple[torch.Tensor, torch.Tensor]:
    packed = Packing(PROMPTS, COMPLETIONS, "cpu")
    logits = model(**packed.inputs()).logits[0]
    logp = sums_of(logits.log_softmax(-1).gather(1, packed.targets[0, :, None])[:, 0], packed.lengths)
    (logp @ WEIGHTS).backward()
    return logp.detach(), gradient(model)


def apart(model) -> tuple[float, float]:
    """The largest differences of a packed row: of log-probabilities in nats, of the gradient as a share of its size."""
    expected, direction = one_by_one(model)
    assert takes_packed_rows(model)
    logp, packed = in_one_row(model)
    return (logp - expected).abs().max().item(), ((packed - direction).abs().max() / direction.abs().max()).item()


@pytest.mark.parametrize("build", MODELS.values(), ids=MODELS)
def test_a_packed_row_says_what_rows_of_their_own_say(build):
    """Norms round to float32, whatever the weights are: what is left of gradients is the order of their sums."""
    nats, share = apart(build().double())
    assert nats < 1e-12
    assert share < 1e-6


def test_what_is_computed_is_every_prompt_once_and_no_padding():
    packed = Packing(PROMPTS, COMPLETIONS, "cpu")
    assert packed.ids.shape[1] == sum(len(prompt) - 1 for prompt in (LONG, SHORT, OTHER)) + sum(map(len, COMPLETIONS))
    assert packed.targets[0].tolist() == [token for row in COMPLETIONS for token in row]
    model = tiny_model()
    assert takes_packed_rows(model)
    assert model(**packed.inputs()).logits.shape[1] == packed.targets.shape[1], "the head meets completions alone"


@pytest.mark.parametrize("reentrant", [True, False])
def test_with_checkpoints_the_gradient_is_the_same(reentrant):
    model = tiny_model().double()
    expected, direction = one_by_one(model)
    assert takes_packed_rows(model)
    model.train().gradient_checkpointing_enable({"use_reentrant": reentrant})
    if reentrant:
        model.enable_input_require_grads()
    logp, packed = in_one_row(model)
    torch.testing.assert_close(logp, expected, rtol=0, atol=1e-12)
    assert (packed - direction).abs().max() < 1e-6 * direction.abs().max()


def leak(self, window):
    """Completions see all of the prefixes' columns."""
    among, branches = masks(self, window)
    return among, [branch.index_fill(3, torch.arange(self.prefix.columns), True) for branch in branches]


def late(self, window):
    """A token does not see the one before it."""
    among, branches = masks(self, window)
    before = [torch.eye(branch.shape[2], dtype=torch.bool).roll(1, 0) for branch in branches]
    ahead = torch.nn.functional.pad
    return among, [
        branch & ~ahead(last, (self.prefix.columns, 0)) for branch, last in zip(branches, before, strict=True)
    ]


def full(self, window):
    """Windows are not looked at."""
    return masks(self, None)


masks = PackedAttention.masks
MUTATIONS = {
    "completions see more than their prefix": ("llama", leak),
    "completions do not see their last token": ("llama", late),
    "no window": ("gemma3", full),
}


@pytest.mark.parametrize(("model", "mutation"), MUTATIONS.values(), ids=MUTATIONS)
def test_wrong_masks_are_caught(model, mutation, monkeypatch):
    built = MODELS[model]().double()
    assert takes_packed_rows(built)
    monkeypatch.setattr(PackedAttention, "masks", mutation)
    assert apart(built)[0] > 1e-3


@pytest.mark.parametrize("by", [-1, 1])
def test_positions_that_are_off_by_one_are_caught(by, monkeypatch):
    class Shifted(Packing):
        def __init__(self, *args):
            super().__init__(*args)
            self.positions[:, self.attention.first :] += by

    model = tiny_model().double()
    assert takes_packed_rows(model)
    monkeypatch.setitem(globals(), "Packing", Shifted)
    assert apart(model)[0] > 1e-3


def test_what_is_no_packed_row_is_computed_as_before():
    """Padded rows, and a prompt with a cache: the sampling loop's."""
    model, ids = tiny_model().double(), torch.tensor([[0, 0, 3, 4], [5, 6, 7, 8]])
    mask = torch.tensor([[0, 0, 1, 1], [1, 1, 1, 1]])
    asked = {"input_ids": ids, "attention_mask": mask, "position_ids": (mask.cumsum(1) - 1).clamp(min=0)}
    before = model(**asked).logits
    assert takes_packed_rows(model)
    torch.testing.assert_close(model(**asked).logits, before, rtol=0, atol=0)
    assert IMPLEMENTATION not in model.config.to_json_string(), "no policy is saved with it"


class OwnMasks(torch.nn.Module):
    """An attention that has made a mask of its own."""

    is_causal = True


def test_models_that_packed_rows_are_not_for_are_left_as_they_are():
    eager = seeded(Gemma2ForCausalLM, Gemma2Config(**SMALL, head_dim=8))  # its scores are capped, which sdpa cannot
    own_places = seeded(
        OPTForCausalLM,
        OPTConfig(vocab_size=12, hidden_size=16, ffn_dim=32, num_hidden_layers=1, num_attention_heads=2,
                  max_position_embeddings=64, word_embed_proj_dim=16, init_std=0.4),
    )  # fmt: skip
    for model in (eager, own_places):
        was = model.config._attn_implementation
        assert not takes_packed_rows(model)
        assert model.config._attn_implementation == was
        assert not model.base_model._forward_hooks
    queries = torch.zeros(1, 1, 3, 8)
    with pytest.raises(TypeError, match="OwnMasks makes masks of its own"):
        packing._attention(OwnMasks(), queries, queries, queries, torch.ones(1, 1, 3, 3), packed=object())
