"""Samples tables that stay where they lie: checked and counted a part at a time, read again as they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from beyond_sharpening.analysis.accept import DEFAULTS, accept_samples, base_of_another_model, bring_to_contract
from beyond_sharpening.analysis.contract import SAMPLE_COLUMNS, validate_samples
from beyond_sharpening.analysis.counts import COUNTED, Array, Tally
from beyond_sharpening.analysis.rows import Numbered, Parts, Rows, Runs

CHECKED = (*(name for name in SAMPLE_COLUMNS if name != "completion"), "diagnostics")
"""The columns that statistics read: texts that grow with the length of completions are not among them."""


def store_samples(tables: Mapping[str, Parts], model: str) -> Rows:
    """All samples tables, checked and counted; of their rows none is kept.

    Args:
        tables: by name. Each may lack all but ``policy``, ``problem_id`` and ``correct``: what names its rows is filled
            in, what is not known is null.
        model: of tables that name none.

    Raises:
        ValueError: if a table breaks the samples contract, which is then read whole to tell every fault of it, or has
            no base here; the message names it.
    """
    accepted = {name: Accepted(parts, model) for name, parts in sorted(tables.items())}
    numbered: list[tuple[Numbered, int, int]] = []
    counts: list[pd.DataFrame] = []
    for name, parts in accepted.items():
        try:
            table, counted = _checked(parts)
        except ValueError as error:
            raise ValueError(f"samples table {name}: {error}") from error
        numbered.append((table, sum(map(len, counts)), len(counted)))
        counts.append(counted)
    together = pd.concat(counts, ignore_index=True)
    if told := base_of_another_model(together):
        raise ValueError(f"the samples tables do not belong together: {told}")
    if together.duplicated(COUNTED).any():
        numbered, together = _shared([*accepted.values()])
    texts = [name for name in COUNTED if name not in ("train_seed", "replicate")]
    return Rows(numbered, together.astype(dict.fromkeys(texts, "category")))


def _shared(tables: Sequence[Accepted]) -> tuple[list[tuple[Numbered, int, int]], pd.DataFrame]:
    """Tables that have samples of the same problem, whose answers are one vote: counted once more, together."""
    tally = Tally()
    read = [Numbered(table, Runs(_counted(table, tally, Seen()))) for table in tables]
    counts = tally.table()
    return [(table, 0, len(counts)) for table in read], counts


class Accepted:
    """The parts of a table as the contract has them."""

    def __init__(self, parts: Parts, model: str) -> None:
        self._parts, self._model = parts, model
        self.columns = [*dict.fromkeys([*parts.columns, *DEFAULTS])]
        self.sizes = parts.sizes

    def read(self, columns: Sequence[str], group: int) -> Iterator[pd.DataFrame]:
        for part in self.as_it_is(columns, group):
            yield bring_to_contract(part, columns)

    def as_it_is(self, columns: Sequence[str], group: int) -> Iterator[pd.DataFrame]:
        """The same with nothing but the model filled in."""
        there = [name for name in columns if name in self._parts.columns]
        for part in self._parts.read(there, group):
            yield part if "model" in self._parts.columns or "model" not in columns else part.assign(model=self._model)


def _checked(table: Accepted) -> tuple[Numbered, pd.DataFrame]:
    tally, seen = Tally(), Seen()
    try:
        runs = Runs(_counted(table, tally, seen))
    except ValueError as error:
        _tell(table)
        raise error
    counts = tally.table()
    if counts.empty or tally.disputes() or seen.twice() or base_of_another_model(counts):
        _tell(table)
    return Numbered(table, runs), counts


def _counted(table: Accepted, tally: Tally, seen: Seen) -> Iterator[Array]:
    """The number of each row's problem, of a part after the other; each is checked, counted, and let go."""
    for group in range(len(table.sizes)):
        for part in table.as_it_is(CHECKED, group):
            rows = accept_samples(part, whole=False)
            validate_samples(rows, needed=(), whole=False)
            problem = tally.add(rows)
            if "sample_id" in rows:
                seen.add(problem, rows["sample_id"].to_numpy(int))
            yield problem


def _tell(table: Accepted) -> None:
    """All that is wrong with a table, how often and where first: for that it is read whole."""
    parts = [part for group in range(len(table.sizes)) for part in table.as_it_is(CHECKED, group)]
    whole = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=table.columns)
    validate_samples(accept_samples(whole), needed=())


class Seen:
    """Which samples of each problem were seen, as runs of consecutive ``sample_id``: few, whatever the samples."""

    def __init__(self) -> None:
        self._runs: list[Array] = []  # (problem, first, last) each

    def add(self, problem: Array, sample_id: Array) -> None:
        order = np.lexsort((sample_id, problem))
        problem, sample_id = problem[order], sample_id[order]
        first = np.flatnonzero((np.diff(problem, prepend=-1) != 0) | (np.diff(sample_id, prepend=-2) != 1))
        last = np.append(first[1:], len(order)) - 1
        self._runs.append(np.stack([problem[first], sample_id[first], sample_id[last]], axis=1))

    def twice(self) -> bool:
        """Whether a sample of a problem is there more than once."""
        problem, first, last = np.concatenate([*self._runs, np.zeros((0, 3), int)]).T
        order = np.lexsort((first, problem))
        problem, first, last = problem[order], first[order], last[order]
        return bool(((problem[1:] == problem[:-1]) & (first[1:] <= last[:-1])).any())
