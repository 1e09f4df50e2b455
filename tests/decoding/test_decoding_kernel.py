"""The transition matrix of the implemented Metropolis–Hastings step, enumerated from the implementation itself.

Every state, every cut and every fresh suffix is run through the code that samples, its uniforms chosen so that this
suffix comes out. The proposal's probability and the acceptance are the ones that the code computed. In float64, so
that what remains of an error is a mistake.
"""

import pytest
import torch

from beyond_sharpening.decoding import SamplingOptions
from beyond_sharpening.decoding.mh import Chains, _Suffixes
from beyond_sharpening.decoding.sampling import Batch
from beyond_sharpening.exact.policy import random_policy
from decoding.enumeration import EOS, LIMIT, PROMPT, enumerate_world

ALPHA = 2.5
TEMPERATURES = [1.0, 0.4, 1.5]


@pytest.fixture(scope="module", params=[0, 3])
def world(request):
    return enumerate_world(request.param, random_policy(request.param, 5, spread=0.6))


def forcing_uniforms(world, temperature):
    """Uniforms (Y, T) for which the sampler draws completion y: the middle of each token's interval of the CDF."""
    mass = {}
    for text, chance in zip(world.texts, world.logq(temperature).exp().tolist(), strict=True):
        for length in range(len(text) + 1):
            mass[text[:length]] = mass.get(text[:length], 0.0) + chance
    forced = torch.zeros(len(world.texts), LIMIT, dtype=torch.float64)
    for row, text in enumerate(world.texts):
        for place, token in enumerate(text):
            prefix = text[:place]
            below = sum(mass[(*prefix, other)] for other in range(token))
            forced[row, place] = (below + mass[text[: place + 1]] / 2) / mass[prefix]
    return forced


def all_states(world, temperature, forced):
    """Chains of which number y stands at completion y."""
    options = SamplingOptions(LIMIT, EOS, temperature)
    batch = Batch(world.model, options, forced)
    batch.prefill([PROMPT], len(forced))
    batch.run()
    chains = Chains(world.model, [PROMPT], options, ALPHA, batch.draws, [0], 0)
    assert [tuple(state.tokens) for state in chains.draws.completions(EOS)] == world.texts
    return chains


def moves(world, cut):
    """Every (state, proposal) of a cut: places of two completions longer than the cut that are alike up to it."""
    longer, prefixes = world.completions.lengths > cut, world.completions.tokens[:, :cut]
    alike = (prefixes[:, None] == prefixes[None]).all(-1)
    return (alike & longer[:, None] & longer[None]).nonzero().T


def assert_equal(one, other):
    torch.testing.assert_close(one, other, rtol=0, atol=0)


def propose(chains, forced, rows, proposals, cut, log_u):
    """The batch in which the chains ``rows`` propose the completions ``proposals``, run to its end."""
    batch = _Suffixes(chains, rows, torch.full_like(rows, cut), log_u, forced[proposals])
    batch.forward()
    batch.run()
    return batch


def implemented_kernel(world, temperature):
    """Transition matrices (T, Y, Y), one a cut, and log w(y′) − w(y) of every move, as the implementation has them."""
    forced = forcing_uniforms(world, temperature)
    chains = all_states(world, temperature, forced)
    chains.rejects_early = False  # every suffix to its end, to see its weight
    matrices = torch.eye(len(world.texts), dtype=torch.float64).repeat(LIMIT, 1, 1)
    for cut in range(LIMIT):
        rows, proposals = moves(world, cut)
        batch = propose(chains, forced, rows, proposals, cut, torch.zeros(len(rows), dtype=torch.float64))
        assert_equal(batch.draws.lengths, world.completions.lengths[proposals].long())
        assert_equal(batch.draws.tokens, world.completions.tokens[proposals].long().clamp(min=0))
        fresh = torch.arange(LIMIT) >= cut
        chance = (batch.draws.logq * fresh).sum(-1) + (batch.gained - batch.least).clamp(max=0)
        moved = torch.zeros_like(matrices[cut]).index_put((rows, proposals), chance.exp())
        matrices[cut] = moved + torch.diag_embed(1 - moved.sum(-1))
    return matrices


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_the_implemented_step_keeps_the_target_and_is_reversible(world, temperature):
    target, kernels = world.target(ALPHA), implemented_kernel(world, temperature)
    for kernel in [*kernels, kernels.mean(0)]:
        assert kernel.min() >= -1e-12
        flow = target[:, None] * kernel
        assert (flow - flow.T).abs().max() < 1e-12
        assert (target @ kernel - target).abs().max() < 1e-8
    torch.testing.assert_close(kernels, world.kernel(ALPHA, temperature), rtol=0, atol=1e-10)


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_rejecting_early_decides_as_the_whole_suffix_does(world, temperature):
    """Of every move, just below and just above the threshold that theory gives for log u."""
    forced = forcing_uniforms(world, temperature)
    chains = all_states(world, temperature, forced)
    assert chains.rejects_early == (temperature <= 1)
    weight = ALPHA * world.logp - world.logq(temperature)
    for cut in range(LIMIT):
        rows, proposals = moves(world, cut)
        threshold = weight[proposals] - weight[rows]
        for shift, accepted in ((-1e-9, True), (1e-9, False)):
            batch = propose(chains, forced, rows, proposals, cut, threshold + shift)
            assert (batch.accepted == accepted).all()
