"""Proposition 10: token temperature is not sequence power."""

from __future__ import annotations

import pandas as pd
import torch

from beyond_sharpening.exact.completions import enumerate_completions
from beyond_sharpening.exact.distributions import tempered, total_variation
from beyond_sharpening.exact.policy import markov_log_probabilities
from beyond_sharpening.theory.propositions.check import Check, Row, claim
from beyond_sharpening.theory.propositions.task import Task, random_task


def check_temperature(seed: int) -> Check:
    """Sampling each token at temperature 1/α is p^α only where prefixes do not differ in the entropy to come."""
    task = random_task(seed)
    points = []
    for alpha in (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0):
        token = task.log_probabilities(task.model, temperature=1 / alpha)
        apart = total_variation(token, tempered(task.log_p, alpha))
        points += [
            {"α": alpha, "total variation": value, "prompt": f"prompt {x + 1}"}
            for x, value in enumerate(apart.tolist())
        ]
    series = pd.DataFrame(points)
    at = series.groupby("α")["total variation"]
    return Check(
        10,
        "Token temperature is not sequence power",
        "p^α weighs a token by exp((1 − α)·H_α) of the future behind it, H_α the Rényi entropy of order α; temperature "
        "1/α at every token does not look ahead. They agree exactly where sibling futures agree in H_α.",
        pd.DataFrame(
            [
                claim("total variation at α = 1, worst prompt", at.max()[1.0], "=", 0),
                claim("total variation at α = 2, every prompt", at.min()[2.0], "≠", 0, 1e-3),
                *_lookahead(task),
                *_worked_example(),
                *_equal_futures(seed),
            ]
        ),
        {"Total variation between token temperature 1/α and p^α": series},
    )


def _lookahead(task: Task, alpha: float = 2.0) -> list[Row]:
    """The first token of p^α is that of token temperature, reweighted by exp((1 − α)·H_α(future))."""
    first = task.completions.tokens[:, 0].long()
    n_tokens, log_p = task.completions.vocabulary, task.log_p

    def by_first(log_q: torch.Tensor) -> torch.Tensor:
        return torch.zeros(len(log_q), n_tokens, dtype=log_q.dtype).index_add(1, first, log_q.exp())

    chance = by_first(log_p)
    futures = torch.zeros_like(chance).index_add(1, first, (alpha * (log_p - chance.log()[:, first])).exp())
    token = by_first(task.log_probabilities(task.model, temperature=1 / alpha)) * futures
    error = (token / token.sum(dim=1, keepdim=True) - by_first(tempered(log_p, alpha))).abs().max()
    return [claim("first token: p^α − temperature reweighted by exp((1 − α)·H_α), worst", error, "=", 0)]


def _worked_example() -> list[Row]:
    """Token 1 (0.6) leads to ten equal futures, token 2 (0.4) to a single one; α = 2."""
    completions = enumerate_completions(13, [], 2)
    start = torch.zeros(13, dtype=torch.float64)
    start[1], start[2] = 0.6, 0.4
    chain = torch.eye(13, dtype=torch.float64)
    chain[1] = torch.tensor([0.0] * 3 + [0.1] * 10, dtype=torch.float64)
    log_p = markov_log_probabilities(completions, start, chain)
    token = markov_log_probabilities(completions, start**2 / (start**2).sum(), chain)  # each row's power is itself
    is_first = completions.tokens[:, 0] == 1
    return [
        claim("worked example: the likelier token under temperature ½", token[is_first].exp().sum(), "=", 0.36 / 0.52),
        claim("the same under p²", tempered(log_p, 2.0)[is_first].exp().sum(), "=", 0.036 / 0.196),
    ]


def _equal_futures(seed: int) -> list[Row]:
    """Independent tokens at a fixed length: every future is the same, and so are the two distributions."""
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.rand(3, generator=generator, dtype=torch.float64)
    tokens, sharp = tokens / tokens.sum(), tokens**4 / (tokens**4).sum()
    completions = enumerate_completions(3, [], 6)
    power = tempered(markov_log_probabilities(completions, tokens), 4.0)
    apart = total_variation(markov_log_probabilities(completions, sharp), power)
    return [claim("equal futures, α = 4: total variation", apart, "=", 0)]
