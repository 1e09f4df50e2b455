"""95 % intervals, each about one target that the number of training seeds does not change.

- *problems like these* (the default): a benchmark's problems are a sample of those one cares about, and training
  seeds, where there are several, of the trainings one could run. It is what a reader takes a result to mean, and what
  the standard error over problems of a single run has always been about.
- *these problems*: the benchmark is all there is. Narrower, and right when it is (a fixed exam); it covers the
  accuracy on similar problems in less than half of the cases on a small benchmark.

One training seed speaks of that checkpoint under either. Sources: Miller, *Adding Error Bars to Evals*
(arXiv 2411.00640); Bowyer et al., *Don't Use the CLT in LLM Evals With Fewer Than a Few Hundred Datapoints*
(arXiv 2503.01747).
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
Target = Literal["problems like these", "these problems"]
PROBLEMS_LIKE_THESE: Target = "problems like these"
THESE_PROBLEMS: Target = "these problems"


def unit_of(n_seeds: int) -> Unit:
    """What varies beside the draws: the problems alone, or training seeds too."""
    return "seed" if n_seeds > 1 else "problem"


def t_quantile(degrees_of_freedom: float, level: float = LEVEL) -> float:
    """The two-sided quantile of Student's t at a level of confidence; NaN without a degree of freedom."""
    from scipy.stats import t

    return float(t.ppf((1 + level) / 2, degrees_of_freedom))


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
    return float(variance), float(variance**2 / parts) if parts > 0 else n_problems - 1.0


def t_interval(
    mean: float, variance: float, degrees_of_freedom: float, bound: float, level: float = LEVEL
) -> tuple[float, float]:
    """mean ± t·√variance, cut at ±bound; without a degree of freedom nothing is known but the bound.

    NaN where the units do not differ at all, as seeds of a greedy decoder that all solve as many problems: so few
    equal numbers do not say that there is no spread, and what there is cannot be estimated from them.
    """
    if degrees_of_freedom == 0:
        return -bound, bound
    if np.sqrt(variance) < NO_SPREAD:
        return np.nan, np.nan
    half = t_quantile(degrees_of_freedom, level) * np.sqrt(variance)
    return float(max(mean - half, -bound)), float(min(mean + half, bound))


def mean_variance(arm: SolveRates, target: Target) -> tuple[float, float]:
    """Variance of an arm's mean for a target, and its degrees of freedom."""
    if target == PROBLEMS_LIKE_THESE:
        return crossed_variance(arm.rates)
    return (arm.seed_variance, arm.n_seeds - 1.0) if arm.n_seeds > 1 else (arm.sampling_variance, np.inf)


def proportion_interval(arm: SolveRates, target: Target = PROBLEMS_LIKE_THESE, draws: int = 1) -> tuple[float, float]:
    """The interval of an arm's mean of values in [0, 1]: pass@1, pass@k or maj@k.

    Wilson's score interval at the *effective* number of independent samples, m(1 − m) over the variance of the mean,
    with t's quantile (the score analogue of Korn and Graubard, *Survey Methodology* 24, 1998). With many problems it
    is the t interval; with few it stays within [0, 1] and does not collapse where every problem is solved or none is:
    there the effective number is the number of problems, as if a problem's samples were copies.

    Args:
        arm: the values.
        target: what the interval is about.
        draws: samples that a value stands for, k; the effective number is at most all samples over k.
    """
    from scipy.stats import norm
    from statsmodels.stats.proportion import proportion_confint

    variance, freedom = mean_variance(arm, target)
    if freedom == 0:
        return 0.0, 1.0
    if arm.n_seeds > 1 and target == THESE_PROBLEMS and np.sqrt(variance) < NO_SPREAD:
        return np.nan, np.nan  # so few equal numbers do not say that there is no spread
    if arm.deterministic and target == THESE_PROBLEMS and arm.n_seeds == 1:
        return arm.mean, arm.mean  # one greedy pass over all there is leaves nothing open
    size = _effective_samples(arm, variance, draws)
    alpha = 2 * norm.sf(t_quantile(freedom))
    low, high = proportion_confint(arm.mean * size, size, alpha=alpha, method="wilson")
    return float(max(min(low, arm.mean), 0.0)), float(min(max(high, arm.mean), 1.0))  # rounding


def _effective_samples(arm: SolveRates, variance: float, draws: int) -> float:
    """How many independent samples would fix the mean as well as these clustered ones do."""
    if arm.mean * (1 - arm.mean) < NO_SPREAD:
        return arm.n_problems
    drawn = max(arm.n_samples.sum() / draws, 1.0)
    return float(drawn if variance < NO_SPREAD**2 else min(arm.mean * (1 - arm.mean) / variance, drawn))


def mean_interval(values: np.ndarray) -> tuple[float, float]:
    """The t interval of the mean of values (S, P), about problems like these; NaN where there is one problem only."""
    variance, freedom = crossed_variance(values)
    if values.shape[1] == 1:
        return np.nan, np.nan
    return t_interval(float(values.mean()), variance, freedom, bound=np.inf)
