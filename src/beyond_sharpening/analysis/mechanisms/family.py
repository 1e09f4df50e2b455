"""Where a policy lies in the family q ∝ p^α · e^{βR}: (α, β) three ways that should agree, and β from labels alone.

Notation: p base, q policy, R ∈ {0, 1} correctness; rows are completions, each problem has an intercept of its own
(its normaliser). Sources: proposition 8 of ``docs/theory.md``; the density ratio by classification is Qin,
*Biometrika* 85 (1998); Mantel and Haenszel, *JNCI* 22 (1959); Tarone, *Biometrika* 72 (1985).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from typing import NamedTuple

import numpy as np

from beyond_sharpening.analysis.mechanisms.draws import Pair, Tried
from beyond_sharpening.analysis.mechanisms.groups import (
    Array,
    centred,
    means,
    quotient,
    ratio_of_means,
    solved_scores,
    sums,
)

CERTAIN = 0.01
"""A row is told apart with certainty where the classifier gives the other side less than this."""

MAX_STEPS = 40


def own_regression(pair: Pair) -> tuple[Array, Array]:
    """Pseudo-values (P,) of α and of β: log q on (log p, R) within problems, on the policy's own samples.

    Least squares, errors clustered by problem. Exact inside the family; biased outside it, as the samples are q's.
    """
    return slopes(own_moments(pair))


def mixture_regression(pair: Pair) -> tuple[Array, Array]:
    """The same on the policy's samples and the base's together; needs the base's completions scored under q."""
    return slopes(mixture_moments(pair))


def own_moments(pair: Pair) -> Array:
    """Of each problem, (P, 3, 3): products of log p, R and log q, centred within the problem, over the own samples."""
    draws = pair.policy
    return _moments(draws.problem, draws.n_problems, draws.log_p, draws.right, draws.log_q)


def mixture_moments(pair: Pair) -> Array:
    """The same over the policy's samples and the base's together."""
    problem, *columns = (
        np.concatenate([getattr(side, name) for side in pair]) for name in ("problem", "log_p", "right", "log_q")
    )
    return _moments(problem, pair.policy.n_problems, *columns)


def _moments(problem: Array, n_problems: int, *columns: Array) -> Array:
    inside = [centred(problem, column.astype(float), n_problems) for column in columns]
    return np.stack([[sums(problem, a * b, n_problems) for a in inside] for b in inside]).transpose(2, 0, 1)


def slopes(moments: Array) -> tuple[Array, Array]:
    """Pseudo-values (P,) of the two slopes, from moments (P, 3, 3); NaN where a log-probability is not known."""
    n_problems = len(moments)
    absent = np.full(n_problems, np.nan)
    if not np.isfinite(moments).all():
        return absent, absent
    if not moments[:, 1, 1].any():  # R is the same throughout each problem: β cannot be seen, α can
        return _solve(moments[:, [0, 2]][:, :, [0, 2]])[:, 0], absent
    both = _solve(moments)
    return both[:, 0], both[:, 1]


def _solve(moments: Array) -> Array:
    """Pseudo-values (P, C) of least squares, the outcome being the last of the moments (P, C + 1, C + 1)."""
    products, targets = moments[:, :-1, :-1], moments[:, :-1, -1]
    information = products.sum(axis=0)
    if np.linalg.cond(information) > 1e12:
        return np.full(targets.shape, np.nan)
    estimate = np.linalg.solve(information, targets.sum(axis=0))
    return solved_scores(information, targets - products @ estimate, estimate)


def density_ratio(pair: Pair) -> tuple[Array, Array, float]:
    """Pseudo-values (P,) of α and of β, and the share of rows that are told apart with certainty.

    Logistic regression of "is this row the policy's?" on (log p, R) with an intercept a problem: the log odds of a
    completion are log q − log p + constant, so that the slopes are α − 1 and β. It needs no log q. The intercepts are
    profiled out (Newton's method, all problems at once), which makes the slopes of n rows a problem n/(n − 1) times too
    large, to first order (for pairs twice: Andersen, *Journal of the Royal Statistical Society B* 32, 1970); that is
    taken off.
    To be trusted while few rows are told apart with certainty: past that the classes hardly overlap.
    """
    return classified_slopes([Classified.of(pair)])


