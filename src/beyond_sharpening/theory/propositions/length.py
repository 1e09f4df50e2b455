"""Proposition 4: what sharpening does to length."""

from __future__ import annotations

import math

import pandas as pd
import torch

from beyond_sharpening.exact.completions import Completions, enumerate_completions
from beyond_sharpening.exact.distributions import covariance, expectation, tempered
from beyond_sharpening.exact.policy import markov_log_probabilities
from beyond_sharpening.objectives import Objective
from beyond_sharpening.theory.propositions.check import Check, Row, claim
from beyond_sharpening.theory.propositions.task import EOS

STEP = 1e-4
VOCABULARY, STOP = 50, 0.05  # the worked example: 50 equally likely tokens, stop probability 0.05


def check_length(seed: int) -> Check:
    """The tempered target exists iff ρ(α) < 1 and is geometric; its mode is empty; a cap and `mean` change that."""
    generator = torch.Generator().manual_seed(seed)
    stop = 0.3 + 0.2 * torch.rand((), generator=generator, dtype=torch.float64).item()
    tokens = torch.rand(2, generator=generator, dtype=torch.float64) + 0.5
    example_rows, uncapped, capped = _example()
    return Check(
        4,
        "Length",
        "Without a cap, with stop probability e and token distribution v, the tempered target exists iff "
        "ρ(α) = (1 − e)^α·Σv^α < 1; its length is geometric with mean ρ/(1 − ρ), dE[L]/dα = Cov(L, log p), and its "
        "mode is the empty completion. A cap, fixed-length generation and mean normalisation change all of this.",
        pd.DataFrame(example_rows + _enumerated(stop, tokens / tokens.sum()) + _other_biases()),
        {"Mean length against α without a cap": uncapped, "Mean length against the cap": capped},
    )


def ratio(alpha: float, stop: float, tokens: torch.Tensor) -> float:
    """ρ(α) = (1 − e)^α·Σ v_i^α, the factor by which each further token changes the tempered mass."""
    return (1 - stop) ** alpha * tokens.pow(alpha).sum().item()


def critical_alpha(stop: float, tokens: torch.Tensor) -> float:
    """α* with ρ(α*) = 1: no tempered target exists at or below it; in (0, 1] for e > 0."""
    from scipy.optimize import brentq

    return float(brentq(lambda alpha: ratio(alpha, stop, tokens) - 1, 0.0, 1.0, xtol=1e-14))


def mean_length(alpha: float, cap: int, length_power: float = 0.0, anchor: float = 1.0) -> float:
    """Mean number of tokens before EOS in the example's optimum of (0, α, 1), capped at ``cap`` tokens, EOS included.

    Of α·log p the share ``anchor`` stays a sum, and the rest is divided by length^w, w = ``length_power``. All
    completions of one length are equally likely, so the V^L of them enter as one.
    """
    content = torch.arange(cap + 1, dtype=torch.float64)  # the last entry has no EOS
    finished = (content < cap).double()
    log_p = content * math.log((1 - STOP) / VOCABULARY) + finished * math.log(STOP)
    n_tokens = content + finished
    normalised = (alpha - anchor) * log_p / n_tokens**length_power
    weights = normalised + anchor * log_p + content * math.log(VOCABULARY)
    return expectation(weights.log_softmax(dim=0), content).item()


def _example() -> tuple[list[Row], pd.DataFrame, pd.DataFrame]:
    tokens = torch.full((VOCABULARY,), 1 / VOCABULARY, dtype=torch.float64)
    alphas = (1.0, 1.25, 2.0)
    means = [ratio(alpha, STOP, tokens) / (1 - ratio(alpha, STOP, tokens)) for alpha in alphas]
    rows = [
        claim(f"mean length at α = {alpha:g} (V = 50, e = 0.05)", mean, "=", expected, 5e-4)
        for alpha, mean, expected in zip(alphas, means, (19, 0.545, 0.018), strict=True)
    ]
    closed = math.log(VOCABULARY) / (math.log(VOCABULARY) - math.log(1 - STOP))
    rows.append(claim("α* = log V / (log V − log(1 − e))", critical_alpha(STOP, tokens), "=", closed))
    rows += [
        claim(f"below α*, α = 0.8: mean length under a cap of {cap}", mean_length(0.8, cap), "≥", cap - 1.5)
        for cap in (10, 100, 1000)
    ]
    rows += _normalised()
    grid = torch.linspace(critical_alpha(STOP, tokens) + 0.005, 2.5, 100, dtype=torch.float64).tolist()
    factors = [ratio(alpha, STOP, tokens) for alpha in grid]
    uncapped = pd.DataFrame({"α": grid, "mean length": [factor / (1 - factor) for factor in factors]})
    lines = {
        "α = 0.8": (0.8, 0, 1),
        "α = 1": (1, 0, 1),
        "α = 1.25": (1.25, 0, 1),
        "α = 2": (2, 0, 1),
        "α = 2, mean": (2, 1, 1),
        "α = 2, mean, no anchor": (2, 1, 0),
    }
    capped = [
        {"cap": cap, "mean length": mean_length(alpha, cap, power, anchor), "target": name}
        for name, (alpha, power, anchor) in lines.items()
        for cap in (2, 4, 8, 16, 32, 64, 128, 256)
    ]
    return rows, uncapped, pd.DataFrame(capped)


