"""From completions to problems: the per-problem values that every estimate averages."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from beyond_sharpening.analysis.at_k import maj_at_k, pass_at_k
from beyond_sharpening.analysis.contract import ARM

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

CELL = [*ARM, "benchmark"]
"""One arm on one benchmark: what a row of the estimates is about."""

DETERMINISTIC_DECODERS = ("greedy", "beam_search")


def problem_table(samples: pd.DataFrame, ks: Sequence[int] = ()) -> pd.DataFrame:
    """One row a (cell, training seed, problem), of replicate 0, sorted by these keys.

    Columns: the keys, ``difficulty``, ``n_samples``, means over the problem's samples (``pass@1``,
    ``mean_tokens``, ``mean_forward_tokens``, ``truncated_rate``, ``unparsable_rate``, ``timeout_rate``), and
    ``pass@{k}`` and ``maj@{k}`` for each k, NaN where k exceeds the problem's samples. Unparsable and timed-out
    completions abstain from the vote: what cannot be scored is not an answer.
    """
    keys = [*CELL, "train_seed", "problem_id"]
    samples = samples[samples["replicate"] == 0].sort_values(keys)
    samples = samples.assign(
        correct=samples["correct"].astype(bool),
        unparsable=samples["outcome"] == "unparsable",
        timeout=samples["outcome"] == "timeout",
    )
    table = samples.groupby(keys, as_index=False).agg(
        difficulty=("difficulty", "first"),
        n_samples=("correct", "size"),
        n_correct=("correct", "sum"),
        mean_tokens=("n_tokens", "mean"),
        mean_forward_tokens=("forward_tokens", "mean"),
        truncated_rate=("truncated", "mean"),
        unparsable_rate=("unparsable", "mean"),
        timeout_rate=("timeout", "mean"),
    )
    table["pass@1"] = table["n_correct"] / table["n_samples"]
    return table.assign(**_at_k_columns(samples, table, ks))


def _at_k_columns(samples: pd.DataFrame, table: pd.DataFrame, ks: Sequence[int]) -> dict[str, np.ndarray]:
    """``pass@{k}`` and ``maj@{k}`` of each row of the table; samples are sorted as the table is."""
    ends = table["n_samples"].cumsum().to_numpy()[:-1]
    voting = ~(samples["unparsable"] | samples["timeout"])
    answers = np.split(samples["answer"].astype(object).where(voting, None).to_numpy(), ends)
    correct = np.split(samples["correct"].to_numpy(), ends)
    n, c = table["n_samples"].to_numpy(), table["n_correct"].to_numpy()
    columns: dict[str, np.ndarray] = {}
    for k in ks:
        columns[f"pass@{k}"] = np.where(k <= n, pass_at_k(n, c, np.minimum(k, n)), np.nan)
        columns[f"maj@{k}"] = np.array(
            [maj_at_k(a, ok, k) if k <= len(a) else np.nan for a, ok in zip(answers, correct, strict=True)]
        )
    return columns


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
