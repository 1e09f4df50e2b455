"""The difference between two arms on the same problems: its variance, its test, its interval, what it could detect."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import comb
from typing import Literal

import numpy as np

from beyond_sharpening.analysis.intervals import NO_SPREAD, THESE_PROBLEMS, Target, t_interval
from beyond_sharpening.analysis.solve_rates import SolveRates

Claim = Literal["this checkpoint", "the training procedure"]
POWER = 0.8
PERMUTATIONS = 9999


@dataclass(frozen=True)
class Difference:
    """Mean of a less mean of b, on their common problems.

    Attributes:
        value: the difference.
        variance: of it, for the target; ``freedom`` its degrees of freedom (infinite: known, not estimated).
        p_value: two-sided.
        test: which one, in words.
        unit: what carries the uncertainty, problem | seed.
        claim: how far it reaches.
    """

    value: float
    variance: float
    freedom: float
    p_value: float
    test: str
    unit: Literal["problem", "seed"]
    claim: Claim

    @property
    def interval(self) -> tuple[float, float]:
        """95 %, within [−1, 1]; NaN where nothing varies and nothing can be said of what would."""
        return t_interval(self.value, self.variance, self.freedom, bound=1.0)

    def interval_at(self, level: float) -> tuple[float, float]:
        """The same at another level of confidence."""
        return t_interval(self.value, self.variance, self.freedom, bound=1.0, level=level)

    def equivalence(self, margin: float) -> float:
        """p of two one-sided t tests that the difference is at or beyond ±margin (Schuirmann, 1987).

        Small: the arms differ by less than the margin. As ``statsmodels``' ``ttost_paired`` and ``ttost_ind``, at this
        variance and these degrees of freedom.
        """
        mirrored = replace(self, value=-self.value)
        return max(self.no_gain(margin), mirrored.no_gain(margin))

    def no_gain(self, margin: float) -> float:
        """p of the one-sided t test that a gains the margin or more over b; small: it does not."""
        from scipy.stats import t

        if self.freedom <= 0 or self.variance < NO_SPREAD**2:
            return np.nan
        return float(t.cdf((self.value - margin) / np.sqrt(self.variance), self.freedom))

    def detectable(self, level: float) -> float:
        """The smallest true difference found with 80 % power at this level: t's power by the noncentral t."""
        return detectable_difference(self.variance, self.freedom, level)


def detectable_difference(variance: float, freedom: float, level: float, power: float = POWER) -> float:
    """The smallest true difference that a two-sided t test with this variance and freedom finds with this power.

    NaN without a degree of freedom or without spread.
    """
    from scipy.optimize import brentq
    from scipy.stats import nct, norm, t

    if freedom <= 0 or variance < NO_SPREAD**2:
        return np.nan
    if freedom > 1e6:
        return float((norm.isf(level / 2) + norm.ppf(power)) * np.sqrt(variance))
    critical = t.isf(level / 2, freedom)

    def short_of_power(shift: float) -> float:
        return float(nct.sf(critical, freedom, shift)) - power  # the other tail is nothing once this one is 0.8

    upper = 2.0
    while short_of_power(upper) < 0:
        upper *= 2
    return float(brentq(short_of_power, 0, upper, xtol=1e-4) * np.sqrt(variance))


def difference(a: SolveRates, b: SolveRates, by_seed: bool, target: Target, seed: int) -> Difference:
    """Compare two arms that have the same problems.

    Args:
        a, b: the arms.
        by_seed: whether every trained side has two or more seeds, so that the claim is about the training procedure.
        target: what the interval and the p-value are about.
        seed: of a permutation test that cannot be exact.
    """
    if by_seed:
        return _these_seeds(a, b) if target == THESE_PROBLEMS else _seeds_and_problems(a, b)
    return _these_draws(a, b) if target == THESE_PROBLEMS else _paired_problems(a, b, seed)


def _seeds_and_problems(a: SolveRates, b: SolveRates) -> Difference:
    """Seeds and problems both random: the crossed variance of a difference (``intervals.crossed_variance``).

    Seeds of the two sides are independent, problems are shared: var(seed means of a)/S_a + the same of b +
    var(problem differences)/P − the interactions, which are in both; never below any of its parts, nor a seed's part
    below what drawing completions must cause. Satterthwaite's degrees of freedom, the problems' part counting as known
    no better than twice the seeds': with P − 1 of its own, seeds that happen to agree would lend the test freedom that
    it has not (level 0.08 for three seeds of 3 points against the base; 0.00 to 0.06 as it is, ``docs/statistics.md``).
    The base has one "seed": its draws are in the problems' part.
    """
    from scipy.stats import t

    value, by_problem = a.mean - b.mean, a.rates.mean(axis=0) - b.rates.mean(axis=0)
    trained = [arm for arm in (a, b) if arm.n_seeds > 1]
    seeds = sum(arm.seed_variance for arm in trained)
    drawn = sum(arm.sampling_variance for arm in (a, b) if arm.n_seeds == 1)
    problems = float(by_problem.var(ddof=1)) / len(by_problem) if len(by_problem) > 1 else 0.0
    shared = sum(interaction_variance(arm) / arm.rates.size for arm in trained)
    variance = max(seeds + problems - shared, seeds + drawn, problems)
    if variance < NO_SPREAD**2:
        return _equal_seeds(a, b, value)
    known = min(len(by_problem) - 1, *(2 * (arm.n_seeds - 1) for arm in trained))
    parts = sum(arm.seed_variance**2 / (arm.n_seeds - 1) for arm in trained) + problems**2 / max(known, 1)
    freedom = variance**2 / parts
    p_value = float(2 * t.sf(abs(value) / np.sqrt(variance), freedom))
    test = "t on seeds and problems, crossed"
    return Difference(value, variance, freedom, p_value, test, "seed", "the training procedure")


