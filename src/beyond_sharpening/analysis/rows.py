"""A table of many rows, known by its problems: its rows are read a few problems at a time, where it lies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol, TypeAlias

import numpy as np
import pandas as pd
from pandas.api.types import union_categoricals

from beyond_sharpening.analysis.contract import CROSS_SCORE_KEY
from beyond_sharpening.analysis.counts import Array, Numbering, Tally, counts_of


class Parts(Protocol):
    """A table in groups of rows, each of which can be read by itself, a bounded number of rows at a time."""

    @property
    def columns(self) -> Sequence[str]: ...
    @property
    def sizes(self) -> Sequence[int]:
        """Rows of each group."""
        ...

    def read(self, columns: Sequence[str], group: int) -> Iterator[pd.DataFrame]:
        """These columns of a group, in the order of its rows."""
        ...


class InMemory:
    """A frame as a table of one group."""

    def __init__(self, frame: pd.DataFrame) -> None:
        often = [name for name in ("outcome", "answer") if name in frame]
        self._frame = frame.astype(dict.fromkeys(often, "category"))  # texts that are taken apart again and again
        self.columns, self.sizes = [*frame], [len(frame)]

    def read(self, columns: Sequence[str], group: int) -> Iterator[pd.DataFrame]:
        yield self._frame[list(columns)]


class Runs:
    """The number of each row's problem, kept as runs of the same number: few where a problem's rows lie together."""

    def __init__(self, parts: Iterable[Array]) -> None:
        runs, start = [np.zeros((0, 2), int)], 0
        for part in parts:
            first = np.flatnonzero(np.diff(part, prepend=-1))
            runs.append(np.stack([first + start, part[first]], axis=1))
            start += len(part)
        self._starts, self._numbers = np.concatenate(runs).T

    def wanted(self, wanted: Array, start: int, stop: int) -> bool:
        """Whether any of the rows from start to stop is of a problem that a mask (P,) selects."""
        return bool(wanted[self._numbers[self._between(start, stop)]].any())

    def of(self, start: int, stop: int) -> Array:
        """The numbers of these rows."""
        runs = self._between(start, stop)
        starts = np.append(self._starts[runs], stop)
        starts[0] = start
        return np.repeat(self._numbers[runs], np.diff(starts))

    def _between(self, start: int, stop: int) -> slice:
        return slice(np.searchsorted(self._starts, start, "right") - 1, np.searchsorted(self._starts, stop))


class Numbered:
    """A table whose rows are known by their problems' numbers."""

    def __init__(self, parts: Parts, runs: Runs) -> None:
        self._parts, self._runs = parts, runs

    def read(self, columns: Sequence[str], wanted: Array) -> Iterator[pd.DataFrame]:
        """The rows of the problems that a mask (P,) selects, their index the problem's number."""
        there = [name for name in columns if name in self._parts.columns]
        start = 0
        for group, size in enumerate(self._parts.sizes):
            row, start = start, start + size
            if not size or not self._runs.wanted(wanted, row, start):
                continue
            for frame in self._parts.read(there, group):
                numbers = self._runs.of(row, row + len(frame))
                kept, row = np.flatnonzero(wanted[numbers]), row + len(frame)
                yield (frame if len(kept) == len(frame) else frame.iloc[kept]).set_axis(numbers[kept])

    def lacks(self, column: str) -> bool:
        return column not in self._parts.columns


class Rows:
    """Tables below one another, held as what is counted of them; their rows are read as they are asked for.

    Attributes:
        counts: one row a problem (of samples, those of ``count_samples``); its index is the problem's number.
    """

    def __init__(self, tables: Sequence[tuple[Numbered, int, int]], counts: pd.DataFrame) -> None:
        """``tables`` come with the number of their first problem, and how many from there on may be theirs."""
        self._tables, self.counts = tables, counts

    def read(self, columns: Sequence[str], counted: pd.DataFrame) -> pd.DataFrame:
        """These columns of all rows that a selection of ``counts`` counts, their index the problem's number.

        Columns that no table has are absent, and unknown in the rows of a table that lacks them. ``sample_id`` is
        counted where a table has none.
        """
        frames = [*self.parts(columns, counted)]
        return _below(frames) if frames else pd.DataFrame(columns=list(columns), index=pd.Index([], dtype=int))

    def parts(self, columns: Sequence[str], counted: pd.DataFrame) -> Iterator[pd.DataFrame]:
        """The same a part at a time."""
        wanted = counted.index.to_numpy()
        for table, first, n_problems in self._tables:
            mask = np.zeros(n_problems, dtype=bool)
            mask[wanted[(wanted >= first) & (wanted < first + n_problems)] - first] = True
            parts = table.read(columns, mask) if mask.any() else iter(())
            if "sample_id" in columns and table.lacks("sample_id"):
                parts = _counted_off(parts, n_problems)
            for part in parts:
                yield part.set_axis(part.index + first)


