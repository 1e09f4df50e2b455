"""The loss: REINFORCE, with weights for what was drawn from something else than the policy in training.

With advantages A, and log-probabilities of S tokens of B completions under the policy π_θ and the sampler μ,

    sequences   −(1/B) Σ_y w(y)·A(y)·log π_θ(y)                    w(y) = min(π_θ(y)/μ(y), 20)
    tokens      −(1/S) Σ_y Σ_t w(y_t)·A(y)·log π_θ(y_t|y_<t)       w(y_t) = min(π_θ(y_t|…)/μ(y_t|…), 20)

with S and B those of all completions of a step, and w detached. Where sampler and policy are the same, the gradient of
the second is that of the first over the mean length of the step's completions: the same direction, in the paper's
scale. Where they differ, the first is unbiased up to its truncation (Ionides 2008, *Truncated importance sampling*),
but weights of whole completions shrink or explode with length; the second corrects each token as if all before it and
after it were the policy's own: a bias that is bounded, in place of a variance that is not.
"""

from __future__ import annotations

from typing import Literal

import torch

from beyond_sharpening.decoding.packing import sums_of

Level = Literal["tokens", "sequences"]

IMPORTANCE_CAP = 20.0
"""The paper's."""


def policy_loss(
    level: Level,
    logp: torch.Tensor,
    logp_sampler: torch.Tensor,
    lengths: torch.Tensor,
    advantages: torch.Tensor,
    count: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The loss of a batch, and its importance weights: one a token, (S,), or one a completion, (B,).

    Args:
        level: what is weighted and averaged.
        logp: log π_θ of each token, (S,), one completion after the other; it carries the gradient.
        logp_sampler: the same under what drew them, (S,).
        lengths: tokens of each completion, (B,).
        advantages: of each completion, (B,).
        count: what the sum is divided by: tokens or completions of a batch, on average over those of a step.
    """
    if level == "sequences":
        logp, logp_sampler = sums_of(logp, lengths), sums_of(logp_sampler, lengths)
    else:
        advantages = advantages.repeat_interleave(lengths)
    weights = (logp.detach() - logp_sampler).exp().clamp(max=IMPORTANCE_CAP)
    return -(weights * advantages * logp).sum() / count, weights


def moments(weights: torch.Tensor) -> torch.Tensor:
    """n, Σw and Σw² of n weights, (3,), which add up over batches."""
    return torch.stack([torch.ones_like(weights).sum(), weights.sum(), weights.square().sum()])


def effective_share(moments: torch.Tensor) -> torch.Tensor:
    """(Σw)²/(n·Σw²), the share of n samples that as many of equal weight would be worth (Kish 1965)."""
    count, total, squares = moments
    return total.square() / (count * squares)
