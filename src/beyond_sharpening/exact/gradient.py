"""Exact gradients: of an objective, of every completion's log-probability, and of the RLOO estimator.

With rewards r_i and scores s_i = ∇log π(y_i) of K independent samples, the leave-one-out estimator
(Ahmadian et al. 2024, arXiv 2402.14740)

    g = (1/K) Σ_i (r_i − mean_{j≠i} r_j) s_i

is the U-statistic of the kernel h(i, j) = ½(r_i − r_j)(s_i − s_j), so Hoeffding's decomposition gives its
mean and variance in closed form, without sampling.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from beyond_sharpening.exact.distributions import expectation, objective_value
from beyond_sharpening.exact.policy import log_probabilities

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transformers import PreTrainedModel

    from beyond_sharpening.exact.completions import Completions
    from beyond_sharpening.objectives import Objective


def objective_gradient(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    completions: Completions,
    objective: Objective,
    correct: torch.Tensor,
    log_p: torch.Tensor,
) -> tuple[float, dict[str, torch.Tensor]]:
    """J(θ), averaged over prompts, and its gradient by parameter name, by autograd through the enumeration.

    Args:
        model: the policy π_θ.
        prompts: token ids of X prompts.
        completions: the space, Y completions.
        objective: the coefficients and the normalisation.
        correct: R, (X, Y).
        log_p: log π_ref, (X, Y).
    """
    log_q = log_probabilities(model, prompts, completions, differentiable=True)
    value = objective_value(objective, log_q, log_p, correct, completions).mean()
    names, parameters = _trainable(model)
    gradients = torch.autograd.grad(value, parameters, materialize_grads=True)
    return value.item(), dict(zip(names, gradients, strict=True))


def scores(model: PreTrainedModel, prompt: Sequence[int], completions: Completions) -> torch.Tensor:
    """∇log π(y) of every completion of a prompt, (Y, P), over all P trainable parameters in the model's order."""
    log_q = log_probabilities(model, [prompt], completions, differentiable=True)[0]
    _, parameters = _trainable(model)
    basis = torch.eye(len(log_q), dtype=log_q.dtype)
    rows = torch.autograd.grad(log_q, parameters, basis, is_grads_batched=True, materialize_grads=True)
    return torch.cat([row.flatten(1) for row in rows], dim=1)


def rloo_moments(
    log_q: torch.Tensor, reward: torch.Tensor, score: torch.Tensor, group_size: int
) -> tuple[torch.Tensor, float]:
    """Mean (P,) and total variance (the trace of the covariance) of the leave-one-out gradient estimator.

    Args:
        log_q: log π of every completion, (Y,).
        reward: detached rewards, (Y,).
        score: ∇log π, (Y, P).
        group_size: K ≥ 2, the samples a prompt.
    """
    q = log_q.exp()
    centred = reward - expectation(log_q, reward)
    mean = (q * centred) @ score
    squared_norm = (mean @ mean).item()
    projection = (q * centred**2) @ score.square().sum(dim=1)  # E‖(r − E r)s‖², four times that of E[h | i]
    distances = torch.cdist(score, score).square()
    pair = q @ ((reward[:, None] - reward[None, :]).square() * distances / 4) @ q  # E‖h‖²
    one, two = (projection.item() - squared_norm) / 4, pair.item() - squared_norm
    return mean, (4 * (group_size - 2) * one + 2 * two) / (group_size * (group_size - 1))


def _trainable(model: PreTrainedModel) -> tuple[list[str], list[torch.nn.Parameter]]:
    named = [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]
    return [name for name, _ in named], [parameter for _, parameter in named]
