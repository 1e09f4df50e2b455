"""Exact quantities of distributions over completions, against closed forms and independent code."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from beyond_sharpening.exact.completions import enumerate_completions
from beyond_sharpening.exact.distributions import (
    accuracy,
    covariance,
    entropy,
    expectation,
    kl_divergence,
    objective_value,
    optimal_value,
    tempered,
    tilted,
    total_variation,
)
from beyond_sharpening.exact.policy import log_probabilities, random_policy
from beyond_sharpening.objectives import Objective

COMPLETIONS = enumerate_completions(3, [0], 4)


def random_distribution(seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(len(COMPLETIONS), generator=generator, dtype=torch.float64).log_softmax(dim=0)


P, Q = random_distribution(0), random_distribution(1)
CORRECT = COMPLETIONS.tokens[:, 0] == 1


def test_entropy_and_divergence_agree_with_scipy():
    assert entropy(Q).item() == pytest.approx(stats.entropy(Q.exp()))
    assert kl_divergence(Q, P).item() == pytest.approx(stats.entropy(Q.exp(), P.exp()))
    assert covariance(Q, P, CORRECT.double()).item() == pytest.approx(
        np.cov(P, CORRECT.double(), aweights=Q.exp(), ddof=0)[0, 1]
    )


def test_by_hand():
    q, p = torch.tensor([0.5, 0.5, 0.0]).log(), torch.tensor([0.25, 0.25, 0.5]).log()
    assert entropy(q).item() == pytest.approx(math.log(2))
    assert kl_divergence(q, p).item() == pytest.approx(math.log(2))
    assert kl_divergence(p, q).item() == math.inf
    assert total_variation(q, p).item() == pytest.approx(0.5)
    assert accuracy(p, torch.tensor([True, False, True])).item() == pytest.approx(0.75)
    assert expectation(q, torch.tensor([1.0, 3.0, math.inf])).item() == pytest.approx(2)


def test_tempered_and_tilted_are_powers_and_tilts():
    power = P.exp() ** 2.5
    torch.testing.assert_close(tempered(P, 2.5).exp(), power / power.sum())
    tilt = P.exp() ** 0.5 * torch.where(CORRECT, math.e**3, 1.0)
    torch.testing.assert_close(tilted(P, CORRECT, 0.5, 3.0).exp(), tilt / tilt.sum())


def test_infinite_power_is_uniform_on_the_modes():
    log_p = torch.tensor([0.3, 0.3, 0.4 / 3, 0.4 / 3, 0.4 / 3], dtype=torch.float64).log()
    torch.testing.assert_close(tempered(log_p, math.inf).exp(), torch.tensor([0.5, 0.5, 0, 0, 0], dtype=torch.float64))


def test_what_the_reference_cannot_produce_stays_impossible():
    log_p = torch.tensor([0.6, 0.4, 0.0], dtype=torch.float64).log()
    correct = torch.tensor([False, False, True])
    for objective in (Objective(1, 0, 0), Objective(1, 0, 1), Objective.named("tilted")):
        assert objective.optimum(correct, log_p, torch.ones(3)).exp()[2] == 0


@pytest.mark.parametrize("value", [-math.inf, math.nan])
def test_a_reference_without_mass_is_named(value):
    log_p = torch.stack([P, torch.full_like(P, value)])
    with pytest.raises(ValueError, match=r"π_ref has NaN, infinite or no mass .* at \[\[1\]\]"):
        tempered(log_p, 2.0)


OBJECTIVES = [
    Objective(1, 0, 0),
    Objective(0, 2, 0),
    Objective(0.3, 0.2, 0),
    Objective(0.3, 0.2, 0.7),
    Objective.named("tilted", normalisation="mean"),
    Objective(0, 2, 1, normalisation={"length_power": 0.5}),
    Objective.named("null_control"),
]


@pytest.mark.parametrize("objective", OBJECTIVES, ids=str)
def test_no_policy_does_better_than_the_optimum(objective):
    best = optimal_value(objective, P, CORRECT, COMPLETIONS).item()
    optimum = objective.optimum(CORRECT, P, COMPLETIONS.lengths)
    assert optimum.exp().sum().item() == pytest.approx(1)
    for seed in range(20):
        away = torch.logaddexp(optimum + math.log(0.99), random_distribution(seed) + math.log(0.01))
        assert objective_value(objective, away, P, CORRECT, COMPLETIONS).item() <= best + 1e-12


def test_fractional_coefficients_are_exact_for_boolean_rewards():
    log_q = Objective(0.3, 1.0, 0.7).optimum(CORRECT, P, COMPLETIONS.lengths)
    expected = (P / 0.7 + CORRECT.double() * 0.3 / 0.7).log_softmax(dim=0)
    torch.testing.assert_close(log_q, expected, rtol=0, atol=1e-14)


def test_the_null_control_leaves_a_model_as_it_is():
    model = random_policy(0, 3)
    log_p = log_probabilities(model, [[1], [2]], COMPLETIONS)
    optimum = Objective.named("null_control").optimum(CORRECT, log_p, COMPLETIONS.lengths)
    assert total_variation(optimum, log_p).max() < 1e-12
    value = optimal_value(Objective.named("null_control"), log_p, CORRECT, COMPLETIONS)
    torch.testing.assert_close(value, torch.zeros(2, dtype=torch.float64), rtol=0, atol=1e-12)
