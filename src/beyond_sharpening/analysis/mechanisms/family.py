"""Where a policy lies in the family q ∝ p^α · e^{βR}: (α, β) three ways that should agree, and β from labels alone.

Notation: p base, q policy, R ∈ {0, 1} correctness; rows are completions, each problem has an intercept of its own
(its normaliser). Sources: proposition 8 of ``docs/theory.md``; the density ratio by classification is Qin,
*Biometrika* 85 (1998); Mantel and Haenszel, *JNCI* 22 (1959); Tarone, *Biometrika* 72 (1985).
"""

from __future__ import annotations

import numpy as np

from beyond_sharpening.analysis.mechanisms.draws import Draws, Pair
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
    return _least_squares(pair.policy)


def mixture_regression(pair: Pair) -> tuple[Array, Array]:
    """The same on the policy's samples and the base's together; needs the base's completions scored under q."""
    joined = {
        name: np.concatenate([getattr(pair.policy, name), getattr(pair.base, name)])
        for name in ("problem", "right", "log_p", "log_q")
    }
    return _fit(joined["problem"], pair.policy.n_problems, joined["right"], joined["log_p"], joined["log_q"])


def _least_squares(draws: Draws) -> tuple[Array, Array]:
    return _fit(draws.problem, draws.n_problems, draws.right, draws.log_p, draws.log_q)


def _fit(problem: Array, n_problems: int, right: Array, log_p: Array, log_q: Array) -> tuple[Array, Array]:
    if not np.isfinite(log_p + log_q).all():
        absent = np.full(n_problems, np.nan)
        return absent, absent
    design = np.stack([centred(problem, values, n_problems) for values in (log_p, right.astype(float))], axis=1)
    outcome = centred(problem, log_q, n_problems)
    if not design[:, 1].any():  # R is the same throughout each problem: β cannot be seen, α can
        alpha = _solve(problem, n_problems, design[:, :1], outcome)[:, 0]
        return alpha, np.full(n_problems, np.nan)
    both = _solve(problem, n_problems, design, outcome)
    return both[:, 0], both[:, 1]


def _solve(problem: Array, n_problems: int, design: Array, outcome: Array) -> Array:
    information = design.T @ design
    if np.linalg.cond(information) > 1e12:
        return np.full((n_problems, design.shape[1]), np.nan)
    estimate = np.linalg.solve(information, design.T @ outcome)
    residual = outcome - design @ estimate
    scores = np.stack([sums(problem, residual * column, n_problems) for column in design.T], axis=1)
    return solved_scores(information, scores, estimate)


def density_ratio(pair: Pair) -> tuple[Array, Array, float]:
    """Pseudo-values (P,) of α and of β, and the share of rows that are told apart with certainty.

    Logistic regression of "is this row the policy's?" on (log p, R) with an intercept a problem: the log odds of a
    completion are log q − log p + constant, so that the slopes are α − 1 and β. It needs no log q. The intercepts are
    profiled out (Newton's method, all problems at once), which makes the slopes of n rows a problem n/(n − 1) times too
    large, to first order (for pairs twice: Andersen, *Journal of the Royal Statistical Society B* 32, 1970); that is
    taken off.
    To be trusted while few rows are told apart with certainty: past that the classes hardly overlap.
    """
    problem = np.concatenate([pair.policy.problem, pair.base.problem])
    is_policy = np.repeat([1.0, 0.0], [len(pair.policy.problem), len(pair.base.problem)])
    columns = [np.concatenate([getattr(side, name) for side in pair]) for name in ("log_p", "right")]
    design, n_problems = np.stack(columns, axis=1).astype(float), pair.policy.n_problems
    if not np.isfinite(design).all():
        absent = np.full(n_problems, np.nan)
        return absent, absent, np.nan
    for column in range(2):
        design[:, column] = centred(problem, design[:, column], n_problems)
    scale = design.std(axis=0)
    varies = scale > 1e-12
    values, certain = np.full((n_problems, 2), np.nan), np.nan
    if varies.any():
        fitted, certain = _logistic(problem, n_problems, design[:, varies] / scale[varies], is_policy)
        values[:, varies] = fitted / scale[varies] * (1 - n_problems / len(problem))
    return values[:, 0] + 1, values[:, 1], certain


