"""Metropolis–Hastings on π^α: the kernel written down from the theory, and the chains that run it.

χ² tests compare 8,000 chains with exact probabilities. A right decoder fails one with probability 1e-6 over seeds,
and the seeds are fixed.
"""

import pytest
import torch
from transformers import Gemma3ForCausalLM, Gemma3TextConfig

from beyond_sharpening.decoding import SamplingOptions
from beyond_sharpening.decoding.mh import Chains, power_mh, smc_mh
from beyond_sharpening.decoding.mixing import split_rhat
from beyond_sharpening.decoding.reference import power_mh_one_chain
from beyond_sharpening.decoding.sampling import Draws
from beyond_sharpening.errors import BadInput
from beyond_sharpening.parameters.decoders import PowerMH, SmcMH
from decoding.enumeration import EOS, LIMIT, PROMPT, build_world, p_value
from decoding.tiny_models import FAMILIES, tiny_model

ALPHA, CHAINS, STEPS = 2.5, 8_000, 3
TEMPERATURES = [1.0, 0.4, 1.5]  # 1 and 1/α reject early; above 1 that would be wrong


@pytest.fixture(scope="module", params=[4, 8], ids=["long", "short"])
def world(request):
    return build_world(request.param)


def options(temperature, eos=EOS):
    return SamplingOptions(LIMIT, eos, temperature)


def start(world, temperature):
    """The likeliest completion of three tokens, which every chain begins at."""
    threes = (world.completions.lengths == 3).nonzero()[:, 0]
    place = int(threes[world.logp[threes].argmax()])
    text = world.texts[place]
    ids = torch.tensor([[*PROMPT, *text]])
    with torch.no_grad():
        logits = world.model(ids).logits[0, len(PROMPT) - 1 : -1]
    logp, logq = ((logits / t).log_softmax(-1)[range(3), text] for t in (1.0, temperature))
    draws = Draws.empty(CHAINS, LIMIT, torch.device("cpu"))
    draws.tokens[:, :3], draws.logp[:, :3], draws.logq[:, :3] = torch.tensor(text), logp, logq
    draws.lengths += 3
    return place, draws


def after_steps(world, temperature, eos=EOS):
    """Where the chains stand, counted by completion, and how many must stand there on average."""
    place, draws = start(world, temperature)
    chains = Chains(world.model, [PROMPT], options(temperature, eos), ALPHA, draws, [0], 7)
    for _ in range(STEPS):
        chains.step(LIMIT)
    law = torch.linalg.matrix_power(world.kernel(ALPHA, temperature).mean(0), STEPS)[place]
    return world.counts(chains.completions()[0]), CHAINS * law


def fits(observed, expected):
    return p_value(observed, expected) > 1e-6


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_every_cut_keeps_the_target_and_is_reversible(world, temperature):
    target = world.target(ALPHA)
    for kernel in world.kernel(ALPHA, temperature):
        flow = target[:, None] * kernel
        assert (flow - flow.T).abs().max() < 1e-15
        assert (target @ kernel - target).abs().max() < 1e-8


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_chains_go_where_the_enumerated_kernel_sends_them(world, temperature):
    assert fits(*after_steps(world, temperature))


