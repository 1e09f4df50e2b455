"""What is counted of a samples table: one row a problem, however many samples it has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from beyond_sharpening.analysis.contract import CELL

Array = np.ndarray

COUNTED = [*CELL, "train_seed", "replicate", "problem_id"]
"""The columns that together name a row of the counts."""

FIRST = ["decoder_parameters", "difficulty"]
"""What all samples of a problem share: taken from the first of them."""

SUMS = [
    *["n_samples", "n_correct", "n_scored", "n_tokens", "forward_tokens", "truncated", "unparsable", "timeout"],
    *["n_known", "n_known_correct", "logp_base", "correct_logp_base"],
]

WHOLE = ["n_samples", "n_correct", "n_scored", "n_known", "n_known_correct"]

MANY = 1 << 18
"""Rows of a tally that are put up with before those of the same problem and answer become one."""


class Numbering:
    """The problems of a table that comes a part at a time, numbered as they come."""

    def __init__(self, keys: Sequence[str], told: Sequence[str] = ()) -> None:
        """``keys`` name a problem; of ``told`` its first row has the values; columns that are absent name nothing."""
        self._keys, self._told = keys, told
        self._numbers: dict[tuple[object, ...], int] = {}
        self._rows: list[pd.DataFrame] = []

    def add(self, rows: pd.DataFrame) -> Array:
        """The number of each row's problem, (N,)."""
        keys = [name for name in self._keys if name in rows]
        groups = rows.groupby(keys, observed=True, sort=False).ngroup().to_numpy()
        first = np.unique(groups, return_index=True)[1]
        shown = rows[[*keys, *(name for name in self._told if name in rows)]].iloc[first]
        plain = pd.DataFrame({name: np.asarray(shown[name]) for name in shown})
        known, numbers = len(self._numbers), self._numbers
        of_group = np.array(
            [numbers.setdefault(key, len(numbers)) for key in plain[keys].itertuples(index=False, name=None)], dtype=int
        )
        self._rows.append(plain[of_group >= known])
        return of_group[groups]

    def table(self) -> pd.DataFrame:
        """One row a problem, in the order of their numbers."""
        return pd.concat(self._rows, ignore_index=True) if self._rows else pd.DataFrame()


class Tally:
    """The counts of a samples table that comes a part at a time."""

    def __init__(self) -> None:
        self._problems = Numbering(COUNTED, FIRST)
        self._answers: dict[object, int] = {}
        self._asked = False  # whether the table says what was answered
        self._parts: list[tuple[Array, Array]] = []  # (problem, answer) in one number, sums of their samples (C,)
        self._merged = 0

    def add(self, rows: pd.DataFrame) -> Array:
        """Count these rows; the number of each row's problem, (N,)."""
        problem = self._problems.add(rows)
        key, inverse = np.unique(problem << 32 | self._answer(rows) + 1, return_inverse=True)
        values = [np.bincount(inverse, weights=column, minlength=len(key)) for column in _counted(rows)]
        self._parts.append((key, np.stack(values, axis=1)))
        if sum(len(part) for part, _ in self._parts) > 2 * self._merged + MANY:
            self._merge()
        return problem

    def _answer(self, rows: pd.DataFrame) -> Array:
        """A number for each different answer, (N,); −1 where there is none, or it could not be scored."""
        if "answer" not in rows:
            return np.full(len(rows), -1)
        self._asked = True
        codes, names = pd.factorize(rows["answer"])
        numbers = [self._answers.setdefault(name, len(self._answers)) for name in names]
        return np.where((codes >= 0) & scored(rows), np.array([*numbers, -1])[codes], -1)

    def _merge(self) -> None:
        keys, sums = (np.concatenate(parts) for parts in zip(*self._parts, strict=True))
        order = np.argsort(keys, kind="stable")
        key, start = np.unique(keys[order], return_index=True)
        self._parts, self._merged = [(key, np.add.reduceat(sums[order], start, axis=0))], len(key)

    def table(self) -> pd.DataFrame:
        """The counts (see ``count_samples``), in the order of the problems' numbers."""
        if not self._parts:
            return pd.DataFrame(columns=[*COUNTED, *SUMS])
        self._merge()
        (key, sums), names = self._parts[0], [*self._answers]
        problem, answer = key >> 32, (key & (1 << 32) - 1) - 1
        start = np.unique(problem, return_index=True)[1]
        table = self._problems.table()
        table[SUMS] = np.add.reduceat(sums, start, axis=0)
        table = table.astype(dict.fromkeys(WHOLE, int))
        voted = answer >= 0
        size, right = sums[:, 0], sums[:, 1]
        signed = np.where(right > 0, size, -size)[voted].astype(np.int32)
        disputed = np.full(len(table), None, dtype=object)
        both = np.flatnonzero(voted & (right > 0) & (right < size))
        disputed[problem[both]] = [names[number] for number in answer[both]]
        votes = _by_problem(signed, problem[voted], len(table)) if self._asked else None
        return table.assign(votes=pd.Series(votes, table.index, object), disputed=disputed)

    def disputes(self) -> bool:
        """Whether an answer of a problem is graded both right and wrong, whoever gave it."""
        self._merge()
        key, sums = self._parts[0]
        names = self._problems.table().groupby(["benchmark", "problem_id"]).ngroup().to_numpy()
        answer = key & (1 << 32) - 1
        _, inverse = np.unique(names[key >> 32] << 32 | answer, return_inverse=True)
        size, right = (np.bincount(inverse, weights=np.where(answer > 0, sums[:, column], 0)) for column in (0, 1))
        return bool(((right > 0) & (right < size)).any())


