"""Exact quantities of distributions over enumerated completions.

Every distribution is a tensor of log-probabilities (..., Y), float64; values over completions broadcast to
it; results have the shape (...). Entropies and divergences are in nats.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from beyond_sharpening.objectives import Objective

if TYPE_CHECKING:
    from beyond_sharpening.exact.completions import Completions


def expectation(log_q: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """E_q[values]; values where q has no mass do not count, not even infinite ones."""
    mass = log_q.exp()
    return torch.where(mass > 0, mass * values, 0.0).sum(dim=-1)


def covariance(log_q: torch.Tensor, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Cov_q(first, second)."""
    centred = first - expectation(log_q, first).unsqueeze(-1)
    return expectation(log_q, centred * (second - expectation(log_q, second).unsqueeze(-1)))


def entropy(log_q: torch.Tensor) -> torch.Tensor:
    """H(q)."""
    return -expectation(log_q, log_q)


def kl_divergence(log_q: torch.Tensor, log_p: torch.Tensor) -> torch.Tensor:
    """KL(q‖p); infinite where q has mass outside the support of p."""
    return expectation(log_q, log_q - log_p)


def total_variation(log_q: torch.Tensor, log_p: torch.Tensor) -> torch.Tensor:
    """½ Σ|q − p|, in [0, 1]."""
    return (log_q.exp() - log_p.exp()).abs().sum(dim=-1) / 2


def accuracy(log_q: torch.Tensor, correct: torch.Tensor) -> torch.Tensor:
    """A = q(correct), for a boolean ``correct``."""
    return expectation(log_q, correct.to(log_q.dtype))


def tempered(log_p: torch.Tensor, alpha: float) -> torch.Tensor:
    """The distribution ∝ p^α; α = ∞ is uniform on the modes of p."""
    return tilted(log_p, torch.zeros_like(log_p), alpha, 0.0)


def tilted(log_p: torch.Tensor, correct: torch.Tensor, alpha: float, beta: float) -> torch.Tensor:
    """The distribution ∝ p^α·exp(β·R) with R = ``correct``, for α, β ≥ 0; α = ∞ is uniform on the modes of p."""
    objective = Objective(0.0, 1.0, 0.0) if math.isinf(alpha) else Objective(beta, alpha, 1.0)
    return objective.optimum(correct, log_p, torch.ones_like(log_p))


def objective_value(
    objective: Objective,
    log_q: torch.Tensor,
    log_p: torch.Tensor,
    correct: torch.Tensor,
    completions: Completions,
) -> torch.Tensor:
    """J(q) = E_q[a·R + (b − c)·s(log p) + c·log p] + c·H(q), the expected reward of ``objective`` with reference p."""
    return expectation(log_q, objective.reward(correct.to(log_q.dtype), log_p, log_q, completions.lengths))


def optimal_value(
    objective: Objective, log_p: torch.Tensor, correct: torch.Tensor, completions: Completions
) -> torch.Tensor:
    """J* = max_q J(q), the value at the closed-form optimum."""
    optimum = objective.optimum(correct, log_p, completions.lengths)
    return objective_value(objective, optimum, log_p, correct, completions)
