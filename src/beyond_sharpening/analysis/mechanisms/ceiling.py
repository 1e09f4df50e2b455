"""The ceiling: what any sharpening of the base could reach, from the base's own samples."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from beyond_sharpening.analysis.mechanisms.draws import Draws
from beyond_sharpening.analysis.mechanisms.groups import Array, means, quotient, sums

POWERS = np.array([0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 6.0, 8.0, 16.0, 64.0])
"""The α that are tried; at 64 the likeliest sample has all the weight in nearly all cases."""


class Ceiling(NamedTuple):
    """``accuracy`` of each problem (P,) at the best power, that ``power``, and its effective sample size as a share."""

    accuracy: Array
    power: float
    effective_share: float


def ceiling(base: Draws) -> Ceiling:
    """The best accuracy that any one α of p^α reaches on the benchmark.

    Self-normalised importance weights p^(α − 1) on the base's samples; α is chosen on one half of them and evaluated
    on the other, both ways round, so that choosing it buys nothing. The effective sample size (Kong, 1992) says when
    not to believe it: past a standard deviation of some 4 nats of log p one sample has all the weight, and the
    "ceiling" is that of best-of-n by likelihood.
    """
    return best_power(weighted(base))


def weighted(base: Draws) -> Array:
    """Of each problem and half, at each power, (P, 2, K, 2): accuracy under p^α, and the share of effective samples.

    NaN where log p is not known, or a half has no sample.
    """
    if not np.isfinite(base.log_p).all():
        return np.full((base.n_problems, 2, len(POWERS), 2), np.nan)
    halves = [np.stack([_weighted(half, power) for power in POWERS]) for half in base.halves()]  # (K, 2, P) each
    return np.stack(halves).transpose(3, 0, 1, 2)


def best_power(tried: Array) -> Ceiling:
    """The ceiling, from what all problems are at each power."""
    if not np.isfinite(tried).all():
        return Ceiling(np.full(len(tried), np.nan), np.nan, np.nan)
    chosen = tried[..., 0].mean(axis=0).argmax(axis=1)  # of each half
    evaluated = [tried[:, 1, chosen[0]], tried[:, 0, chosen[1]]]  # (P, 2) each, on the other
    accuracy, share = np.mean(evaluated, axis=0).T
    return Ceiling(accuracy, float(np.mean(POWERS[chosen])), float(share.mean()))


def _weighted(draws: Draws, power: float) -> tuple[Array, Array]:
    """Accuracy under p^α and the effective share of the samples, of each problem, (P,)."""
    peak = np.full(draws.n_problems, -np.inf)
    tilt = (power - 1) * draws.log_p
    np.maximum.at(peak, draws.problem, tilt)
    weight = np.exp(tilt - peak[draws.problem])
    total = sums(draws.problem, weight, draws.n_problems)
    accuracy = quotient(sums(draws.problem, weight * draws.right, draws.n_problems), total)
    squares = means(draws.problem, weight**2, draws.n_problems) * draws.n_samples**2
    return accuracy, total**2 / squares
