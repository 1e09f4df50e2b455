"""Sums and means within problems, for all problems at once, and how an estimate is spread over its problems.

Every estimator of this package returns *pseudo-values*: one number a problem, (P,), whose mean is the estimate and
whose spread is its sampling error with problems as clusters (the infinitesimal jackknife). One routine then gives
every interval (``intervals.py``), and one every resample (``stability.py``).
"""

from __future__ import annotations

import numpy as np

Array = np.ndarray


def sums(groups: Array, values: Array, n_groups: int) -> Array:
    """Sum of the values (N,) of each group, (G,)."""
    return np.bincount(groups, weights=values, minlength=n_groups)


def means(groups: Array, values: Array, n_groups: int) -> Array:
    """Mean of the values (N,) of each group, (G,); NaN for a group without rows."""
    return quotient(sums(groups, values, n_groups), np.bincount(groups, minlength=n_groups))


def centred(groups: Array, values: Array, n_groups: int) -> Array:
    """The values (N,) less their group's mean, (N,)."""
    return values - means(groups, values, n_groups)[groups]


def quotient(numerator: Array, denominator: Array) -> Array:
    """The quotient, NaN where the denominator is 0."""
    missing = np.full(np.shape(numerator), np.nan)
    return np.divide(numerator, denominator, out=missing, where=np.asarray(denominator) != 0)


def log_mean_exp(groups: Array, values: Array, n_groups: int) -> Array:
    """log of the mean of exp(values) within each group, (G,), its bias of order 1/n taken off by the jackknife.

    The logarithm of a mean is biased downwards; n·f − (n − 1)·mean(f without one row) is not, to first order
    (Quenouille, *Biometrika* 43, 1956). A group of one row has no jackknife: the plain value. NaN for an empty one.
    """
    count = np.bincount(groups, minlength=n_groups)
    peak = np.full(n_groups, -np.inf)
    with np.errstate(divide="ignore", invalid="ignore"):
        np.maximum.at(peak, groups, values)
        scaled = np.exp(values - peak[groups])
        total = sums(groups, scaled, n_groups)
        plain = np.log(total / count)
        rest = np.maximum(total[groups] - scaled, np.finfo(float).tiny)
        without = np.log(rest / (count[groups] - 1))
        corrected = count * plain - (count - 1) * means(groups, np.where(count[groups] > 1, without, 0.0), n_groups)
    return np.where(count > 1, corrected, plain) + np.where(count > 0, peak, np.nan)


def ratio_of_means(numerator: Array, denominator: Array) -> Array:
    """Pseudo-values (P,) of mean(numerator) / mean(denominator), by the delta method."""
    below = denominator.mean()
    if not below > 0:
        return np.full(len(numerator), np.nan)
    ratio = numerator.mean() / below
    return ratio + (numerator - ratio * denominator) / below


def solved_scores(information: Array, scores: Array, estimate: Array) -> Array:
    """Pseudo-values (P, C) of an M-estimate (C,): estimate + P · information⁻¹ · score of each problem (P, C).

    Their variance over P is the sandwich of Huber and White with problems as clusters. NaN where the data do not
    determine the estimate.
    """
    if np.linalg.cond(information) > 1e12:
        return np.full(scores.shape, np.nan)
    return estimate + len(scores) * np.linalg.solve(information, scores.T).T
