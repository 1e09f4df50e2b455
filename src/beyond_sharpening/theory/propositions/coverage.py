"""Propositions 6 and 7: the price of accuracy in KL, and crossings of pass@k."""

from __future__ import annotations

import pandas as pd
import torch

from beyond_sharpening.exact.distributions import accuracy, kl_divergence, tempered, tilted
from beyond_sharpening.exact.policy import random_policy
from beyond_sharpening.theory.propositions.check import Check, claim
from beyond_sharpening.theory.propositions.task import Task, random_task

N_RANDOM = 200
POWERS_OF_TWO = [2**power for power in range(11)]


def binary_kl(q: torch.Tensor, p: torch.Tensor) -> torch.Tensor:
    """kl(q‖p) between two coins, in nats."""
    return torch.special.xlogy(q, q / p) + torch.special.xlogy(1 - q, (1 - q) / (1 - p))


def efficiency(log_q: torch.Tensor, log_p: torch.Tensor, correct: torch.Tensor) -> torch.Tensor:
    """η = kl(A_q‖A_p) / KL(q‖p): the share of the change that served accuracy, in [0, 1]; NaN at q = p."""
    return binary_kl(accuracy(log_q, correct), accuracy(log_p, correct)) / kl_divergence(log_q, log_p)


def pass_at_k(solve_rate: torch.Tensor, k: int) -> torch.Tensor:
    """Mean over prompts (last dimension) of 1 − (1 − A)^k: exact, from exact solve rates."""
    return (1 - (1 - solve_rate) ** k).mean(dim=-1)


def check_price(seed: int) -> Check:
    """KL(q‖p) ≥ kl(A_q‖A_0), with equality iff q is a pure tilt."""
    task = random_task(seed)
    families = _policies(task, seed)
    frames, slack = [], {}
    for name, log_q in families.items():
        price = kl_divergence(log_q, task.log_p)
        bound = binary_kl(accuracy(log_q, task.correct), accuracy(task.log_p, task.correct))
        slack[name] = price - bound
        eta = efficiency(log_q, task.log_p, task.correct)
        frames.append(pd.DataFrame({"KL(q‖p)": price.flatten(), "η": eta.flatten(), "policy": name}))
    table = pd.concat(frames, ignore_index=True)
    others = torch.cat([value for name, value in slack.items() if name != "tilt"])
    return Check(
        6,
        "Price in KL",
        "KL(q‖p) ≥ kl(A_q‖A_0), the binary divergence of the accuracies, with equality iff q is a pure tilt of p. "
        "Efficiency η = kl(A_q‖A_0)/KL(q‖p) is therefore in [0, 1].",
        pd.DataFrame(
            [
                claim("KL − kl under pure tilt, the worst prompt and β", slack["tilt"].abs().max(), "=", 0),
                claim("KL − kl, the least over every other policy", others.min(), "≥", 0, 0),
                claim("that least is not 0: only tilts are free", others.min(), "≠", 0, 1e-9),
                claim("the largest η", table["η"].max(), "≤", 1),
                claim("the smallest η", table["η"].min(), "≥", 0),
            ]
        ),
        {"Efficiency against KL from the reference": table},
    )


def _policies(task: Task, seed: int) -> dict[str, torch.Tensor]:
    """log q of several families, each (policies, X, Y)."""
    generator = torch.Generator().manual_seed(seed)
    size = torch.rand(N_RANDOM, 1, 1, generator=generator, dtype=torch.float64) * 3
    noise = torch.randn(N_RANDOM, *task.log_p.shape, generator=generator, dtype=torch.float64)
    models = [random_policy(seed + 1 + i, task.completions.vocabulary, spread=0.3) for i in range(5)]
    grid = [0.25, 0.5, 0.8, 1.25, 2.0, 4.0, 8.0]
    return {
        "tilt": torch.stack([tilted(task.log_p, task.correct, 1.0, beta) for beta in (0.25, 0.5, 1, 2, 4, 8)]),
        "tempered": torch.stack([tempered(task.log_p, alpha) for alpha in grid]),
        "tilted, β = 2": torch.stack([tilted(task.log_p, task.correct, alpha, 2.0) for alpha in grid]),
        "random reweighting": (task.log_p + size * noise).log_softmax(dim=-1),
        "another model": torch.stack([task.log_probabilities(model) for model in models]),
    }


def check_crossover(seed: int) -> Check:
    """A tilt lowers no prompt's solve rate, so no pass@k; a crossing proves that some prompt lost mass."""
    task = random_task(seed, n_prompts=9)
    base = accuracy(task.log_p, task.correct)
    tilts = torch.stack([accuracy(tilted(task.log_p, task.correct, 1.0, beta), task.correct) for beta in (0, 1, 2, 5)])
    sharpened = torch.stack([accuracy(tempered(task.log_p, alpha), task.correct) for alpha in (0.5, 1.25, 2, 4, 8)])
    everything = torch.cat([accuracy(log_q, task.correct) for log_q in _policies(task, seed).values()])
    gains = torch.stack([pass_at_k(everything, k) - pass_at_k(base, k) for k in POWERS_OF_TWO])
    crossed = (gains > 1e-9).any(dim=0) & (gains < -1e-9).any(dim=0)
    lost = (everything < base - 1e-12).any(dim=-1)
    tilt_gain = torch.stack([pass_at_k(tilts, k) - pass_at_k(base, k) for k in POWERS_OF_TWO])
    curves = {"base": base, "tilt, β = 2": tilts[2], "tempered, α = 2": sharpened[2], "tempered, α = 4": sharpened[3]}
    points = [
        {"k": k, "pass@k": pass_at_k(rate, k).item(), "policy": name}
        for name, rate in curves.items()
        for k in POWERS_OF_TWO
    ]
    return Check(
        7,
        "Crossover",
        "A pure tilt with β ≥ 0 lowers no prompt's solve rate, so its pass@k is at least the base's at every k. A "
        "crossing of pass@k curves proves that some prompt lost mass.",
        pd.DataFrame(
            [
                claim("the least gain of a prompt's solve rate under tilt", (tilts - base).min(), "≥", 0, 1e-12),
                claim("the least gain of pass@k under tilt, every k and β", tilt_gain.min(), "≥", 0, 1e-12),
                claim("policies whose pass@k crosses the base's", crossed.sum(), "≥", 1),
                claim("of these, policies under which no prompt lost mass", (crossed & ~lost).sum(), "=", 0),
            ]
        ),
        {"pass@k": pd.DataFrame(points)},
    )
