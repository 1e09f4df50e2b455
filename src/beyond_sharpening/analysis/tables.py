"""Estimates of every arm: one table by benchmark, one by difficulty, one along k."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from beyond_sharpening.analysis.contract import CELL
from beyond_sharpening.analysis.intervals import (
    PROBLEMS_LIKE_THESE,
    Target,
    mean_interval,
    proportion_interval,
    unit_of,
)
from beyond_sharpening.analysis.rows import Samples
from beyond_sharpening.analysis.solve_rates import SolveRates, problem_table, seeds_by_problems

if TYPE_CHECKING:
    from collections.abc import Iterable

RATES = ["truncated_rate", "unparsable_rate", "timeout_rate"]


def estimates(samples: Samples, ks: Iterable[int], target: Target = PROBLEMS_LIKE_THESE) -> pd.DataFrame:
    """One row a (model, policy, variant, checkpoint, decoder, benchmark), of replicate 0.

    Columns after these six: ``n_seeds``, ``n_problems``, ``n_left_out`` (problems that not all seeds have),
    ``n_samples`` (the fewest drawn for a problem by a seed), ``pass@1`` with ``ci_low``, ``ci_high``, their
    ``ci_unit`` (problem | seed: whether training seeds are in them) and ``ci_target`` (see ``intervals``),
    ``pass@{k}`` and ``maj@{k}`` for each k (NaN where k exceeds ``n_samples``), ``mean_tokens`` with
    ``mean_tokens_low`` and ``mean_tokens_high`` about problems like these, ``mean_forward_tokens`` (NaN where
    unknown), ``truncated_rate``, ``unparsable_rate``, ``timeout_rate``. Rates are means over seeds and problems.

    Args:
        samples: a samples table that passes ``validate_samples``, or its counts.
        ks: the numbers of samples to estimate pass@k and maj@k for, each at least 1.
        target: what the intervals are about, the same for all arms.

    Raises:
        ValueError: if an arm's seeds have no problem in common, or an answer of a problem is graded both correct and
            wrong.
    """
    ks = sorted(set(ks))
    at_k = [f"{name}@{k}" for k in ks for name in ("pass", "maj")]
    columns = [*dict.fromkeys(["pass@1", *at_k, "mean_tokens", "mean_forward_tokens", *RATES])]
    rows = []
    for key, cell in problem_table(samples, ks).groupby(CELL, observed=True):
        arm = SolveRates.of(cell)
        means = dict(zip(columns, seeds_by_problems(cell, columns).mean(axis=(0, 1)), strict=True))
        tokens_low, tokens_high = mean_interval(seeds_by_problems(cell, ["mean_tokens"])[..., 0])
        rows.append(
            dict(zip(CELL, key, strict=True))
            | {"n_seeds": arm.n_seeds, "n_problems": arm.n_problems, "n_left_out": len(arm.left_out)}
            | {"n_samples": int(arm.n_samples.min())}
            | _accuracy(arm, target)
            | {name: means[name] for name in [*at_k, "mean_tokens"]}
            | {"mean_tokens_low": tokens_low, "mean_tokens_high": tokens_high}
            | {name: means[name] for name in ["mean_forward_tokens", *RATES]}
        )
    return pd.DataFrame(rows)


def accuracy_by_difficulty(samples: Samples, target: Target = PROBLEMS_LIKE_THESE) -> pd.DataFrame:
    """pass@1 of every arm by benchmark and difficulty, of replicate 0.

    Columns: those that name the arm, ``benchmark``, ``difficulty``, ``n_problems``, ``pass@1``,
    ``ci_low``, ``ci_high``, ``ci_unit``, ``ci_target`` as in ``estimates``. Problems without a difficulty are left out.
    """
    keys = [*CELL, "difficulty"]
    rows = []
    for key, cell in problem_table(samples).groupby(keys, observed=True):
        arm = SolveRates.of(cell)
        rows.append(dict(zip(keys, key, strict=True)) | {"n_problems": arm.n_problems} | _accuracy(arm, target))
    return pd.DataFrame(rows, columns=[*keys, "n_problems", "pass@1", "ci_low", "ci_high", "ci_unit", "ci_target"])


def _accuracy(arm: SolveRates, target: Target) -> dict[str, float | str]:
    low, high = proportion_interval(arm, target)
    return {"pass@1": arm.mean, "ci_low": low, "ci_high": high, "ci_unit": unit_of(arm.n_seeds), "ci_target": target}


def pass_at_k_curves(samples: Samples, ks: Iterable[int], target: Target = PROBLEMS_LIKE_THESE) -> pd.DataFrame:
    """pass@k and maj@k of every arm along k, of replicate 0, with 95 % intervals.

    Wilson's interval at the effective size (``intervals.proportion_interval``): it does not collapse where every
    problem is solved or none is, as a bootstrap of problems does. Whether two arms differ at some k is asked of the
    paired ``compare_at_k``, not of bands that overlap.

    Args:
        samples: a samples table that passes ``validate_samples``, or its counts.
        ks: numbers of samples; an arm has a row for each k that all its problems have samples for.
        target: what the intervals are about.

    Returns:
        One row a (arm, benchmark, k): ``k``, ``pass_at_k``, ``pass_low``, ``pass_high``, ``maj_at_k``,
        ``maj_low``, ``maj_high`` after the columns that name the arm and the benchmark.
    """
    ks = sorted(set(ks))
    names = [f"{part}_{name}" for part in ("pass", "maj") for name in ("at_k", "low", "high")]
    rows = []
    for key, cell in problem_table(samples, ks).groupby(CELL, observed=True):
        for k in [k for k in ks if k <= cell["n_samples"].min()]:
            values = [*_point(cell, f"pass@{k}", target, k), *_point(cell, f"maj@{k}", target, k)]
            rows.append(dict(zip(CELL, key, strict=True)) | {"k": k} | dict(zip(names, values, strict=True)))
    return pd.DataFrame(rows, columns=[*CELL, "k", *names])


def _point(cell: pd.DataFrame, column: str, target: Target, k: int) -> tuple[float, float, float]:
    """The mean of a column of the problem table with its interval; NaN where it is unknown."""
    arm = SolveRates.of(cell, column)
    if not np.isfinite(arm.rates).all():
        return np.nan, np.nan, np.nan
    return arm.mean, *proportion_interval(arm, target, draws=k)
