"""One reward, three coefficients, and the optimum of each."""

import math

import numpy as np
import pytest
import torch

from beyond_sharpening.objectives import Objective

COEFFICIENTS = {
    "task_reward": (1, 0, 0),
    "sharpening": (0, 3, 0),
    "tempered": (0, 3, 1),
    "tilted": (1, 3 / 50, 1 / 50),
    "null_control": (0, 1, 1),
}

# Four completions of one prompt: R, log π_ref (of any mass: the optimum normalises), length.
TASK = torch.tensor([1.0, 0.0, 1.0, 0.0], dtype=torch.float64)
LOGP = torch.tensor([0.5, 0.25, 0.15, 0.1], dtype=torch.float64).log()
LENGTHS = torch.tensor([1.0, 2.0, 4.0, 4.0], dtype=torch.float64)


@pytest.mark.parametrize(("name", "coefficients"), COEFFICIENTS.items())
def test_each_name_stands_for_its_three_coefficients(name, coefficients):
    objective = Objective.named(name, alpha=3, beta=50)
    assert (objective.task, objective.reference, objective.policy) == pytest.approx(coefficients)
    assert objective.normalisation == "sum"


def test_the_reward_worked_by_hand():
    reward = Objective(2, 3, 5).reward(
        np.array([1.0, 0.0]), np.array([-4.0, -1.0]), np.array([-2.0, -3.0]), np.array([7, 1])
    )
    np.testing.assert_allclose(reward, [2 * 1 + 3 * -4 + 5 * 2, 0 + 3 * -1 + 5 * 3])


@pytest.mark.parametrize(
    ("normalisation", "divisor"), [("mean", 9), ({"length_power": 0.5}, 3), ({"length_power": 0}, 1)]
)
def test_normalisation_divides_the_reference_and_nothing_else(normalisation, divisor):
    reward = Objective(2, 3, 5, normalisation).reward(*(torch.tensor([value]) for value in (1.0, -4.0, -2.0, 9.0)))
    assert reward.item() == pytest.approx(2 - 3 * 4 / divisor + 5 * 2)


@pytest.mark.parametrize("name", ["tempered", "tilted", "null_control"])
@pytest.mark.parametrize("normalisation", ["sum", "mean"])
def test_with_entropy_the_optimum_is_the_reference_sharpened_and_tilted(name, normalisation):
    """π* ∝ π_ref^(b/c) · exp(a·R/c), with π_ref^(1/length) in its place under the mean."""
    optimum = Objective.named(name, 2, 5, normalisation).optimum(TASK, LOGP, LENGTHS).exp()
    alpha, beta = {"tempered": (2, 0), "tilted": (2, 5), "null_control": (1, 0)}[name]
    reference = LOGP.exp() ** (1 / LENGTHS if normalisation == "mean" else 1)
    weights = reference**alpha * (beta * TASK).exp()
    torch.testing.assert_close(optimum, weights / weights.sum())


def test_the_optimum_of_arrays_is_that_of_tensors():
    objective = Objective.named("tilted", 2, 5)
    arrays = objective.optimum(TASK.numpy(), LOGP.numpy(), LENGTHS.int().numpy())
    torch.testing.assert_close(arrays, objective.optimum(TASK, LOGP, LENGTHS))


def test_a_term_without_weight_does_not_count_where_it_is_infinite():
    """A completion outside π_ref's support has its reward like any other, where log π_ref is no part of it."""
    outside = np.array([-np.inf])
    assert Objective.named("task_reward").reward(np.array([1.0]), outside, outside, np.array([3])) == [1.0]
    assert Objective.named("sharpening").reward(np.array([1.0]), np.array([-1.0]), outside, np.array([3])) == [-2.0]


def test_the_null_control_asks_for_the_reference_itself():
    torch.testing.assert_close(Objective.named("null_control").optimum(TASK, LOGP, LENGTHS), LOGP)


