"""Proposition 2: the gradient estimator climbs the objective it is meant to climb."""

from __future__ import annotations

import copy
from itertools import product
from typing import TYPE_CHECKING

import pandas as pd
import torch

from beyond_sharpening.exact.distributions import kl_divergence
from beyond_sharpening.exact.gradient import objective_gradient, scores
from beyond_sharpening.exact.policy import log_probabilities, random_policy
from beyond_sharpening.theory.propositions.check import Check, Row, claim
from beyond_sharpening.theory.propositions.optimum import OBJECTIVES
from beyond_sharpening.theory.propositions.task import Task, random_task

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def check_estimator(seed: int) -> Check:
    """E[r·∇log π] = ∇J with the reward detached, leave-one-out included; a k3 estimate in the reward breaks it."""
    task = random_task(seed, vocabulary=3, max_length=3, n_prompts=1)
    k3_rows, k3 = _k3_gradient(task, seed)
    return Check(
        2,
        "Estimator",
        "With the reward detached E[r·∇log π] = ∇J, because E[∇log π] = 0, and a leave-one-out baseline keeps it so. "
        "A detached k3 estimate of the KL in the reward climbs KL(p‖π) − KL(π‖p) instead, and has no pull near p.",
        pd.DataFrame(_unbiased(task, seed) + k3_rows),
        {"Pull back to the reference, k1 against k3 in the reward": k3},
    )


def _unbiased(task: Task, seed: int) -> list[Row]:
    """The score-function and the leave-one-out estimator against autograd, for every objective."""
    model = random_policy(seed + 1, task.completions.vocabulary, spread=0.3)
    log_q, log_p = task.log_probabilities(model)[0], task.log_p[0]
    q, score = log_q.exp(), scores(model, task.prompts[0], task.completions)
    rows = [claim("‖E[∇log π]‖", (q @ score).norm().item(), "=", 0)]
    for name, objective in OBJECTIVES.items():
        _, parts = objective_gradient(model, task.prompts, task.completions, objective, task.correct, task.log_p)
        exact = torch.cat([part.flatten() for part in parts.values()])
        reward = objective.reward(task.correct[0].double(), log_p, log_q, task.completions.lengths)
        rows.append(claim(f"‖E[r·∇log π] − ∇J‖, {name}", ((q * reward) @ score - exact).norm().item(), "=", 0))
        for size in (2, 3):
            error = (_group_mean(q, reward, score, size) - exact).norm().item()
            rows.append(claim(f"‖leave-one-out over all groups of {size} − ∇J‖, {name}", error, "=", 0))
        if name == "tempered":
            biased = _group_mean(q, reward, score, 3, standardise=True)
            cosine = torch.cosine_similarity(biased, exact, dim=0).item()
            rows.append(claim("advantages over their group's deviation turn: cosine with ∇J", cosine, "≠", 1, 1e-4))
    return rows


def _group_mean(
    q: torch.Tensor, reward: torch.Tensor, score: torch.Tensor, size: int, standardise: bool = False
) -> torch.Tensor:
    """The leave-one-out gradient, (P,), averaged over every possible group of ``size`` samples."""
    groups = torch.tensor(list(product(range(len(q)), repeat=size)))
    rewards = reward[groups]
    advantages = (rewards - rewards.mean(dim=1, keepdim=True)) * size / (size - 1)
    if standardise:
        advantages = advantages / (rewards.std(dim=1, keepdim=True) + 1e-4)
    weights = q[groups].prod(dim=1)[:, None] * advantages / size
    return torch.zeros_like(q).index_add(0, groups.flatten(), weights.flatten()) @ score


def _k3_gradient(task: Task, seed: int) -> tuple[list[Row], pd.DataFrame]:
    """−KL in the reward, as k1 = log π/p or as k3 = p/π − 1 − log p/π, on the way out from p."""
    goal, log_p = random_policy(seed + 1, task.completions.vocabulary, spread=0.3), task.log_p[0]
    points, errors = [], []
    for step in (0.0005, 0.001, 0.01, 0.05, 0.1, 0.2, 0.5, 1.0):
        model = _between(task.model, goal, step)
        log_q = log_probabilities(model, task.prompts, task.completions, differentiable=True)[0]
        climbed = kl_divergence(log_p, log_q) - kl_divergence(log_q, log_p)
        exact = torch.autograd.grad(climbed, list(model.parameters()), materialize_grads=True)
        log_ratio = (log_p - log_q).detach()
        weighted = log_q.detach().exp()[:, None] * scores(model, task.prompts[0], task.completions)
        k1, k3 = log_ratio @ weighted, (1 + log_ratio - log_ratio.exp()) @ weighted
        errors.append((k3 - torch.cat([part.flatten() for part in exact])).norm().item())
        points += [
            {"step from p": step, "gradient norm": k1.norm().item(), "estimate": "k1"},
            {"step from p": step, "gradient norm": k3.norm().item(), "estimate": "k3"},
        ]
    table = pd.DataFrame(points)
    norms = table.pivot_table(index="step from p", columns="estimate", values="gradient norm")
    growth = norms.iloc[1] / norms.iloc[0]
    return [
        claim("‖k3 gradient − ∇(KL(p‖π) − KL(π‖p))‖, the worst policy", max(errors), "=", 0),
        claim("k1's pull doubles with the distance from p: it is of first order", growth["k1"], "=", 2, 0.1),
        claim("k3's pull quadruples: it is of second order, and vanishes near p", growth["k3"], "=", 4, 0.2),
    ], table


def _between(start: PreTrainedModel, goal: PreTrainedModel, step: float) -> PreTrainedModel:
    """The model whose weights are ``step`` of the way from start to goal."""
    model = copy.deepcopy(start)
    with torch.no_grad():
        for parameter, target in zip(model.parameters(), goal.parameters(), strict=True):
            parameter.lerp_(target, step)
    return model
