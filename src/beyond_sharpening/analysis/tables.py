"""Estimates of every arm: one table by benchmark, one by difficulty, one along k."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from beyond_sharpening.analysis.intervals import LEVEL, accuracy_interval, mean_interval, unit_of
from beyond_sharpening.analysis.solve_rates import CELL, SolveRates, problem_table, seeds_by_problems

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

RATES = ["truncated_rate", "unparsable_rate", "timeout_rate"]
RESAMPLES = 1000


def estimates(samples: pd.DataFrame, ks: Iterable[int]) -> pd.DataFrame:
    """One row a (model, policy, variant, checkpoint, decoder, benchmark), of replicate 0.

    Columns after these six: ``n_seeds``, ``n_problems``, ``n_samples`` (the fewest drawn for a problem
    by a seed), ``pass@1`` with ``ci_low``, ``ci_high`` and their ``ci_unit`` (problem | seed; see
    ``intervals``), ``pass@{k}`` and ``maj@{k}`` for each k (NaN where k exceeds ``n_samples``),
    ``mean_tokens`` with ``mean_tokens_low`` and ``mean_tokens_high`` over the same unit,
    ``mean_forward_tokens`` (NaN where unknown),
    ``truncated_rate``, ``unparsable_rate``, ``timeout_rate``. Rates are means over seeds and problems.

    Args:
        samples: a samples table that passes ``validate_samples``.
        ks: the numbers of samples to estimate pass@k and maj@k for, each at least 1.

    Raises:
        ValueError: if an arm's seeds were evaluated on different problems, or an answer of a problem
            is graded both correct and wrong.
    """
    ks = sorted(set(ks))
    at_k = [f"{name}@{k}" for k in ks for name in ("pass", "maj")]
    columns = [*dict.fromkeys(["pass@1", *at_k, "mean_tokens", "mean_forward_tokens", *RATES])]
    rows = []
    for key, cell in problem_table(samples, ks).groupby(CELL):
        arm = SolveRates.of(cell)
        means = dict(zip(columns, seeds_by_problems(cell, columns).mean(axis=(0, 1)), strict=True))
        tokens_low, tokens_high = mean_interval(seeds_by_problems(cell, ["mean_tokens"])[..., 0])
        rows.append(
            dict(zip(CELL, key, strict=True))
            | {"n_seeds": arm.n_seeds, "n_problems": arm.n_problems, "n_samples": int(arm.n_samples.min())}
            | _accuracy(arm)
            | {name: means[name] for name in [*at_k, "mean_tokens"]}
            | {"mean_tokens_low": tokens_low, "mean_tokens_high": tokens_high}
            | {name: means[name] for name in ["mean_forward_tokens", *RATES]}
        )
    return pd.DataFrame(rows)


def accuracy_by_difficulty(samples: pd.DataFrame) -> pd.DataFrame:
    """pass@1 of every arm by benchmark and difficulty, of replicate 0.

    Columns: those that name the arm, ``benchmark``, ``difficulty``, ``n_problems``, ``pass@1``,
    ``ci_low``, ``ci_high``, ``ci_unit`` as in ``estimates``. Problems without a difficulty are left out.
    """
    keys = [*CELL, "difficulty"]
    rows = []
    for key, cell in problem_table(samples).groupby(keys):
        arm = SolveRates.of(cell)
        rows.append(dict(zip(keys, key, strict=True)) | {"n_problems": arm.n_problems} | _accuracy(arm))
    return pd.DataFrame(rows, columns=[*keys, "n_problems", "pass@1", "ci_low", "ci_high", "ci_unit"])


def _accuracy(arm: SolveRates) -> dict[str, float | str]:
    low, high = accuracy_interval(arm)
    return {"pass@1": arm.mean, "ci_low": low, "ci_high": high, "ci_unit": unit_of(arm.n_seeds)}


def pass_at_k_curves(samples: pd.DataFrame, ks: Iterable[int], seed: int) -> pd.DataFrame:
    """pass@k and maj@k of every arm along k, with 95 % percentile bootstrap intervals.

    The bootstrap resamples problems and *whole seeds*, independently (Agarwal et al., *Deep RL at the
    Edge of the Statistical Precipice*, arXiv 2108.13264, but with the problems resampled jointly). Arms
    of one benchmark share their resamples. It under-covers with few seeds and collapses where every
    problem is solved or none is: read it as the uncertainty of a curve's shape, and take claims about
    pass@1 from ``estimates`` and ``compare_arms``.

    Args:
        samples: a samples table that passes ``validate_samples``.
        ks: numbers of samples; an arm has a row for each k that all its problems have samples for.
        seed: of the bootstrap.

    Returns:
        One row a (arm, benchmark, k): ``k``, ``pass_at_k``, ``pass_low``, ``pass_high``, ``maj_at_k``,
        ``maj_low``, ``maj_high`` after the columns that name the arm and the benchmark.
    """
    ks = sorted(set(ks))
    names = [f"{part}_{name}" for part in ("pass", "maj") for name in ("at_k", "low", "high")]
    rows = []
    for key, cell in problem_table(samples, ks).groupby(CELL):
        allowed = [k for k in ks if k <= cell["n_samples"].min()]
        passed, voted = (_curve(cell, [f"{part}@{k}" for k in allowed], seed) for part in ("pass", "maj"))
        for k, *values in zip(allowed, *passed, *voted, strict=True):
            rows.append(dict(zip(CELL, key, strict=True)) | {"k": k} | dict(zip(names, values, strict=True)))
    return pd.DataFrame(rows, columns=[*CELL, "k", *names])


def _curve(cell: pd.DataFrame, columns: Sequence[str], seed: int) -> np.ndarray:
    """The mean of each column and its bootstrap interval: (3, C) as mean, low, high."""
    values = seeds_by_problems(cell, columns)
    n_seeds, n_problems, n_columns = values.shape
    rng = np.random.default_rng(seed)
    problems = rng.multinomial(n_problems, np.full(n_problems, 1 / n_problems), RESAMPLES) / n_problems
    seeds = rng.multinomial(n_seeds, np.full(n_seeds, 1 / n_seeds), RESAMPLES) / n_seeds
    by_seed = (problems @ values.transpose(1, 0, 2).reshape(n_problems, -1)).reshape(RESAMPLES, n_seeds, n_columns)
    resampled = np.einsum("bs,bsc->bc", seeds, by_seed)
    low, high = np.quantile(resampled, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return np.stack([values.mean(axis=(0, 1)), low, high])
