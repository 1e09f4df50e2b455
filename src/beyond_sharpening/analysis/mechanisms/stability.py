"""How firmly a name stands: under other problems, other seeds, and other thresholds."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np

from beyond_sharpening.analysis.mechanisms.groups import Array
from beyond_sharpening.analysis.mechanisms.intervals import Estimate
from beyond_sharpening.analysis.mechanisms.measure import Measured, most
from beyond_sharpening.analysis.mechanisms.naming import Name, Thresholds, Zero, name_of

RESAMPLES = 200
DECIDING = ("alpha", "beta", "shift", "kl", "residual")


def resampled_names(measured: Measured, thresholds: Thresholds, zero: Zero, seed: int) -> Counter[Name]:
    """The names that resamples of problems and whole seeds get, with how often.

    A resample reweighs the pseudo-values, so that nothing is fitted again (the linearised bootstrap); intervals keep
    their width and move with their estimate.
    """
    rng = np.random.default_rng(seed)
    n_seeds, n_problems = measured.values["alpha"].shape
    names: Counter[Name] = Counter()
    evidence, estimates = measured.evidence, measured.estimates
    moved = {}
    seeds = rng.multinomial(n_seeds, np.full(n_seeds, 1 / n_seeds), RESAMPLES)
    problems = rng.multinomial(n_problems, np.full(n_problems, 1 / n_problems), RESAMPLES)
    for name in DECIDING:
        moved[name] = _weighted(measured.values[name], seeds / n_seeds, problems / n_problems)
    beyond = problems @ measured.beyond.T  # (B, S)
    for row in range(RESAMPLES):
        drawn = replace(
            evidence,
            alpha=_moved(estimates["alpha"], moved["alpha"][row]),
            beta=_moved(estimates["beta"], moved["beta"][row]),
            shift=_moved(estimates["shift"], moved["shift"][row]),
            kl=moved["kl"][row],
            residual=moved["residual"][row],
            most_beyond=most(np.repeat(beyond[row], seeds[row])),
        )
        names[name_of(drawn, thresholds, zero)[0]] += 1
    return names


def _weighted(values: Array, seeds: Array, problems: Array) -> Array:
    """Means of (S, P) under weights (B, S) and (B, P): (B,)."""
    return np.einsum("bs,bs->b", seeds, problems @ values.T)


def _moved(number: Estimate, value: float) -> Estimate:
    return Estimate(value, value - number.half_width, value + number.half_width)


def names_under_other_thresholds(measured: Measured, thresholds: Thresholds, zero: Zero) -> dict[str, Name]:
    """The names that follow when one threshold is a fifth smaller or larger, by threshold, where they differ.

    What a threshold of the reach or of the density ratio would change in the estimates themselves is not seen here.
    """
    name = name_of(measured.evidence, thresholds, zero)[0]
    others = {}
    for field in Thresholds.model_fields:
        for factor in (0.8, 1.2):
            other = name_of(measured.evidence, thresholds.scaled(field, factor), zero)[0]
            if other != name:
                others[f"{field} × {factor}"] = other
    return others