def _counted_off(parts: Iterator[pd.DataFrame], n_problems: int) -> Iterator[pd.DataFrame]:
    """The parts with ``sample_id``, which counts the rows of each problem."""
    before = np.zeros(n_problems, dtype=int)
    for part in parts:
        yield part.assign(sample_id=before[part.index] + part.groupby(level=0).cumcount())
        before += np.bincount(part.index, minlength=n_problems)


def _below(frames: list[pd.DataFrame]) -> pd.DataFrame:
    """The frames below one another; texts that are categories stay so."""
    if len(frames) == 1:
        return frames[0]
    joined, index = {}, np.concatenate([frame.index for frame in frames])
    for name in dict.fromkeys(name for frame in frames for name in frame):
        parts = [frame[name] if name in frame else pd.Series(None, frame.index, object) for frame in frames]
        if all(isinstance(part.dtype, pd.CategoricalDtype) for part in parts):
            joined[name] = pd.Series(union_categoricals(parts, sort_categories=True), index)
        else:
            joined[name] = pd.concat(parts)
    return pd.DataFrame(joined, index=index)


Samples: TypeAlias = pd.DataFrame | Rows
"""A samples table, what is counted of one (``count_samples``), or one whose rows stay where they lie."""


def count_samples(samples: Samples) -> pd.DataFrame:
    """The counts of a samples table: all that estimates and contrasts need of it. Counts are returned as they are.

    Returns:
        One row a (model, policy, variant, checkpoint, decoder, benchmark, train_seed, replicate, problem_id) with
        ``decoder_parameters``, ``difficulty``; ``n_samples``, ``n_correct``, ``n_scored`` (told right or wrong); sums
        over the samples, NaN where one is unknown: ``n_tokens``, ``forward_tokens``, ``truncated``, ``unparsable``,
        ``timeout``; of the samples whose log π_ref is known ``n_known``, ``n_known_correct``, ``logp_base`` (its sum)
        and ``correct_logp_base`` (over the correct ones); ``votes``: how often each answer was given, wrong ones
        negative, as the bytes of an int32 array, null where nothing says; ``disputed``: an answer that is graded both
        right and wrong, else null.
    """
    if isinstance(samples, Rows):
        return samples.counts
    if "n_correct" in samples:
        return samples
    tally = Tally()
    tally.add(samples)
    return counts_of(tally, samples)


def rows_of(samples: Samples) -> Rows:
    """A samples table whose rows can be read by what is counted of them; of counts alone there are none."""
    if isinstance(samples, Rows):
        return samples
    if "n_correct" in samples:
        return Rows([], samples)
    tally = Tally()
    runs = Runs([tally.add(samples)])
    counts = counts_of(tally, samples)
    return Rows([(Numbered(InMemory(samples), runs), 0, len(counts))], counts)


def scores_of(*tables: Parts) -> Rows:
    """Cross scores (``contract.CROSS_SCORE_KEY``); ``counts`` are their keys without the sample's."""
    keys = [name for name in CROSS_SCORE_KEY if name != "sample_id"]
    numbered: list[tuple[Numbered, int, int]] = []
    counts: list[pd.DataFrame] = []
    for parts in tables:
        named = Numbering(keys)
        there = [name for name in keys if name in parts.columns]
        runs = Runs(named.add(frame) for group in range(len(parts.sizes)) for frame in parts.read(there, group))
        numbered.append((Numbered(parts, runs), sum(map(len, counts)), len(named.table())))
        counts.append(named.table())
    return Rows(numbered, pd.concat(counts, ignore_index=True))