class Classified(NamedTuple):
    """The rows of a policy and its base on some problems: the problem's number, whose row it is, and what tells it.

    ``problem`` and ``outcome`` are (N,), 1 for the policy's; ``design`` (N, 2) is log p and R, centred within problems.
    """

    problem: Array
    n_problems: int
    outcome: Array
    design: Array

    @classmethod
    def of(cls, pair: Pair) -> Classified:
        names = ("problem", "log_p", "right")
        problem, *columns = (np.concatenate([getattr(side, name) for side in pair]) for name in names)
        outcome = np.repeat([True, False], [len(pair.policy.problem), len(pair.base.problem)])
        n_problems = pair.policy.n_problems
        design = np.stack([centred(problem, column.astype(float), n_problems) for column in columns], axis=1)
        return cls(problem.astype(np.int32), n_problems, outcome, design)


def classified_slopes(blocks: Sequence[Classified]) -> tuple[Array, Array, float]:
    """``density_ratio`` of the problems of all blocks; their designs, which are all the rows, are scaled in place."""
    n_problems, n_rows = (sum(sizes) for sizes in zip(*((b.n_problems, len(b.problem)) for b in blocks), strict=True))
    values, certain = np.full((n_problems, 2), np.nan), np.nan
    scale = np.sqrt(sum((block.design**2).sum(axis=0) for block in blocks) / n_rows)  # NaN where log p is not known
    varies = scale > 1e-12
    if np.isfinite(scale).all() and varies.any():
        for block in blocks:
            np.divide(block.design, scale, out=block.design, where=varies)
        some = [block if varies.all() else block._replace(design=block.design[:, varies]) for block in blocks]
        fitted, certain = _logistic(some)
        values[:, varies] = fitted / scale[varies] * (1 - n_problems / n_rows)
    return values[:, 0] + 1, values[:, 1], certain


def _logistic(blocks: Sequence[Classified]) -> tuple[Array, float]:
    """Pseudo-values (P, C) of the slopes of a logistic regression with an intercept a problem, and the certain share.

    Newton on slopes θ and intercepts a together; the block of the intercepts is diagonal, so its Schur complement is
    all that is solved. Steps are halved until the log-likelihood rises; a ridge of 1e-6 keeps the slopes finite where
    the classes are separated.
    """
    ends = np.cumsum([block.n_problems for block in blocks])[:-1]
    theta, intercepts = np.zeros(blocks[0].design.shape[1]), np.concatenate([_log_odds(block) for block in blocks])
    ridge = 1e-6 * sum(len(block.problem) for block in blocks)

    def height(theta: Array, intercepts: Array) -> float:
        likelihood = sum(map(_log_likelihood, blocks, repeat(theta), np.split(intercepts, ends)))
        return likelihood - ridge / 2 * float(theta @ theta)

    for _ in range(MAX_STEPS):
        steps = [*map(_newton, blocks, repeat(theta), np.split(intercepts, ends))]
        information = sum(step.information for step in steps) + ridge * np.eye(len(theta))
        names = ("scores", "cross", "weight", "residuals")
        scores, cross, weight, residuals = (np.concatenate([getattr(one, name) for one in steps]) for name in names)
        step = np.linalg.solve(information, scores.sum(axis=0) - ridge * theta)
        if np.abs(step).max() < 1e-8:
            break
        step_back = (residuals - cross @ step) / np.maximum(weight, 1e-12)
        size, least = 1.0, height(theta, intercepts) - 1e-9
        while size > 1e-4 and height(theta + size * step, intercepts + size * step_back) < least:
            size /= 2
        theta, intercepts = theta + size * step, intercepts + size * step_back
    certain = sum(step.certain for step in steps) / sum(len(block.problem) for block in blocks)
    return solved_scores(information, scores, theta), certain


class _Newton(NamedTuple):
    """What a step needs of a block: its part of the information (C, C); of its problems the scores and the products
    with their intercepts, (P, C), the curvature in their intercepts and their residuals, (P,); how many rows are told
    apart with certainty."""

    information: Array
    scores: Array
    cross: Array
    weight: Array
    residuals: Array
    certain: int


