"""From completions to problems: the per-problem values that every estimate averages."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from beyond_sharpening.analysis.at_k import majorities, pass_at_k
from beyond_sharpening.analysis.contract import ARM

if TYPE_CHECKING:
    from collections.abc import Sequence

CELL = [*ARM, "benchmark"]
"""One arm on one benchmark: what a row of the estimates is about."""

PROBLEM_KEY = [*CELL, "train_seed", "problem_id"]
MEASURED = ["difficulty", "correct", "outcome", "answer", "n_tokens", "forward_tokens", "truncated"]

DETERMINISTIC_DECODERS = ("greedy", "beam_search")


def problem_table(samples: pd.DataFrame, ks: Sequence[int] = (), replicates: Sequence[int] = (0,)) -> pd.DataFrame:
    """One row a (cell, training seed, problem), sorted by these keys; completions are not read.

    Columns: the keys, ``difficulty``, ``n_samples``, ``n_correct``, means over the problem's samples (``pass@1``,
    ``mean_tokens``, ``mean_forward_tokens``, ``truncated_rate``, ``unparsable_rate``, ``timeout_rate``), and
    ``pass@{k}`` and ``maj@{k}`` for each k, NaN where k exceeds the problem's samples. Unparsable and timed-out
    completions abstain from the vote: what cannot be scored is not an answer. Columns that the samples lack, and votes
    without answers, are NaN.

    Args:
        samples: a samples table.
        ks: of pass@k and maj@k.
        replicates: of these; where there are several, their samples count together.
    """
    kept = samples["replicate"].isin(replicates).to_numpy()
    rows = samples[[name for name in [*PROBLEM_KEY, *MEASURED] if name in samples]]
    rows = rows if kept.all() else rows[kept]
    groups = rows.groupby(PROBLEM_KEY, observed=True, sort=True).ngroup().to_numpy()
    first = np.unique(groups, return_index=True)[1]
    table = rows[PROBLEM_KEY].iloc[first].reset_index(drop=True)
    n_samples, correct = np.bincount(groups), rows["correct"].to_numpy(float)
    n_correct = np.bincount(groups, weights=correct, minlength=len(table)).astype(int)
    columns = {"difficulty": rows["difficulty"].iloc[first].to_numpy() if "difficulty" in rows else np.nan}
    columns |= {"n_samples": n_samples, "n_correct": n_correct}
    for name, values in _measured(rows).items():
        columns[name] = np.bincount(groups, weights=values, minlength=len(table)) / n_samples
    columns["pass@1"] = n_correct / n_samples
    return table.assign(**columns | _at_k_columns(rows, groups, n_samples, n_correct, ks))


def _measured(rows: pd.DataFrame) -> dict[str, np.ndarray]:
    """What is averaged over a problem's samples, (N,) each."""
    numbers = {"mean_tokens": "n_tokens", "mean_forward_tokens": "forward_tokens", "truncated_rate": "truncated"}
    known = {
        name: rows[column].to_numpy(float, na_value=np.nan) if column in rows else np.full(len(rows), np.nan)
        for name, column in numbers.items()
    }
    for outcome in ("unparsable", "timeout"):
        happened = rows["outcome"].eq(outcome).to_numpy(float) if "outcome" in rows else np.full(len(rows), np.nan)
        known[f"{outcome}_rate"] = happened
    return known


def _at_k_columns(
    rows: pd.DataFrame, groups: np.ndarray, n: np.ndarray, c: np.ndarray, ks: Sequence[int]
) -> dict[str, np.ndarray]:
    """``pass@{k}`` and ``maj@{k}`` of each problem; ``groups`` is each row's, n and c are each problem's."""
    if not ks:
        return {}
    sizes, right = _answer_classes(rows, groups, len(n))
    columns: dict[str, np.ndarray] = {}
    for k in ks:
        columns[f"pass@{k}"] = np.where(k <= n, pass_at_k(n, c, np.minimum(k, n)), np.nan)
        columns[f"maj@{k}"] = majorities(sizes, right, n, k) if sizes.size else np.full(len(n), np.nan)
    return columns