def count_parts(parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """The counts (see ``count_samples``) of a samples table that comes a part at a time."""
    tally = Tally()
    for part in parts:
        tally.add(part)
    return tally.table()


def _by_problem(values: Array, problem: Array, n_problems: int) -> list[bytes]:
    """The values (A,) of each problem, in as few bytes as hold them; ``problem`` is sorted."""
    ends = np.concatenate([[0], np.cumsum(np.bincount(problem, minlength=n_problems))])
    return [values[start:end].tobytes() for start, end in pairwise(ends.tolist())]


def _counted(rows: pd.DataFrame) -> Iterator[Array]:
    """The values (N,) of each row that ``SUMS`` add up, in their order."""
    right = rows["correct"].to_numpy(float)
    yield from (np.ones(len(rows)), right, scored(rows).astype(float))
    yield from (numbers(rows, name) for name in ("n_tokens", "forward_tokens", "truncated"))
    for outcome in ("unparsable", "timeout"):
        known = "outcome" in rows
        yield np.where(rows["outcome"].notna(), rows["outcome"].eq(outcome), np.nan) if known else _unknown(rows)
    logp = numbers(rows, "logp_base")
    known = np.isfinite(logp)
    yield from (known.astype(float), known * right, np.where(known, logp, 0.0), np.where(known, logp * right, 0.0))


def numbers(rows: pd.DataFrame, name: str) -> Array:
    """A column as floats, (N,); NaN where it is unknown, or absent."""
    return rows[name].to_numpy(float, na_value=np.nan) if name in rows else _unknown(rows)


def _unknown(rows: pd.DataFrame) -> Array:
    return np.full(len(rows), np.nan)


def scored(rows: pd.DataFrame) -> Array:
    """Whether each completion was told right or wrong, (N,); where the outcome is not known, it was."""
    if "outcome" not in rows:
        return np.ones(len(rows), dtype=bool)
    return (rows["outcome"].isin(["correct", "wrong"]) | rows["outcome"].isna()).to_numpy()


def counts_of(tally: Tally, rows: pd.DataFrame) -> pd.DataFrame:
    """The counts of a table that was added whole, named by columns of the same types."""
    counts = tally.table()
    return counts.astype({name: rows[name].dtype for name in COUNTED if name in counts and name in rows})
