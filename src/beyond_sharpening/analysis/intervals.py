"""95 % intervals, each with the unit that it treats as independent.

One training seed: the problems are the unit, because samples of one problem resemble each other.
Several: the seeds are the unit and the benchmark itself is the population (its choice of problems is
no part of the interval). Sources: Miller, *Adding Error Bars to Evals* (arXiv 2411.00640); Bowyer et
al., *Don't Use the CLT in LLM Evals With Fewer Than a Few Hundred Datapoints* (arXiv 2503.01747).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from beyond_sharpening.analysis.solve_rates import SolveRates

LEVEL = 0.95

NO_SPREAD = 1e-12
"""A standard error below this is a rounding error: the values are ratios of counts, and these are equal."""

Unit = Literal["problem", "seed"]


def unit_of(n_seeds: int) -> Unit:
    """The unit of inference for an arm with this many training seeds."""
    return "seed" if n_seeds > 1 else "problem"


def t_quantile(degrees_of_freedom: float) -> float:
    """The two-sided 95 % quantile of Student's t; NaN without a degree of freedom."""
    from scipy.stats import t

    return float(t.ppf((1 + LEVEL) / 2, degrees_of_freedom))


def crossed_variance(values: np.ndarray) -> tuple[float, float]:
    """Variance of the mean of values (S, P) with both seeds and problems random, and its degrees of freedom.

    Two crossed factors without replication (Cameron, Gelbach and Miller, *Journal of Business & Economic Statistics*
    29, 2011; the moments are those of the two-way analysis of variance):

        V = var(seed means)/S + var(problem means)/P − var(interaction)/(S·P)

    never below either of the first two. Degrees of freedom by Satterthwaite's rule, so that few seeds that carry most
    of the variance make a wide interval. One seed: var(problems)/P with P − 1 degrees of freedom.
    """
    n_seeds, n_problems = values.shape
    by_problem = values.mean(axis=0).var(ddof=1) / n_problems if n_problems > 1 else 0.0
    if n_seeds == 1:
        return float(by_problem), n_problems - 1.0
    by_seed = values.mean(axis=1).var(ddof=1) / n_seeds
    if n_problems == 1:
        return float(by_seed), n_seeds - 1.0
    interaction = values - values.mean(axis=0) - values.mean(axis=1, keepdims=True) + values.mean()
    shared = (interaction**2).sum() / ((n_seeds - 1) * (n_problems - 1)) / (n_seeds * n_problems)
    variance = max(by_seed + by_problem - shared, by_seed, by_problem)
    parts = by_seed**2 / (n_seeds - 1) + by_problem**2 / (n_problems - 1)
    return float(variance), float(variance**2 / parts) if parts > 0 else n_seeds - 1.0


def t_interval(mean: float, variance: float, degrees_of_freedom: float, bound: float) -> tuple[float, float]:
    """mean ± t·√variance, cut at ±bound; without a degree of freedom nothing is known but the bound.

    NaN where the units do not differ at all, as seeds of a greedy decoder that all solve as many problems: so few
    equal numbers do not say that there is no spread, and what there is cannot be estimated from them.
    """
    if degrees_of_freedom == 0:
        return -bound, bound
    if np.sqrt(variance) < NO_SPREAD:
        return np.nan, np.nan
    half = t_quantile(degrees_of_freedom) * np.sqrt(variance)
    return float(max(mean - half, -bound)), float(min(mean + half, bound))


def accuracy_interval(arm: SolveRates) -> tuple[float, float]:
    """The interval of an arm's pass@1, within [0, 1]; NaN where seeds are the unit and do not differ at all.

    Several seeds: a t interval over the seed means. One seed: Wilson's score interval at the
    *effective* number of independent samples, pass@1·(1 − pass@1) over the squared standard error
    between problems, with t's quantile at P − 1 degrees of freedom (the score analogue of Korn and
    Graubard, *Survey Methodology* 24, 1998). With many problems it is the t interval over solve rates;
    with few it stays within [0, 1] and does not collapse where every problem is solved or none is:
    there the effective number is the number of problems, as if a problem's samples were copies.
    """
    from scipy.stats import norm
    from statsmodels.stats.proportion import proportion_confint

    if arm.n_seeds > 1:
        low, high = t_interval(arm.mean, arm.seed_variance, arm.n_seeds - 1, bound=1.0)
        return float(np.maximum(low, 0.0)), high
    if arm.n_problems == 1:
        return 0.0, 1.0
    size = _effective_samples(arm)
    alpha = 2 * norm.sf(t_quantile(arm.n_problems - 1))
    low, high = proportion_confint(arm.mean * size, size, alpha=alpha, method="wilson")
    return float(max(low, 0.0)), float(min(high, 1.0))


def _effective_samples(arm: SolveRates) -> float:
    """How many independent samples would fix pass@1 as well as these clustered ones do."""
    if arm.mean in (0.0, 1.0):
        return arm.n_problems
    squared_error = arm.rates.var(ddof=1) / arm.n_problems
    drawn = arm.n_samples.sum()
    return float(drawn if squared_error == 0 else min(arm.mean * (1 - arm.mean) / squared_error, drawn))


def mean_interval(values: np.ndarray) -> tuple[float, float]:
    """The t interval of the mean of values (S, P) over the unit; NaN where there is one unit only."""
    units = values.mean(axis=1) if unit_of(len(values)) == "seed" else values[0]
    if len(units) == 1:
        return np.nan, np.nan
    return t_interval(float(units.mean()), float(units.var(ddof=1) / len(units)), len(units) - 1, bound=np.inf)