def _normalised() -> list[Row]:
    """The mean in place of the sum, for what sharpens: q/p stays within a factor of 1, and lengths with it."""
    alpha, lowest = 2.0, math.log((1 - STOP) / VOCABULARY)
    mean, base = mean_length(alpha, 1000, length_power=1), (1 - STOP) / STOP
    most = math.exp((alpha - 1) * (math.log(STOP) - lowest))  # the mean log p lies between these two
    return [
        claim(
            "normalised, α = 2: no cap matters, mean length under 500 over that under 1000",
            mean_length(alpha, 500, length_power=1) / mean,
            "=",
            1,
            1e-6,
        ),
        claim(
            "the same: the base's mean length over it, at most the range of exp((α − 1)·mean log p)",
            base / mean,
            "≤",
            most,
        ),
        claim("the same at α = 1: the base's mean length", mean_length(1, 1000, length_power=1), "=", base, 1e-6),
        claim(
            "α·mean log p without an anchor, α = 2: mean length under a cap of 1000",
            mean_length(alpha, 1000, length_power=1, anchor=0),
            "≥",
            998,
        ),
    ]


def _enumerated(stop: float, tokens: torch.Tensor) -> list[Row]:
    """The closed forms against an enumeration with a cap so late that next to nothing reaches it."""
    completions = enumerate_completions(3, [EOS], 16)
    log_p = _independent(completions, stop, tokens)
    content = (completions.lengths - completions.finished.int()).double()
    alpha, factor = 2.0, ratio(2.0, stop, tokens)
    log_q = tempered(log_p, alpha)
    ahead, behind = tempered(log_p, alpha + STEP), tempered(log_p, alpha - STEP)
    slope = (expectation(ahead, content) - expectation(behind, content)).item() / (2 * STEP)
    empty = log_q[completions.lengths == 1].max() - log_q.max()
    return [
        claim("mean length at α = 2, enumerated", expectation(log_q, content).item(), "=", factor / (1 - factor), 1e-6),
        claim("dE[L]/dα against Cov(L, log p)", slope, "=", covariance(log_q, content, log_p).item(), 1e-6),
        claim("log-probability of the empty completion below the mode", empty.item(), "=", 0),
    ]


def _other_biases() -> list[Row]:
    """What a cap, fixed-length generation and mean normalisation do instead, by enumeration."""
    capped = enumerate_completions(3, [EOS], 4)
    log_p = _independent(capped, 0.05, torch.tensor([0.9, 0.1], dtype=torch.float64))
    fixed = enumerate_completions(2, [], 6)
    chain = torch.tensor([[0.95, 0.05], [0.4, 0.6]], dtype=torch.float64)
    log_fixed = markov_log_probabilities(fixed, torch.tensor([0.5, 0.5]), chain)
    run = (fixed.tokens == 0).all(dim=1)
    loop, mean_mode, sum_mode = _loop()
    return [
        claim("with a cap of 4 the mode may be a full one: its length", capped.lengths[log_p.argmax()], "=", 4),
        claim("fixed length: every completion has it, whatever α", fixed.lengths.min(), "=", fixed.max_length),
        claim("fixed length, α = 8: the mass of the most likely loop", tempered(log_fixed, 8.0)[run].exp(), "≥", 0.99),
        claim("a loop that stops with probability 0.1, argmax of the sum: its length", sum_mode, "=", 1),
        claim("the same, argmax of the mean: its length", mean_mode, "=", loop.max_length),
    ]


def _loop() -> tuple[Completions, int, int]:
    """A policy with one token that repeats itself: the lengths that sharpening prefers by mean and by sum."""
    completions = enumerate_completions(3, [EOS], 8)
    start = torch.tensor([0.4, 0.3, 0.3], dtype=torch.float64)
    chain = torch.tensor([[1.0, 0.0, 0.0], [0.1, 0.85, 0.05], [0.4, 0.3, 0.3]], dtype=torch.float64)
    log_p = markov_log_probabilities(completions, start, chain)
    by_mean = Objective.named("sharpening", normalisation="mean")
    best_mean = by_mean.optimum(torch.zeros(len(log_p)), log_p, completions.lengths).argmax()
    best_sum = tempered(log_p, math.inf).argmax()
    return completions, int(completions.lengths[best_mean]), int(completions.lengths[best_sum])


def _independent(completions: Completions, stop: float, tokens: torch.Tensor) -> torch.Tensor:
    """log p of independent tokens after a coin that stops with probability e."""
    return markov_log_probabilities(
        completions, torch.cat([torch.tensor([stop], dtype=torch.float64), (1 - stop) * tokens])
    )
