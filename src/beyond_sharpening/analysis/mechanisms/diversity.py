"""Entropy and number of answers, lengths by correctness, and whom a policy raised among the correct completions."""

from __future__ import annotations

import numpy as np

from beyond_sharpening.analysis.mechanisms.draws import Draws
from beyond_sharpening.analysis.mechanisms.groups import Array, centred, means, ratio_of_means, sums


def answer_entropy(draws: Draws) -> Array:
    """Entropy of the answers of each problem, (P,), nats, with little of the plug-in's bias of (answers − 1)/(2n).

    Chao, Wang and Jost, *Methods in Ecology and Evolution* 4 (2013), from how often each answer was given
    and how many were given once and twice. What could not be scored gave no answer and is left out. NaN where a problem
    has none.
    """
    from scipy.special import digamma, hyp2f1

    problem, count, total = _answer_counts(draws)
    n = np.maximum(total, 1)
    seen = sums(problem, count / n[problem] * (digamma(n[problem]) - digamma(count)), draws.n_problems)
    once, twice = (np.bincount(problem[count == k], minlength=draws.n_problems) for k in (1, 2))
    others = np.maximum(np.where(twice > 0, (n - 1) * once, (n - 1) * (once - 1)), 0)
    twofold = 2 * np.where(twice > 0, twice, 1)
    x = others / (others + twofold)  # 1 − A of the source
    unseen = once / n * x * hyp2f1(1, n, n + 1, x) / n
    return np.where(total > 0, seen + unseen, np.nan)


def distinct_answers(draws: Draws, k: int) -> Array:
    """Expected number of different answers among k of a problem's samples, (P,), so that sides of any n compare.

    Rarefaction (Hurlbert, *Ecology* 52, 1971): the sum over answers of 1 − C(n − n_a, k) / C(n, k).
    """
    from beyond_sharpening.analysis.at_k import pass_at_k

    problem, count, total = _answer_counts(draws)
    if not len(count):
        return np.full(draws.n_problems, np.nan)
    n = draws.n_samples[problem]
    return np.where(total > 0, sums(problem, pass_at_k(n, count, k), draws.n_problems), np.nan)


def _answer_counts(draws: Draws) -> tuple[Array, Array, Array]:
    """Problem and count of each different answer (A,), and the answers of each problem in all (P,)."""
    answered = draws.where(draws.answer >= 0)
    width = int(draws.answer.max(initial=-1)) + 1
    classes, count = np.unique(answered.problem.astype(np.int64) * max(width, 1) + answered.answer, return_counts=True)
    problem = classes // max(width, 1)
    return problem, count, np.bincount(answered.problem, minlength=draws.n_problems)


def by_outcome(draws: Draws, values: Array, right: bool) -> tuple[Array, Array]:
    """Of each problem, (P,): the sum of values (N,) over its completions that are right, or wrong, and how many.

    The quotient of the sums is the mean over all such completions; NaN for a problem with an unknown value.
    """
    chosen = (draws.right == right).astype(float)
    return tuple(sums(draws.problem, part, draws.n_problems) for part in (values * chosen, chosen))  # type: ignore[return-value]


def token_entropy(draws: Draws) -> Array:
    """Mean entropy of a token's distribution, of each problem, (P,), nats."""
    return means(draws.problem, draws.token_entropy, draws.n_problems)


def rank_bias(draws: Draws) -> Array:
    """Pseudo-values (P,) of the rank bias among correct completions, in nats from the least to the most likely one.

    The slope, within problems, of log q − log p on log p's rank among the problem's correct completions, ranks scaled
    to run from 0 to 1: above 0 the likely were raised more (sharpening), below 0 the unlikely, 0 under a pure tilt. A
    slope, not a correlation, which numerical noise alone makes large where nothing changed. Source of the question:
    *Rewarding the Unlikely* (arXiv 2506.02355).
    """
    return ratio_of_means(*rank_parts(draws))


def rank_parts(draws: Draws) -> tuple[Array, Array]:
    """Of each problem, (P,): products of rank and rise, and of rank with itself; NaN for an unknown log-probability."""
    right = draws.where(draws.right)
    n_problems = draws.n_problems
    rank = centred(right.problem, _ranks(right.problem, right.log_p), n_problems)
    raised = centred(right.problem, right.log_q - right.log_p, n_problems)
    products, squares = (sums(right.problem, rank * other, n_problems) for other in (raised, rank))
    return products, np.where(np.isfinite(products), squares, np.nan)


def _ranks(groups: Array, values: Array) -> Array:
    """Midranks of the values within their group, divided by the group's size."""
    if not len(groups):
        return values
    rounded = np.round(values, 6)
    _, level = np.unique(rounded, return_inverse=True)
    keys, inverse, count = np.unique(
        groups.astype(np.int64) * (level.max() + 1) + level, return_inverse=True, return_counts=True
    )
    group_of_key = keys // (level.max() + 1)
    before = np.cumsum(count) - count
    start = np.concatenate([[0], np.cumsum(np.bincount(group_of_key))])[group_of_key]
    middle = before - start + (count + 1) / 2
    return (middle / np.bincount(group_of_key, weights=count)[group_of_key])[inverse]