def _newton(block: Classified, theta: Array, intercepts: Array) -> _Newton:
    from scipy.special import expit

    problem, n_problems, outcome, design = block
    chance = expit(design @ theta + intercepts[problem])
    spread, residual = chance * (1 - chance), outcome - chance
    weight, residuals = sums(problem, spread, n_problems), sums(problem, residual, n_problems)
    cross = np.stack([sums(problem, spread * column, n_problems) for column in design.T], axis=1)
    centre = cross / np.maximum(weight, 1e-12)[:, None]
    information = (design * spread[:, None]).T @ design - centre.T @ cross
    scores = np.stack([sums(problem, residual * column, n_problems) for column in design.T], axis=1)
    scores -= centre * residuals[:, None]
    certain = int(((chance < CERTAIN) | (chance > 1 - CERTAIN)).sum())
    return _Newton(information, scores, cross, weight, residuals, certain)


def _log_likelihood(block: Classified, theta: Array, intercepts: Array) -> float:
    log_odds = block.design @ theta + intercepts[block.problem]
    return float((block.outcome * log_odds - np.logaddexp(0, log_odds)).sum())


def _log_odds(block: Classified) -> Array:
    share = np.clip(means(block.problem, block.outcome, block.n_problems), 1e-9, 1 - 1e-9)
    return np.log(share / (1 - share))


def within_outcome_shift(pair: Pair) -> Array:
    """Pseudo-values (P,) of E_q[log p | R] − E_p[log p | R], averaged over the (problem, outcome) that both saw.

    Zero under any tilt, positive if sharper; unmoved by zero-mean noise. Strata weigh n_q·n_p / (n_q + n_p), as in
    Mantel and Haenszel's mean difference.
    """
    return ratio_of_means(*shift_parts(pair))


def shift_parts(pair: Pair) -> tuple[Array, Array]:
    """Of each problem, (P,): the shift of its strata by their weights, and these; NaN where log p is not known."""
    n_problems = pair.policy.n_problems
    counts, averages = [], []
    for side in pair:
        stratum = 2 * side.problem + side.right
        counts.append(np.bincount(stratum, minlength=2 * n_problems))
        averages.append(means(stratum, side.log_p, 2 * n_problems))
    both = (counts[0] > 0) & (counts[1] > 0)
    weight = np.where(both, quotient(counts[0] * counts[1], counts[0] + counts[1]), 0.0)
    shift = np.where(both, averages[0] - averages[1], 0.0)
    known = [np.where(np.isfinite(sums(side.problem, side.log_p, n_problems)), 1.0, np.nan) for side in pair]
    moved, weights = ((weight * values).reshape(-1, 2).sum(axis=1) for values in (shift, np.ones(2 * n_problems)))
    return moved, weights * known[0] * known[1]


def label_log_odds(pair: tuple[Tried, Tried]) -> Array:
    """Pseudo-values (P,) of Mantel and Haenszel's log odds ratio: β under a pure tilt, from labels alone."""
    (n_q, c_q), (n_p, c_p) = ((side.n_samples, side.n_right) for side in pair)
    total = n_q + n_p
    gained, lost = c_q * (n_p - c_p) / total, (n_q - c_q) * c_p / total
    if not (gained.any() and lost.any()):
        return np.full(len(total), np.nan)
    return np.log(gained.mean() / lost.mean()) + gained / gained.mean() - lost / lost.mean()


def one_odds_ratio(pairs: Sequence[tuple[Tried, Tried]]) -> float:
    """p-value of Tarone's test that the log odds rose by the same on every problem, all seeds together.

    NaN where fewer than two problems have both outcomes.
    """
    from statsmodels.stats.contingency_tables import StratifiedTable

    n_q, c_q = (sum(getattr(own, name) for own, _ in pairs) for name in ("n_samples", "n_right"))
    n_p, c_p = pairs[0][1].n_samples, pairs[0][1].n_right
    mixed = (c_q + c_p > 0) & (c_q + c_p < n_q + n_p)
    if mixed.sum() < 2:
        return np.nan
    tables = np.array([[c_q, n_q - c_q], [c_p, n_p - c_p]], dtype=float)[:, :, mixed]
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(StratifiedTable(tables).test_equal_odds(adjust=True).pvalue)