@pytest.mark.parametrize(
    ("objective", "winners"),
    [
        (Objective.named("task_reward"), [0, 2]),
        (Objective.named("sharpening"), [0]),
        (Objective(1, 1, 0, "mean"), [2]),  # −log 2 + 1 = 0.31 against log(0.15) / 4 + 1 = 0.53
    ],
)
def test_without_entropy_the_optimum_shares_the_argmax_out_evenly(objective, winners):
    optimum = objective.optimum(TASK, LOGP, LENGTHS)
    expected = [1 / len(winners) if row in winners else 0 for row in range(4)]
    np.testing.assert_allclose(optimum.exp(), expected, atol=1e-15)


@pytest.mark.parametrize("name", COEFFICIENTS)
def test_no_other_distribution_does_better(name):
    """Brute force over the simplex of four completions, in steps of a sixteenth."""
    objective = Objective.named(name, alpha=2, beta=5)
    grid = [counts for counts in np.ndindex(17, 17, 17, 17) if sum(counts) == 16]
    candidates = torch.tensor(grid, dtype=torch.float64) / 16

    def value(policy: torch.Tensor) -> torch.Tensor:
        rewards = objective.task * TASK + objective.reference * LOGP
        return (policy * rewards).sum(-1) + objective.policy * torch.special.entr(policy).sum(-1)

    assert value(objective.optimum(TASK, LOGP, LENGTHS).exp()) >= value(candidates).max() - 1e-12


@pytest.mark.parametrize("name", COEFFICIENTS)
def test_what_the_reference_cannot_say_stays_unsaid(name):
    logp = torch.tensor([-math.inf, math.log(0.5), math.log(0.5)])
    optimum = Objective.named(name).optimum(torch.tensor([1.0, 0.0, 0.0]), logp, torch.ones(3))
    np.testing.assert_allclose(optimum.exp(), [0, 0.5, 0.5], atol=1e-6)


def test_prompts_are_solved_side_by_side():
    objective = Objective.named("tilted", 2, 5)
    other = torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.float64).log()
    both = objective.optimum(torch.stack([TASK, 1 - TASK]), torch.stack([LOGP, other]), LENGTHS)
    torch.testing.assert_close(both[0], objective.optimum(TASK, LOGP, LENGTHS))
    torch.testing.assert_close(both[1], objective.optimum(1 - TASK, other, LENGTHS))


@pytest.mark.parametrize("coefficients", [(0, 0, 0), (-1, 0, 0), (0, math.nan, 1), (0, 1, math.inf)])
def test_coefficients_that_mean_nothing_are_refused(coefficients):
    with pytest.raises(ValueError, match="finite, at least 0 and not all 0; got"):
        Objective(*coefficients)


@pytest.mark.parametrize("normalisation", ["none", "", None, 1, {}, {"power": 1}, {"length_power": math.nan}])
def test_an_unknown_normalisation_is_refused(normalisation):
    with pytest.raises(ValueError, match=r"sum, mean or \{length_power: w\}"):
        Objective(1, 1, 1, normalisation)


@pytest.mark.parametrize("bad", [{"alpha": 0}, {"alpha": -1}, {"beta": 0}, {"beta": math.nan}])
def test_alpha_and_beta_are_positive(bad):
    with pytest.raises(ValueError, match="alpha and beta must be positive; got"):
        Objective.named("tilted", **bad)


def test_an_unknown_name_is_told_the_known_ones():
    with pytest.raises(ValueError, match="unknown objective 'grpo'; known: task_reward, sharpening, tempered, tilted"):
        Objective.named("grpo")


@pytest.mark.parametrize("broken", [[math.nan, -1.0], [-math.inf, -math.inf]])
def test_a_reference_without_mass_has_no_optimum(broken):
    logp = torch.tensor([[-1.0, -2.0], broken])
    with pytest.raises(ValueError, match=r"prompt\(s\) at \[\[1\]\]"):
        Objective.named("tempered").optimum(torch.zeros(2, 2), logp, torch.ones(2, 2))