@pytest.mark.parametrize("temperature", [1.0, 0.4])
def test_blocks_step_at_each_cap_and_grow_between(world, temperature):
    """q on two tokens, three steps there, grown to four, three steps there: the exact law of the last state."""
    half = build_world(world.seed, LIMIT // 2)
    law = half.logq(temperature).exp() @ torch.linalg.matrix_power(half.kernel(ALPHA, temperature).mean(0), STEPS)
    grown = torch.zeros(len(world.texts), dtype=torch.float64)
    for text, mass in zip(half.texts, law, strict=True):
        ended = text[-1] in EOS
        ours = [other == text if ended else other[: LIMIT // 2] == text for other in world.texts]
        grown += mass * torch.where(torch.tensor(ours), world.logq(temperature), -torch.inf).softmax(0)
    expected = grown @ torch.linalg.matrix_power(world.kernel(ALPHA, temperature).mean(0), STEPS)
    decoder = PowerMH(type="power_mh", alpha=ALPHA, blocks=2, steps=STEPS, samples=CHAINS)
    (drawn,) = power_mh(world.model, [PROMPT], options(temperature), decoder, [1], 7)
    assert p_value(world.counts(drawn), CHAINS * expected) > 1e-6


def test_steps_after_sequential_monte_carlo_take_its_error_away(world):
    """Two particles are far from the target; the chains that begin at them end there.

    Chains that begin at plain draws would be within 0.004 of it in total variation.
    """
    p_values = []
    for steps in (1, 40):
        decoder = SmcMH(type="smc_mh", alpha=ALPHA, n=2, steps=steps, samples=CHAINS // 2, temperature=1.0)
        (drawn,) = smc_mh(world.model, [PROMPT], options(1.0), decoder, [2], 7)
        p_values.append(p_value(world.counts(drawn), CHAINS // 2 * world.target(ALPHA)))
    assert p_values[0] < 1e-20
    assert p_values[1] > 1e-6


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("temperature", "blocks"), [(1.0, 1), (0.5, 3)])
def test_the_plain_implementation_ends_with_the_same_tokens(family, temperature, blocks):
    """Through caches, batches of several lengths, retired rows and early rejection, from the same random numbers."""
    model = tiny_model(family)
    prompts = [[3, 4, 5, 6, 7], [8], [1, 2, 9], [4]]
    decoder = PowerMH(type="power_mh", alpha=2.0, blocks=blocks, steps=8)
    asked = SamplingOptions(9, [0, 5], temperature)
    together = power_mh(model, prompts, asked, decoder, [1, 2, 3, 4], 7)
    for prompt, seed, (completion,) in zip(prompts, [1, 2, 3, 4], together, strict=True):
        assert completion.tokens == power_mh_one_chain(model, prompt, asked, decoder, seed, 7)


def test_acceptance_is_told_by_where_the_cut_fell(world):
    """The mean acceptance of a first step, for each cut, against its expectation by enumeration."""
    place, draws = start(world, 0.4)
    chains = Chains(world.model, [PROMPT], options(0.4), ALPHA, draws, [0], 7)
    chains.step(LIMIT)
    told = [completion.diagnostics for completion in chains.completions()[0]]
    weight = ALPHA * world.logp - world.logq(0.4)
    for cut in range(3):
        same = torch.tensor([len(text) > cut and text[:cut] == world.texts[place][:cut] for text in world.texts])
        proposal = torch.where(same, world.logq(0.4), -torch.inf).softmax(0)
        expected = (proposal * (weight - weight[place]).clamp(max=0).exp()).sum().item()
        measured = [
            diagnostics[f"acceptance_{cut + 1}"] for diagnostics in told if f"acceptance_{cut + 1}" in diagnostics
        ]
        # Five standard errors of a share of some 5,000 chains.
        assert sum(measured) / len(measured) == pytest.approx(expected, abs=5 * 0.5 / len(measured) ** 0.5)
    assert not any("acceptance_4" in diagnostics for diagnostics in told), "a cut beyond the end moves nothing"


def test_split_rhat_tells_mixed_from_stuck():
    generator = torch.Generator().manual_seed(0)
    mixed = torch.randn(1, 4, 200, generator=generator)
    apart = mixed + torch.tensor([0.0, 0.0, 3.0, 3.0])[:, None]
    drifting = mixed + torch.linspace(0, 8, 200)
    stuck, alike = torch.arange(4.0)[None, :, None].expand(1, 4, 200), torch.zeros(1, 4, 200)
    traces = torch.cat([mixed, apart, drifting, stuck, alike]).numpy()
    rhat = split_rhat(traces)
    assert rhat[0] < 1.02
    assert rhat[1] > 1.5
    assert rhat[2] > 1.5
    assert rhat[3] == float("inf")
    assert rhat[4] == 1.0


def test_a_model_with_a_sliding_window_is_refused_where_the_window_is_too_short():
    """Chains of different cuts leave gaps in the cache, which a window would count as tokens."""
    config = Gemma3TextConfig(
        vocab_size=12,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=8,
        sliding_window=8,
        layer_types=["sliding_attention", "full_attention"],
        max_position_embeddings=64,
    )
    model, decoder = Gemma3ForCausalLM(config).eval(), PowerMH(type="power_mh", alpha=2, steps=1)
    power_mh(model, [[3, 4]], SamplingOptions(6, [0]), decoder, [0], 0)
    with pytest.raises(BadInput, match=r"attend to all 9 tokens .* this model has a sliding window of 8; leave the"):
        power_mh(model, [[3, 4]], SamplingOptions(7, [0]), decoder, [0], 0)