def _answer_classes(rows: pd.DataFrame, groups: np.ndarray, n_groups: int) -> tuple[np.ndarray, np.ndarray]:
    """How often each problem's answers were given, and whether they are right, (G, C) each; empty without answers."""
    if "answer" not in rows:
        return np.zeros((n_groups, 0), int), np.zeros((n_groups, 0), bool)
    answers, names = pd.factorize(rows["answer"])
    voting = answers >= 0
    if "outcome" in rows:
        voting &= rows["outcome"].isin(["correct", "wrong"]).to_numpy()
    key = groups[voting].astype(np.int64) * max(len(names), 1) + answers[voting]
    classes, inverse, count = np.unique(key, return_inverse=True, return_counts=True)
    right = np.bincount(inverse, weights=rows["correct"].to_numpy(float)[voting], minlength=len(classes))
    disputed = np.flatnonzero((right > 0) & (right < count))
    if len(disputed):
        answer = names[classes[disputed[0]] % len(names)]
        raise ValueError(f"answer {answer!r} is graded both correct and wrong; a vote needs one verdict an answer")
    group = classes // max(len(names), 1)
    n_classes = np.bincount(group, minlength=n_groups)
    place = np.arange(len(classes)) - (np.cumsum(n_classes) - n_classes)[group]
    sizes, is_right = (np.zeros((n_groups, n_classes.max(initial=0) or 1), kind) for kind in (int, bool))
    sizes[group, place], is_right[group, place] = count, right > 0
    return sizes, is_right


def seeds_by_problems(cell: pd.DataFrame, columns: Sequence[str]) -> np.ndarray:
    """The columns of one cell of the problem table as an array (S, P, C): seeds, problems, columns.

    Raises:
        ValueError: if the training seeds were not evaluated on the same problems.
    """
    problems = {str(seed): set(rows["problem_id"]) for seed, rows in cell.groupby("train_seed")}
    first, *others = problems
    for seed in others:
        name = f"{cell['policy'].iloc[0]} on {cell['benchmark'].iloc[0]}: train_seed "
        require_same_problems(f"{name}{first}", problems[first], f"{name}{seed}", problems[seed])
    values = cell.sort_values(["train_seed", "problem_id"])[list(columns)].to_numpy(float)
    return values.reshape(len(problems), -1, len(columns))


def require_same_problems(name_a: str, problems_a: set[str], name_b: str, problems_b: set[str]) -> None:
    """Raise a ValueError that counts and names the problems only one side has."""
    if problems_a != problems_b:
        differing = sorted(problems_a ^ problems_b)
        raise ValueError(
            f"{name_a} has {len(problems_a)} problems, {name_b} has {len(problems_b)}; {len(differing)} are on one "
            f"side only, such as {', '.join(differing[:3])}; evaluate both on the same problems"
        )


@dataclass(frozen=True, eq=False)
class SolveRates:
    """One arm on one benchmark.

    Attributes:
        rates: share of correct samples by seed and problem, (S, P).
        n_samples: samples drawn, (S, P).
        problems: the problems' ids, sorted.
        deterministic: the decoder draws nothing at random.
    """

    rates: np.ndarray
    n_samples: np.ndarray
    problems: tuple[str, ...]
    deterministic: bool

    @classmethod
    def of(cls, cell: pd.DataFrame) -> SolveRates:
        """From one cell of the problem table."""
        values = seeds_by_problems(cell, ["pass@1", "n_samples"])
        problems = tuple(sorted(cell["problem_id"].unique()))
        return cls(values[..., 0], values[..., 1], problems, cell["decoder"].iloc[0] in DETERMINISTIC_DECODERS)

    @property
    def n_seeds(self) -> int:
        return self.rates.shape[0]

    @property
    def n_problems(self) -> int:
        return self.rates.shape[1]

    @property
    def mean(self) -> float:
        """pass@1: the mean over seeds and problems."""
        return float(self.rates.mean())

    @cached_property
    def sampling_variance(self) -> float:
        """Variance of the mean from drawing completions alone, seeds and problems held fixed.

        p(1 − p)/K of each problem, with the posterior mean of p(1 − p) under Jeffreys' prior, so that
        a saturated benchmark does not pretend to certainty.
        """
        if self.deterministic:
            return 0.0
        n, correct = self.n_samples, self.rates * self.n_samples
        spread = (correct + 0.5) * (n - correct + 0.5) / ((n + 1) * (n + 2))
        return float((spread / n).sum() / self.rates.size**2)

    @cached_property
    def seed_variance(self) -> float:
        """Variance of the mean over seeds, never below what drawing completions must cause.

        With one seed, as the base has by nature, drawing completions is all of it.
        """
        between = self.rates.mean(axis=1).var(ddof=1) / self.n_seeds if self.n_seeds > 1 else 0.0
        return max(float(between), self.sampling_variance)
