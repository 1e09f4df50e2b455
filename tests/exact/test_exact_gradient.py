"""Exact gradients, against finite differences and against every group of samples there is."""

from itertools import product

import pytest
import torch

from beyond_sharpening.exact.completions import enumerate_completions
from beyond_sharpening.exact.distributions import objective_value
from beyond_sharpening.exact.gradient import objective_gradient, rloo_moments, scores
from beyond_sharpening.exact.policy import log_probabilities, random_policy
from beyond_sharpening.objectives import Objective

PROMPTS = [[1], [2, 1]]
COMPLETIONS = enumerate_completions(3, [0], 3)
REFERENCE = log_probabilities(random_policy(0, 3), PROMPTS, COMPLETIONS)
CORRECT = COMPLETIONS.finished & (COMPLETIONS.lengths == torch.tensor([[2], [3]]))
OBJECTIVES = {
    "task_reward": Objective.named("task_reward"),
    "sharpening": Objective.named("sharpening"),
    "tempered": Objective.named("tempered"),
    "tilted": Objective.named("tilted", beta=5),
    "null_control": Objective.named("null_control"),
    "mean": Objective.named("tempered", normalisation="mean"),
    "length_power": Objective.named("tilted", beta=5, normalisation={"length_power": 0.5}),
}


def exact_value(model, objective) -> float:
    log_q = log_probabilities(model, PROMPTS, COMPLETIONS)
    return objective_value(objective, log_q, REFERENCE, CORRECT, COMPLETIONS).mean().item()


@pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=OBJECTIVES)
def test_the_gradient_is_the_slope_of_the_value(objective):
    """Central differences in three random directions of parameter space, error O(h²)."""
    model, step = random_policy(1, 3), 1e-5
    value, gradient = objective_gradient(model, PROMPTS, COMPLETIONS, objective, CORRECT, REFERENCE)
    assert value == pytest.approx(exact_value(model, objective), abs=1e-12)
    generator = torch.Generator().manual_seed(0)
    for _ in range(3):
        values = []
        direction = {n: torch.randn(g.shape, generator=generator, dtype=g.dtype) for n, g in gradient.items()}
        for sign in (+1, -2):
            with torch.no_grad():
                for name, parameter in model.named_parameters():
                    parameter += sign * step * direction[name]
            values.append(exact_value(model, objective))
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                parameter += step * direction[name]
        slope = sum((gradient[name] * direction[name]).sum() for name in gradient).item()
        assert (values[0] - values[1]) / (2 * step) == pytest.approx(slope, abs=1e-6)


def test_the_null_control_has_no_gradient_at_the_reference():
    model = random_policy(0, 3)
    _, gradient = objective_gradient(model, PROMPTS, COMPLETIONS, Objective.named("null_control"), CORRECT, REFERENCE)
    assert max(part.abs().max() for part in gradient.values()) < 1e-12


def test_scores_are_the_gradient_of_each_completions_log_probability():
    model = random_policy(1, 3)
    score = scores(model, PROMPTS[1], COMPLETIONS)
    for y, length in enumerate(COMPLETIONS.lengths.tolist()):
        tokens = COMPLETIONS.tokens[y, :length].tolist()
        logits = model(input_ids=torch.tensor([PROMPTS[1] + tokens])).logits[0, len(PROMPTS[1]) - 1 : -1]
        log_q = logits.log_softmax(dim=1)[range(length), tokens].sum()
        parts = torch.autograd.grad(log_q, list(model.parameters()))
        torch.testing.assert_close(score[y], torch.cat([part.flatten() for part in parts]), rtol=0, atol=1e-10)


@pytest.mark.parametrize("group_size", [2, 3, 4])
def test_leave_one_out_moments_are_those_over_all_groups(group_size):
    """Seven completions, 7^K groups: mean and variance of the estimator by its definition."""
    completions = enumerate_completions(3, [0], 2)
    model = random_policy(1, 3)
    log_q, score = log_probabilities(model, [[1]], completions)[0], scores(model, [1], completions)
    reward = torch.randn(len(log_q), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    mean, second = torch.zeros(score.shape[1], dtype=torch.float64), 0.0
    for group in product(range(len(log_q)), repeat=group_size):
        rewards = reward[list(group)]
        advantages = rewards - (rewards.sum() - rewards) / (group_size - 1)
        estimate = advantages @ score[list(group)] / group_size
        chance = log_q[list(group)].sum().exp()
        mean, second = mean + chance * estimate, second + chance * (estimate @ estimate)
    computed_mean, variance = rloo_moments(log_q, reward, score, group_size)
    torch.testing.assert_close(computed_mean, mean, rtol=0, atol=1e-12)
    assert variance == pytest.approx((second - mean @ mean).item(), rel=1e-9)
