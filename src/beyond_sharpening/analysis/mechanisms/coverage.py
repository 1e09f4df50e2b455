"""What is solved at all: coverage gained and lost beyond chance, Cover@τ, the crossing of pass@k, transitions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from beyond_sharpening.analysis.at_k import pass_at_k
from beyond_sharpening.analysis.mechanisms.draws import Arm, Tried, arms
from beyond_sharpening.analysis.mechanisms.groups import Array
from beyond_sharpening.analysis.rows import Samples

TAUS = (0.25, 0.5, 0.75, 1.0)
BINS = ("0", "(0, 0.1]", "(0.1, 0.5]", "(0.5, 0.9]", "(0.9, 1)", "1")
RESAMPLES = 400


def coverage(policy: Tried, base: tuple[Tried, Tried]) -> dict[str, Array]:
    """``gained`` and ``lost`` beyond chance, of each problem, (P,), at an equal number of draws.

    A problem is covered when k draws hold a correct one, k the fewest that a problem of either side has of *one* base
    sample. gained = (1 − b)·s, lost = b·(1 − s), with b the chance that k base draws solve it and s that k of the
    policy's do; a second, independent base sample b' gains and loses by chance alone (1 − b)·b', which is taken off.
    Both base samples serve as either. Where the base has one replicate its samples are halved.
    """
    sides = (policy, *base)
    k = int(min(side.n_samples.min() for side in sides))
    if k < 1:
        absent = np.full(len(policy.n_samples), np.nan)
        return {"coverage_gained": absent, "coverage_lost": absent}
    ours, b, other = (pass_at_k(side.n_samples, side.n_right, k) for side in sides)
    chance = ((1 - b) * other + (1 - other) * b) / 2
    gained = (2 - b - other) / 2 * ours - chance
    lost = (b + other) / 2 * (1 - ours) - chance
    return {"coverage_gained": gained, "coverage_lost": lost}


def cover_at(tried: Tried, tau: float) -> Array:
    """Cover@τ of each problem, (P,): whether at least the share τ of its samples is correct."""
    return (tried.n_right >= tau * tried.n_samples - 1e-9).astype(float)


class Crossing(NamedTuple):
    """``k`` with its interval (infinite: no crossing up to ``last``), and the share of resamples that cross."""

    k: float
    low: float
    high: float
    share: float
    last: int


def crossing(tried: Sequence[tuple[Tried, Tried]], seed: int) -> Crossing:
    """The k* at which the base's pass@k overtakes the policy's, interpolated in log k.

    Infinite where it does not up to the samples there are; 1 where the base is ahead from the start. The 95 %
    percentile interval resamples problems and whole seeds. An exact tilt never crosses (proposition 7).
    """
    last = int(min(side.n_samples.min() for pair in tried for side in pair))
    ks = tries_up_to(last)
    ours, base = (
        np.array([[pass_at_k(pair[side].n_samples, pair[side].n_right, k) for k in ks] for pair in tried])
        for side in (0, 1)
    )
    ahead = ours - base  # (S, K, P)
    n_seeds, n_problems = len(tried), ahead.shape[2]
    rng = np.random.default_rng(seed)
    problems = rng.multinomial(n_problems, np.full(n_problems, 1 / n_problems), RESAMPLES) / n_problems
    seeds = rng.multinomial(n_seeds, np.full(n_seeds, 1 / n_seeds), RESAMPLES) / n_seeds
    resampled = np.einsum("bs,skb->bk", seeds, ahead @ problems.T)
    found = np.array([first_crossing(ks, curve) for curve in resampled])
    low, high = np.quantile(found, [0.025, 0.975], method="inverted_cdf")
    return Crossing(first_crossing(ks, ahead.mean(axis=(0, 2))), low, high, float(np.isfinite(found).mean()), last)


def tries_up_to(last: int) -> Array:
    """The k at which curves are looked at for a crossing: each of a few, then in equal ratios."""
    return np.unique(np.geomspace(1, last, 25).round().astype(int))


def first_crossing(ks: Array, ahead: Array) -> float:
    """The k at which a curve ``ahead`` (K,) over ``ks`` (K,) falls below 0, interpolated in log k, or infinity."""
    behind = np.flatnonzero(ahead < -1e-12)
    if not len(behind):
        return np.inf
    at = behind[0]
    if at == 0:
        return 1.0
    before, after = ahead[at - 1], ahead[at]
    share = before / (before - after)
    return float(ks[at - 1] * (ks[at] / ks[at - 1]) ** max(share, 0.0))


def changed_problems(pair: tuple[Tried, Tried], level: float = 0.05) -> tuple[int, int]:
    """How many problems' rates rose, and fell, by Fisher's exact tests with Benjamini and Hochberg over the problems.

    Two-sided by doubling the smaller tail.
    """
    from scipy.stats import hypergeom
    from statsmodels.stats.multitest import multipletests

    (n_q, c_q), (n_p, c_p) = ((side.n_samples, side.n_right.astype(int)) for side in pair)
    drawn = (n_q + n_p, c_q + c_p, n_q)
    upper, lower = hypergeom.sf(c_q - 1, *drawn), hypergeom.cdf(c_q, *drawn)
    changed = multipletests(np.minimum(2 * np.minimum(upper, lower), 1), alpha=level, method="fdr_bh")[0]
    return int((changed & (upper < lower)).sum()), int((changed & (upper > lower)).sum())


def solve_rate_transitions(samples: Samples) -> pd.DataFrame:
    """Where each problem's solve rate went: the matrix of bins, one row a cell of it.

    Returns:
        One row a (model, policy, variant, benchmark, base_bin, policy_bin): ``n_problems``, the mean over training
        seeds, and ``by_chance``, what a second base sample shows (NaN where the base has one replicate). The base is
        binned by its first replicate.
    """
    rows = []
    for arm in arms(samples):
        for name, count in _transition_counts(arm).items():
            rows.append([*arm.key, *name, *count])
    columns = ["model", "policy", "variant", "benchmark", "base_bin", "policy_bin", "n_problems", "by_chance"]
    return pd.DataFrame(rows, columns=columns)


def _transition_counts(arm: Arm) -> dict[tuple[str, str], tuple[float, float]]:
    start, n_bins = _bins(arm.replicates[0]), len(BINS)
    counts = [np.bincount(start * n_bins + _bins(own), minlength=n_bins**2) for own, _ in arm.tried]
    mean = np.mean(counts, axis=0)
    chance = np.full(n_bins**2, np.nan)
    if len(arm.replicates) == 2:
        chance = np.bincount(start * n_bins + _bins(arm.replicates[1]), minlength=n_bins**2).astype(float)
    names = [(one, other) for one in BINS for other in BINS]
    return dict(zip(names, zip(mean.tolist(), chance.tolist(), strict=True), strict=True))


def _bins(tried: Tried) -> Array:
    rate = tried.n_right / tried.n_samples
    return np.where(rate == 0, 0, np.where(rate == 1, 5, 1 + np.searchsorted([0.1, 0.5, 0.9], rate - 1e-9)))
