"""Sequential Monte Carlo for π^α, and the exact chain over its runs; 8,000 runs against exact probabilities."""

import pytest
import torch

from beyond_sharpening.decoding import SamplingOptions, smc
from beyond_sharpening.decoding.smc import pimh, run_particles
from beyond_sharpening.parameters.decoders import Pimh, Smc
from decoding.enumeration import EOS, LIMIT, PROMPT, build_world, p_value

ALPHA, RUNS = 2.5, 8_000


@pytest.fixture(scope="module", params=[4, 8], ids=["long", "short"])
def world(request):
    return build_world(request.param)


def run(world, particles, temperature, runs=RUNS):
    options = SamplingOptions(LIMIT, EOS, temperature)
    decoder = Smc(type="smc", alpha=ALPHA, n=particles, samples=runs)
    return smc.smc(world.model, [PROMPT], options, decoder, [3])[0]


@pytest.mark.parametrize(("particles", "share"), [(1, 0.5), (4, 0.5), (4, 1.0)])
@pytest.mark.parametrize("temperature", [1.0, 0.4])
def test_the_estimate_of_z_is_unbiased(world, particles, share, temperature, monkeypatch):
    """E[Ẑ] = Z for any number of particles, whenever they are resampled; within five standard errors."""
    monkeypatch.setattr(smc, "RESAMPLE_SHARE", share)
    options = SamplingOptions(LIMIT, EOS, temperature)
    result = run_particles(world.model, [PROMPT], options, ALPHA, particles, RUNS, [5])
    ratio = (result.log_z - world.log_z(ALPHA)).exp()
    assert ratio.mean().item() == pytest.approx(1.0, abs=5 * ratio.std().item() / RUNS**0.5)
    assert bool(result.resamplings.max() > 0) == (particles > 1)
    if share == 1.0:
        assert result.resamplings.max() == LIMIT - 1, "at every token but the last"


def errors(world, particles, runs):
    """Bias of the particles' weighted mean f̂ of f = log p as an estimate of π(f), and Var(Ẑ/Z); standard errors.

    E[f̂·Ẑ/Z] = π(f) makes the bias E[(f̂ − π(f))(1 − Ẑ/Z)], of which a sample is as small as the bias itself.
    """
    result = run_particles(world.model, [PROMPT], SamplingOptions(LIMIT, EOS, 1.0), ALPHA, particles, runs, [9])
    logp = result.draws.logp.double().sum(-1).view(runs, particles)
    error = (result.weights.softmax(-1) * logp).sum(-1) - (world.target(ALPHA) * world.logp).sum()
    excess = (result.log_z - world.log_z(ALPHA)).expm1()
    return [(value.mean().item(), value.std().item() / runs**0.5) for value in (-error * excess, excess.square())]


def test_bias_and_variance_fall_as_one_over_n(world):
    """Four times the particles: a quarter of the bias and of the variance of Ẑ/Z (Del Moral 2004), to first order.

    The bias is that of the law of the drawn particle, without the noise of the drawing. What is allowed: five standard
    errors, and for the next order in 1/N a fifth of the bias and a twentieth of the variance. Rates of 1/√N and of 1/N²
    are outside.
    """
    few, more = (errors(world, particles, 200_000 // particles) for particles in (16, 64))
    for (large, large_error), (small, small_error), rest in zip(few, more, (0.2, 0.05), strict=True):
        allowed = 5 * ((large_error / 4) ** 2 + small_error**2) ** 0.5 + rest * abs(large / 4)
        assert small == pytest.approx(large / 4, abs=allowed)
        assert allowed < abs(large / 4) / 2


def test_more_particles_come_closer_to_the_target(world):
    """2 particles miss the target beyond doubt, 128 cannot be told from it."""
    target = world.target(ALPHA)
    few, many = (world.counts(run(world, n, 1.0, runs=1_000)) for n in (2, 128))
    assert p_value(few, 1_000 * target) < 1e-20
    assert p_value(many, 1_000 * target) > 1e-6


def test_without_resampling_it_is_importance_resampling(world, monkeypatch):
    """The law of one of two weighted draws, written out."""
    monkeypatch.setattr(smc, "RESAMPLE_SHARE", 0.0)
    logq = world.logq(0.4)
    weight, q = (ALPHA * world.logp - logq).exp(), logq.exp()
    pairs = q[:, None] * q[None, :] * weight[:, None] / (weight[:, None] + weight[None, :])
    assert p_value(world.counts(run(world, 2, 0.4)), RUNS * 2 * pairs.sum(1)) > 1e-6


@pytest.mark.parametrize("particles", [1, 4])
def test_the_chain_over_runs_is_exact_for_any_number_of_particles(world, particles):
    """With one particle it is independent Metropolis–Hastings, whose law after ten proposals is known exactly."""
    steps = 10
    decoder = Pimh(type="pimh", alpha=ALPHA, n=particles, steps=steps, samples=RUNS // 2)
    (drawn,) = pimh(world.model, [PROMPT], SamplingOptions(LIMIT, EOS, 1.0), decoder, [3])
    expected = world.target(ALPHA)
    if particles == 1:
        expected = world.logq(1.0).exp() @ torch.linalg.matrix_power(world.kernel(ALPHA, 1.0)[0], steps)
    assert p_value(world.counts(drawn), RUNS // 2 * expected) > 1e-6


def test_diagnostics_say_what_happened(world):
    told = [completion.diagnostics for completion in run(world, 8, 0.4, runs=500)]
    assert all(1 / 8 <= its["ess"] <= 1 for its in told)
    assert {its["resamplings"] for its in told} >= {0, 1}
    assert all(its["duplicates"] * 8 % 1 == 0 and its["unfinished"] * 8 % 1 == 0 for its in told)
    unfinished = sum(its["unfinished"] for its in told) / 500
    assert 0 < unfinished < 1


def test_the_chain_over_runs_says_whether_it_has_mixed(world):
    """Four chains over runs of many particles, which are nearly independent draws, against too few steps to say."""
    told = []
    for steps in (100, 2):
        decoder = Pimh(type="pimh", alpha=ALPHA, n=16, steps=steps, samples=4)
        (drawn,) = pimh(world.model, [PROMPT], SamplingOptions(LIMIT, EOS, 1.0), decoder, [3])
        told.append([completion.diagnostics.get("rhat") for completion in drawn])
    assert len(set(told[0])) == 1
    assert 0.9 < told[0][0] < 1.1
    assert told[1] == [None] * 4