def _logistic(problem: Array, n_problems: int, design: Array, outcome: Array) -> tuple[Array, float]:
    """Pseudo-values (P, C) of the slopes of a logistic regression with an intercept a problem, and the certain share.

    Newton on slopes θ and intercepts a together; the block of the intercepts is diagonal, so its Schur complement is
    all that is solved. Steps are halved until the log-likelihood rises; a ridge of 1e-6 keeps the slopes finite where
    the classes are separated.
    """
    slopes, intercepts = np.zeros(design.shape[1]), _log_odds(problem, n_problems, outcome)
    ridge = 1e-6 * len(outcome)

    def height(slopes: Array, intercepts: Array) -> float:
        log_odds = design @ slopes + intercepts[problem]
        return float((outcome * log_odds - np.logaddexp(0, log_odds)).sum() - ridge / 2 * slopes @ slopes)

    for _ in range(MAX_STEPS):
        information, scores, weight, cross, residuals, chance = _newton(
            problem, n_problems, design, outcome, slopes, intercepts
        )
        information = information + ridge * np.eye(len(slopes))
        step = np.linalg.solve(information, scores.sum(axis=0) - ridge * slopes)
        if np.abs(step).max() < 1e-8:
            break
        step_back = (residuals - cross @ step) / np.maximum(weight, 1e-12)
        size, least = 1.0, height(slopes, intercepts) - 1e-9
        while size > 1e-4 and height(slopes + size * step, intercepts + size * step_back) < least:
            size /= 2
        slopes, intercepts = slopes + size * step, intercepts + size * step_back
    certain = (chance < CERTAIN) | (chance > 1 - CERTAIN)
    return solved_scores(information, scores, slopes), float(certain.mean())


def _newton(
    problem: Array, n_problems: int, design: Array, outcome: Array, slopes: Array, intercepts: Array
) -> tuple[Array, Array, Array, Array, Array, Array]:
    from scipy.special import expit

    chance = expit(design @ slopes + intercepts[problem])
    spread, residual = chance * (1 - chance), outcome - chance
    weight, residuals = sums(problem, spread, n_problems), sums(problem, residual, n_problems)
    cross = np.stack([sums(problem, spread * column, n_problems) for column in design.T], axis=1)
    centre = cross / np.maximum(weight, 1e-12)[:, None]
    information = (design * spread[:, None]).T @ design - centre.T @ cross
    scores = np.stack([sums(problem, residual * column, n_problems) for column in design.T], axis=1)
    scores -= centre * residuals[:, None]
    return information, scores, weight, cross, residuals, chance


def _log_odds(problem: Array, n_problems: int, outcome: Array) -> Array:
    share = np.clip(means(problem, outcome, n_problems), 1e-9, 1 - 1e-9)
    return np.log(share / (1 - share))


def within_outcome_shift(pair: Pair) -> Array:
    """Pseudo-values (P,) of E_q[log p | R] − E_p[log p | R], averaged over the (problem, outcome) that both saw.

    Zero under any tilt, positive if sharper; unmoved by zero-mean noise. Strata weigh n_q·n_p / (n_q + n_p), as in
    Mantel and Haenszel's mean difference.
    """
    n_problems, absent = pair.policy.n_problems, np.full(pair.policy.n_problems, np.nan)
    if not np.isfinite(np.concatenate([pair.policy.log_p, pair.base.log_p])).all():
        return absent
    counts, averages = [], []
    for side in pair:
        stratum = 2 * side.problem + side.right
        counts.append(np.bincount(stratum, minlength=2 * n_problems))
        averages.append(means(stratum, side.log_p, 2 * n_problems))
    weight = quotient(counts[0] * counts[1], counts[0] + counts[1])
    both = (counts[0] > 0) & (counts[1] > 0)
    shift = np.where(both, averages[0] - averages[1], 0.0)
    weight = np.where(both, weight, 0.0)
    return ratio_of_means((weight * shift).reshape(-1, 2).sum(axis=1), weight.reshape(-1, 2).sum(axis=1))


def label_log_odds(pair: Pair) -> Array:
    """Pseudo-values (P,) of Mantel and Haenszel's log odds ratio: β under a pure tilt, from labels alone."""
    (n_q, c_q), (n_p, c_p) = ((side.n_samples, side.n_right) for side in pair)
    total = n_q + n_p
    gained, lost = c_q * (n_p - c_p) / total, (n_q - c_q) * c_p / total
    if not (gained.any() and lost.any()):
        return np.full(len(total), np.nan)
    return np.log(gained.mean() / lost.mean()) + gained / gained.mean() - lost / lost.mean()


def one_odds_ratio(pairs: list[Pair]) -> float:
    """p-value of Tarone's test that the log odds rose by the same on every problem, all seeds together.

    NaN where fewer than two problems have both outcomes.
    """
    from statsmodels.stats.contingency_tables import StratifiedTable

    n_q, c_q = (sum(getattr(pair.policy, name) for pair in pairs) for name in ("n_samples", "n_right"))
    n_p, c_p = pairs[0].base.n_samples, pairs[0].base.n_right
    mixed = (c_q + c_p > 0) & (c_q + c_p < n_q + n_p)
    if mixed.sum() < 2:
        return np.nan
    tables = np.array([[c_q, n_q - c_q], [c_p, n_p - c_p]], dtype=float)[:, :, mixed]
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(StratifiedTable(tables).test_equal_odds(adjust=True).pvalue)
