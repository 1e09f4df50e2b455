"""Proposition 9: how much of a gradient is noise, against the length of completions and the scale of the reward."""

from __future__ import annotations

import pandas as pd
import torch

from beyond_sharpening.exact.completions import enumerate_completions
from beyond_sharpening.exact.distributions import covariance, expectation
from beyond_sharpening.exact.gradient import rloo_moments, scores
from beyond_sharpening.exact.policy import log_probabilities, markov_log_probabilities, random_policy
from beyond_sharpening.objectives import Objective
from beyond_sharpening.theory.propositions.check import Check, Row, claim

LENGTHS = range(1, 8)
GROUP_SIZE = 8
MODELS = 4
PROMPT = [1]
OBJECTIVES = {
    "task reward": Objective.named("task_reward"),
    "sharpening, α = 2": Objective.named("sharpening", alpha=2),
    "tempered, α = 2": Objective.named("tempered", alpha=2),
    "tilted, α = 2, β = 100": Objective.named("tilted", alpha=2, beta=100),
}


def check_noise(seed: int) -> Check:
    """Σ log p spreads with length while R does not; a reward scale leaves signal-to-noise and moves the clip."""
    samples = [row for index in range(MODELS) for length in LENGTHS for row in _moments(seed + index, length)]
    moments = pd.DataFrame(samples).groupby(["length", "objective"], sort=False, as_index=False).mean()
    deviation = moments.pivot_table(index="length", columns="objective", values="reward's deviation")
    growth = deviation.iloc[-1] / deviation.iloc[0]
    scale_rows, scales = _scales(seed)
    return Check(
        9,
        "Noise",
        "Σ log p has a standard deviation that grows with length while that of R is at most ½, so unscaled advantages "
        "under one gradient clip mix objective and step size: a reward scale leaves the gradient's signal-to-noise "
        "ratio as it is, but decides what is clipped, and a clipped estimator no longer points along ∇J.",
        pd.DataFrame(
            [
                claim("the largest deviation of R over lengths", deviation["task reward"].max(), "≤", 0.5),
                claim("deviation of α·Σ log p at 7 tokens over that at 1", growth["sharpening, α = 2"], "≥", 1.5),
                *_square_root_law(),
                *scale_rows,
            ]
        ),
        {
            "Standard deviation of the reward against length": moments[["length", "reward's deviation", "objective"]],
            f"Signal-to-noise of the gradient, groups of {GROUP_SIZE}": moments[["length", "SNR", "objective"]],
            "Share of gradients clipped at norm 1": scales,
        },
    )


def _moments(seed: int, length: int) -> list[dict[str, object]]:
    """Deviation of the reward and signal-to-noise of the RLOO gradient at π = p; R is an even sum of the tokens."""
    completions = enumerate_completions(2, [], length)
    model = random_policy(seed, 2, spread=0.3)
    log_p = log_probabilities(model, [PROMPT], completions)[0]
    score = scores(model, PROMPT, completions)
    correct = (completions.tokens.sum(dim=1) % 2 == 0).double()
    rows = []
    for name, objective in OBJECTIVES.items():
        reward = objective.reward(correct, log_p, log_p, completions.lengths)
        mean, variance = rloo_moments(log_p, reward, score, GROUP_SIZE)
        rows.append(
            {
                "length": length,
                "objective": name,
                "reward's deviation": covariance(log_p, reward, reward).sqrt().item(),
                "SNR": mean.norm().item() / variance**0.5,
            }
        )
    return rows


def _square_root_law() -> list[Row]:
    """Independent tokens: the deviation of Σ log p is √T times that of one token."""
    tokens = torch.tensor([0.6, 0.3, 0.1], dtype=torch.float64)
    deviations = {}
    for length in (1, 4, 9):
        log_p = markov_log_probabilities(enumerate_completions(3, [], length), tokens)
        deviations[length] = covariance(log_p, log_p, log_p).sqrt().item()
    return [
        claim(
            f"independent tokens: deviation at {length} tokens over that at 1", value / deviations[1], "=", length**0.5
        )
        for length, value in deviations.items()
    ]


def _scales(seed: int) -> tuple[list[Row], pd.DataFrame]:
    """Single-sample gradients (r − E r)·∇log π at the longest length, with the reward times a scale."""
    completions = enumerate_completions(2, [], LENGTHS[-1])
    model = random_policy(seed, 2, spread=0.3)
    log_p = log_probabilities(model, [PROMPT], completions)[0]
    score, q = scores(model, PROMPT, completions), log_p.exp()
    correct = (completions.tokens.sum(dim=1) % 2 == 0).double()
    points, ratios, cosines = [], [], []
    for name, objective in OBJECTIVES.items():
        plain = objective.reward(correct, log_p, log_p, completions.lengths)
        for scale in (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0):
            mean, variance = rloo_moments(log_p, scale * plain, score, GROUP_SIZE)
            gradients = scale * (plain - expectation(log_p, plain))[:, None] * score
            norms = gradients.norm(dim=1)
            clipped = q @ (gradients / norms.clamp(min=1)[:, None])
            ratios.append({"objective": name, "SNR": mean.norm().item() / variance**0.5})
            cosines.append({"scale": scale, "cosine": torch.cosine_similarity(clipped, mean, dim=0).item()})
            points.append({"scale": scale, "share clipped": (q @ (norms > 1).double()).item(), "objective": name})
    snr, shares = pd.DataFrame(ratios).groupby("objective")["SNR"], pd.DataFrame(points)
    cosine = pd.DataFrame(cosines).groupby("scale")["cosine"]
    return [
        claim("SNR at any scale over SNR at any other, worst objective", (snr.max() / snr.min()).max(), "=", 1),
        claim(
            "share clipped never falls with the scale",
            shares.groupby("objective")["share clipped"].diff().min(),
            "≥",
            0,
        ),
        claim("cosine of the mean gradient with ∇J, nothing clipped", cosine.min()[1e-4], "=", 1),
        claim("the same with everything clipped, worst objective", cosine.min()[100.0], "≠", 1, 1e-3),
    ], shares
