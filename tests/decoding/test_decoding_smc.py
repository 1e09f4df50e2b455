"""Sequential Monte Carlo for π^α, and the exact chain over its runs; 8,000 runs against exact probabilities."""

import pytest
import torch

from beyond_sharpening.decoders import Pimh, Smc
from beyond_sharpening.decoding import SamplingOptions, smc
from beyond_sharpening.decoding.smc import pimh, run_particles
from decoding.enumeration import EOS, LIMIT, PROMPT, build_world, p_value

ALPHA, RUNS = 2.5, 8_000


@pytest.fixture(scope="module", params=[4, 8], ids=["long", "short"])
def world(request):
    return build_world(request.param)


def run(world, particles, temperature, runs=RUNS, minimum=1):
    options = SamplingOptions(LIMIT, EOS, temperature, min_new_tokens=minimum)
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


def test_more_particles_come_closer_to_the_target(world):
    """The error is of order 1/N; 2 particles miss the target beyond doubt, 128 cannot be told from it."""
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


def test_a_minimum_length_is_part_of_the_target(world):
    target = torch.where(world.completions.lengths >= 3, world.target(ALPHA), 0.0)
    drawn = run(world, 64, 1.0, runs=2_000, minimum=3)
    assert min(len(completion.tokens) for completion in drawn) == 3
    assert p_value(world.counts(drawn), 2_000 * target / target.sum()) > 1e-6


def test_diagnostics_say_what_happened(world):
    told = [completion.diagnostics for completion in run(world, 8, 0.4, runs=500)]
    assert all(1 / 8 <= its["ess"] <= 1 for its in told)
    assert {its["resamplings"] for its in told} >= {0, 1}
    assert all(its["duplicates"] * 8 % 1 == 0 and its["unfinished"] * 8 % 1 == 0 for its in told)
    unfinished = sum(its["unfinished"] for its in told) / 500
    assert 0 < unfinished < 1
