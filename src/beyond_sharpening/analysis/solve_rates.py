"""From completions to problems: the per-problem values that every estimate averages."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from beyond_sharpening.analysis.at_k import majorities, pass_at_k
from beyond_sharpening.analysis.contract import CELL
from beyond_sharpening.analysis.counts import SUMS
from beyond_sharpening.analysis.rows import Samples, count_samples

if TYPE_CHECKING:
    from collections.abc import Sequence

PROBLEM_KEY = [*CELL, "train_seed", "problem_id"]

DETERMINISTIC_DECODERS = ("greedy", "beam_search")


def problem_table(samples: Samples, ks: Sequence[int] = (), replicates: Sequence[int] = (0,)) -> pd.DataFrame:
    """One row a (cell, training seed, problem), sorted by these keys.

    Columns: the keys, ``difficulty``, ``n_samples``, ``n_correct``, means over the problem's samples (``pass@1``,
    ``mean_tokens``, ``mean_forward_tokens``, ``truncated_rate``, ``unparsable_rate``, ``timeout_rate``), and
    ``pass@{k}`` for each k, NaN where k exceeds the problem's samples; of a single replicate also ``maj@{k}``.
    Unparsable and timed-out completions abstain from the vote: what cannot be scored is not an answer. Columns that
    the samples lack, and votes without answers, are NaN.

    Args:
        samples: a samples table, or its counts.
        ks: of pass@k and maj@k.
        replicates: of these; where there are several, their samples count together.
    """
    counts = count_samples(samples)
    counts = counts[counts["replicate"].isin(replicates)]
    problems = counts.groupby(PROBLEM_KEY, observed=True, sort=True).ngroup().to_numpy()
    order = np.argsort(problems, kind="stable")
    counts, first = counts.iloc[order], np.unique(problems[order], return_index=True)[1]
    table = counts[PROBLEM_KEY].iloc[first].reset_index(drop=True)
    sums = np.add.reduceat(counts[SUMS].to_numpy(float), first) if len(first) else np.zeros((0, len(SUMS)))
    total = dict(zip(SUMS, sums.T, strict=True))
    n_samples, n_correct = total["n_samples"].astype(int), total["n_correct"].astype(int)
    columns = {"difficulty": counts["difficulty"].iloc[first].to_numpy() if "difficulty" in counts else np.nan}
    columns |= {"n_samples": n_samples, "n_correct": n_correct}
    for name, summed in AVERAGED.items():
        columns[name] = total[summed] / n_samples
    columns["pass@1"] = n_correct / n_samples
    for k in ks:
        able = k <= n_samples
        columns[f"pass@{k}"] = np.where(able, pass_at_k(n_samples, n_correct, np.minimum(k, n_samples)), np.nan)
    table = table.assign(**columns)
    return table.assign(**_votes(counts, table, ks)) if ks and len(replicates) == 1 else table


AVERAGED = {
    "mean_tokens": "n_tokens",
    "mean_forward_tokens": "forward_tokens",
    "truncated_rate": "truncated",
    "unparsable_rate": "unparsable",
    "timeout_rate": "timeout",
}
"""The means over a problem's samples, and whose."""


def _votes(counts: pd.DataFrame, table: pd.DataFrame, ks: Sequence[int]) -> dict[str, np.ndarray]:
    """``maj@{k}`` of each problem; counts and problem table have the same rows."""
    disputed = counts["disputed"].dropna()
    if len(disputed):
        answer = disputed.iloc[0]
        raise ValueError(f"answer {answer!r} is graded both correct and wrong; a vote needs one verdict an answer")
    if counts["votes"].isna().all():  # nothing says what was answered
        return {f"maj@{k}": np.full(len(table), np.nan) for k in ks}
    signed = _answer_classes(counts["votes"].where(counts["votes"].notna(), b""))
    votes = majorities(np.abs(signed), signed > 0, table["n_samples"].to_numpy(), ks)
    cells = table.groupby(CELL, observed=True).ngroup().to_numpy()
    answered, scored = (
        np.bincount(cells, weights=values)[cells] for values in (np.abs(signed).sum(axis=1), counts["n_scored"])
    )
    votes[:, (answered == 0) & (scored > 0)] = np.nan  # completions were scored, none has an answer: no vote is held
    return {f"maj@{k}": vote for k, vote in zip(ks, votes, strict=True)}


def _answer_classes(votes: pd.Series) -> np.ndarray:
    """How often each problem's answers were given, wrong ones negative, (G, C); 0 to fill up."""
    n_classes = votes.map(len).to_numpy(int) // np.dtype(np.int32).itemsize
    signed = np.zeros((len(votes), max(n_classes.max(initial=0), 1)), dtype=np.int64)
    signed[np.arange(signed.shape[1]) < n_classes[:, None]] = np.frombuffer(b"".join(votes), dtype=np.int32)
    return signed


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