def interaction_variance(arm: SolveRates) -> float:
    """Variance of (seed, problem) values about their seed's and their problem's mean; drawing completions is in it."""
    rates = arm.rates
    if min(rates.shape) < 2:
        return 0.0
    left = rates - rates.mean(axis=0) - rates.mean(axis=1, keepdims=True) + rates.mean()
    return float((left**2).sum() / ((rates.shape[0] - 1) * (rates.shape[1] - 1)))


def _these_seeds(a: SolveRates, b: SolveRates) -> Difference:
    """Welch's t on seed means, with Satterthwaite's degrees of freedom.

    The base's variance counts as known no better than the seeds' one: simulated false-positive rates at nominal 0.05
    are then 0.014 to 0.034 with five seeds of deviation 0 to 2 points (200 problems, 16 samples). A one-sample t
    against the base's mean, which takes that mean as exact, has 0.32 to 0.09.
    """
    from scipy.stats import t

    variance, value = a.seed_variance + b.seed_variance, a.mean - b.mean
    if np.sqrt(variance) < NO_SPREAD:
        return _equal_seeds(a, b, value)
    seeds = min(arm.n_seeds for arm in (a, b) if arm.n_seeds > 1)
    freedom = variance**2 / sum(arm.seed_variance**2 / (max(arm.n_seeds, seeds) - 1) for arm in (a, b))
    p_value = float(2 * t.sf(abs(value) / np.sqrt(variance), freedom))
    return Difference(value, variance, freedom, p_value, "Welch t on seed means", "seed", "the training procedure")


def _equal_seeds(a: SolveRates, b: SolveRates, value: float) -> Difference:
    """Exact permutation of seed means that are all equal within a side: a standard error of 0 is no certainty.

    What was observed and its mirror image are the most extreme of the ways to give the seeds to the sides, or, where
    one side is the base and has no seeds, to give the differences from it a sign.
    """
    p_value = smallest_p(a.n_seeds, b.n_seeds) if abs(value) > NO_SPREAD else 1.0
    test = "exact permutation of seed means"
    return Difference(value, 0.0, np.inf, p_value, test, "seed", "the training procedure")


def smallest_p(n_seeds_a: int, n_seeds_b: int) -> float:
    """The smallest p-value that any exact permutation of so many training seeds can give; one seed is a base.

    Two against two give 1/3, five against five 0.0079, five against a base 1/16: what it says before training is that
    with fewer, no result can survive Holm's correction (see ``contrasts.seeds_needed``).
    """
    ways = comb(n_seeds_a + n_seeds_b, n_seeds_a) if min(n_seeds_a, n_seeds_b) > 1 else 2 ** max(n_seeds_a, n_seeds_b)
    return 2 / ways


def _paired_problems(a: SolveRates, b: SolveRates, seed: int) -> Difference:
    """Paired by problem, seeds averaged: sign flips for the p-value, t for the interval; the two may disagree at 0.05.

    Where all differences are whole, as with one sample a problem, exact McNemar. Where random sign flips find none as
    extreme, the paired t test's p-value, at most what the flips allow.
    """
    differences = a.rates.mean(axis=0) - b.rates.mean(axis=0)
    observed = differences.var(ddof=1) / len(differences) if len(differences) > 1 else 0.0
    variance = max(float(observed), a.sampling_variance + b.sampling_variance)
    p_value, test = _sign_flips(differences, seed)
    value, freedom = float(differences.mean()), len(differences) - 1.0
    return Difference(value, variance, freedom, p_value, test, "problem", "this checkpoint")


def _sign_flips(differences: np.ndarray, seed: int) -> tuple[float, str]:
    from scipy.stats import binomtest, permutation_test, ttest_1samp

    changed = differences[np.abs(differences) > NO_SPREAD]
    if np.allclose(np.abs(changed), 1):
        p_value = binomtest(int((changed > 0).sum()), len(changed)).pvalue if len(changed) else 1.0
        return float(p_value), "exact McNemar"
    if len(changed) == 1:  # as extreme as its mirror image
        return 1.0, "paired sign-flip permutation"
    flips = permutation_test(
        (changed,),
        np.mean,
        vectorized=True,
        permutation_type="samples",
        n_resamples=PERMUTATIONS,
        batch=1000,
        rng=np.random.default_rng(seed),
    )
    floor = 2 / (PERMUTATIONS + 1)
    if flips.pvalue > floor * 1.001 or 2 ** len(changed) <= PERMUTATIONS:
        return float(flips.pvalue), "paired sign-flip permutation"
    return float(min(ttest_1samp(differences, 0).pvalue, floor)), "paired t (no random sign flip was as extreme)"


def _these_draws(a: SolveRates, b: SolveRates) -> Difference:
    """These problems and these checkpoints: drawing completions is all that is random, and its variance is known."""
    from scipy.stats import norm

    value, variance = a.mean - b.mean, a.sampling_variance + b.sampling_variance
    certain = float(abs(value) < NO_SPREAD)
    p_value = float(2 * norm.sf(abs(value) / np.sqrt(variance))) if variance > NO_SPREAD**2 else certain
    return Difference(value, variance, np.inf, p_value, "z on draws alone", "problem", "this checkpoint")
