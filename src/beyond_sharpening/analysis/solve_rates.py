"""From completions to problems: the per-problem values that every estimate averages."""

from __future__ import annotations

from dataclasses import dataclass, replace
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
    cells = table.groupby(CELL, observed=True).ngroup().to_numpy()
    return table.assign(**columns | _at_k_columns(rows, groups, cells, n_samples, n_correct, ks))


def _measured(rows: pd.DataFrame) -> dict[str, np.ndarray]:
    """What is averaged over a problem's samples, (N,) each."""
    numbers = {"mean_tokens": "n_tokens", "mean_forward_tokens": "forward_tokens", "truncated_rate": "truncated"}
    known = {
        name: rows[column].to_numpy(float, na_value=np.nan) if column in rows else np.full(len(rows), np.nan)
        for name, column in numbers.items()
    }
    for outcome in ("unparsable", "timeout"):
        if "outcome" in rows:
            happened = np.where(rows["outcome"].notna(), rows["outcome"].eq(outcome), np.nan)
        known[f"{outcome}_rate"] = happened if "outcome" in rows else np.full(len(rows), np.nan)
    return known


def _at_k_columns(
    rows: pd.DataFrame, groups: np.ndarray, cells: np.ndarray, n: np.ndarray, c: np.ndarray, ks: Sequence[int]
) -> dict[str, np.ndarray]:
    """``pass@{k}`` and ``maj@{k}`` of each problem; ``groups`` is each row's, ``cells``, n and c are each problem's."""
    if not ks:
        return {}
    sizes, right = _answer_classes(rows, groups, len(n))
    votes = majorities(sizes, right, n, ks) if sizes.size else np.full((len(ks), len(n)), np.nan)
    votes[:, _without_answers(rows, groups, cells, sizes)] = np.nan
    columns: dict[str, np.ndarray] = {}
    for k, vote in zip(ks, votes, strict=True):
        columns[f"pass@{k}"] = np.where(k <= n, pass_at_k(n, c, np.minimum(k, n)), np.nan)
        columns[f"maj@{k}"] = vote
    return columns


def _without_answers(rows: pd.DataFrame, groups: np.ndarray, cells: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """The problems (G,) of cells in which completions were scored and none has an answer: there is no vote to hold."""
    scored = np.bincount(groups, weights=_scored(rows), minlength=len(cells))
    answered, counted = (np.bincount(cells, weights=values)[cells] for values in (sizes.sum(axis=1), scored))
    return (answered == 0) & (counted > 0)


def _scored(rows: pd.DataFrame) -> np.ndarray:
    """Whether each completion was told right or wrong, (N,); where the outcome is not known, it was."""
    if "outcome" not in rows:
        return np.ones(len(rows), dtype=bool)
    return (rows["outcome"].isin(["correct", "wrong"]) | rows["outcome"].isna()).to_numpy()


def _answer_classes(rows: pd.DataFrame, groups: np.ndarray, n_groups: int) -> tuple[np.ndarray, np.ndarray]:
    """How often each problem's answers were given, and whether they are right, (G, C) each; empty without answers."""
    if "answer" not in rows:
        return np.zeros((n_groups, 0), int), np.zeros((n_groups, 0), bool)
    answers, names = pd.factorize(rows["answer"])
    voting = (answers >= 0) & _scored(rows)
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

    Problems that not all training seeds have are left out.
    """
    cell = _had_by_all_seeds(cell)
    values = cell.sort_values(["train_seed", "problem_id"])[list(columns)].to_numpy(float)
    return values.reshape(cell["train_seed"].nunique(), -1, len(columns))


def _had_by_all_seeds(cell: pd.DataFrame) -> pd.DataFrame:
    seeds = cell["train_seed"].nunique()
    if seeds == 1:
        return cell
    common = cell[cell.groupby("problem_id", observed=True)["train_seed"].transform("size") == seeds]
    if common.empty:
        name = f"{cell['policy'].iloc[0]} on {cell['benchmark'].iloc[0]}"
        raise ValueError(f"{name}: its {seeds} training seeds have no problem in common; evaluate all on the same")
    return common


@dataclass(frozen=True, eq=False)
class SolveRates:
    """One arm on one benchmark: a share of each problem's samples, or the chance that k of them solve it.

    Attributes:
        rates: value of each seed and problem in [0, 1], (S, P).
        n_samples: samples drawn, (S, P).
        problems: the problems' ids, sorted, (P,).
        deterministic: the decoder draws nothing at random.
        left_out: problems that not all seeds have.
    """

    rates: np.ndarray
    n_samples: np.ndarray
    problems: np.ndarray
    deterministic: bool
    left_out: tuple[str, ...] = ()

    @classmethod
    def of(cls, cell: pd.DataFrame, column: str = "pass@1") -> SolveRates:
        """From one cell of the problem table; ``column`` is what is compared."""
        common = _had_by_all_seeds(cell).sort_values(["train_seed", "problem_id"])
        n_seeds = common["train_seed"].nunique()
        rates, n_samples = (common[name].to_numpy(float).reshape(n_seeds, -1) for name in (column, "n_samples"))
        problems = common["problem_id"].to_numpy()[: rates.shape[1]]
        alone = () if len(common) == len(cell) else set(cell["problem_id"]).difference(problems)
        deterministic = cell["decoder"].iloc[0] in DETERMINISTIC_DECODERS
        return cls(rates, n_samples, problems, deterministic, tuple(sorted(alone)))

    def on(self, problems: np.ndarray) -> SolveRates:
        """The same on these problems alone, all of which it has."""
        kept = np.isin(self.problems, problems)
        return replace(self, rates=self.rates[:, kept], n_samples=self.n_samples[:, kept], problems=self.problems[kept])

    @property
    def n_seeds(self) -> int:
        return self.rates.shape[0]

    @property
    def n_problems(self) -> int:
        return self.rates.shape[1]

    @property
    def mean(self) -> float:
        """The mean over seeds and problems: pass@1, where the values are shares."""
        return float(self.rates.mean())

    @cached_property
    def cell_variance(self) -> np.ndarray:
        """Variance of each value (S, P) from drawing completions alone.

        p(1 − p)/K of each problem, with the posterior mean of p(1 − p) under Jeffreys' prior, so that a saturated
        benchmark does not pretend to certainty.
        """
        if self.deterministic:
            return np.zeros(self.rates.shape)
        n, correct = self.n_samples, self.rates * self.n_samples
        return (correct + 0.5) * (n - correct + 0.5) / ((n + 1) * (n + 2)) / n

    @property
    def sampling_variance(self) -> float:
        """Variance of the mean from drawing completions alone, seeds and problems held fixed."""
        return float(self.cell_variance.sum() / self.rates.size**2)

    @cached_property
    def seed_variance(self) -> float:
        """Variance of the mean over seeds, never below what drawing completions must cause.

        With one seed, as the base has by nature, drawing completions is all of it.
        """
        between = self.rates.mean(axis=1).var(ddof=1) / self.n_seeds if self.n_seeds > 1 else 0.0
        return max(float(between), self.sampling_variance)
