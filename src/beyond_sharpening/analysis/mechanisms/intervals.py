"""One interval for every number of the mechanism: about *problems like these* and trainings like these."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from beyond_sharpening.analysis.intervals import crossed_variance, t_quantile
from beyond_sharpening.analysis.mechanisms.groups import Array


class Estimate(NamedTuple):
    """A number with its 95 % interval; NaN for what is absent."""

    value: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        return (self.high - self.low) / 2


def estimate(values: Array) -> Estimate:
    """Mean of pseudo-values (S, P) over seeds and problems, with a t interval in which both are random.

    The target never changes with the number of seeds: what training does on problems like these. One seed: problems
    are the clusters, and the claim is about that checkpoint. Several: the variance is that of two crossed factors
    (``intervals.crossed_variance``). Seeds or problems in which the number is not defined are left out.
    """
    seeds = np.isfinite(values).any(axis=1)
    problems = np.isfinite(values[seeds]).all(axis=0) if seeds.any() else np.zeros(values.shape[1], bool)
    known = values[seeds][:, problems]
    if known.size == 0:
        return Estimate(np.nan, np.nan, np.nan)
    variance, freedom = crossed_variance(known)
    half = t_quantile(freedom) * np.sqrt(variance) if freedom > 0 else np.nan
    mean = float(known.mean())
    return Estimate(mean, mean - half, mean + half)
