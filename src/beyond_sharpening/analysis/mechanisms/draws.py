"""From the samples table to arrays: what a policy drew on a benchmark, beside what its base drew."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import numpy as np
import pandas as pd

from beyond_sharpening.analysis.contract import BASE, settling
from beyond_sharpening.analysis.counts import numbers, scored
from beyond_sharpening.analysis.mechanisms.groups import Array, sums
from beyond_sharpening.analysis.rows import InMemory, Rows, Samples, rows_of, scores_of

ARM_KEY = ["model", "policy", "variant", "benchmark"]
READ = ["sample_id", "correct", "outcome", "answer", "logp_base", "n_tokens", "truncated", "token_entropy"]
NUMBERS = ("logp_base", "logp_policy", "n_tokens", "truncated", "token_entropy")
SCORED = ["problem", "replicate", "sample_id"]

Columns = dict[str, Array]

BLOCK = 1 << 17
"""Rows of a policy and its base that are worked on at once, but for a problem that has more."""


@dataclass(frozen=True, eq=False)
class Draws:
    """N completions of one policy at one checkpoint, or of the base, in the order of their problems.

    Attributes:
        problem: number of each row's problem, 0 to P − 1, (N,).
        n_problems: P.
        second: which of two independent halves the row is of, (N,) bool: its replicate, or, of one replicate, in turn.
        right: R, (N,) bool.
        log_p: log-probability under the base, nats, (N,); NaN where unknown, as in all that follow.
        log_q: under the policy; for the base's rows, under the policy they are compared with.
        n_tokens: length, EOS included.
        truncated: 1 where the length cap ended it.
        token_entropy: mean over its tokens, nats.
        answer: number of the canonical answer within the table, −1 where there is none, (N,).
    """

    problem: Array
    n_problems: int
    second: Array
    right: Array
    log_p: Array
    log_q: Array
    n_tokens: Array
    truncated: Array
    token_entropy: Array
    answer: Array

    @cached_property
    def n_samples(self) -> Array:
        """n of each problem, (P,)."""
        return np.bincount(self.problem, minlength=self.n_problems)

    @cached_property
    def n_right(self) -> Array:
        """c of each problem, (P,)."""
        return sums(self.problem, self.right, self.n_problems)

    def where(self, rows: Array) -> Draws:
        """The rows that a mask (N,) selects; problems keep their numbers."""
        arrays = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "n_problems"}
        return replace(self, **{name: values[rows] for name, values in arrays.items()})

    def bare(self) -> Draws:
        """What a divergence needs: problems, verdicts and log-probabilities alone."""
        nothing = np.zeros(0)
        kept = replace(self, problem=self.problem.astype(np.int32))
        others = dict.fromkeys(("second", "n_tokens", "truncated", "token_entropy", "answer"), nothing)
        return replace(kept, **others)  # type: ignore[arg-type]

    def halves(self) -> tuple[Draws, Draws]:
        """Two independent halves: the replicates where there are two, else rows in turn."""
        return self.where(~self.second), self.where(self.second)


class Tries(NamedTuple):
    """How many samples each problem has, and how many are right, (P,) each."""

    n_samples: Array
    n_right: Array


class Tried(Protocol):
    """What has such counts: ``Tries``, or draws."""

    @property
    def n_samples(self) -> Array: ...
    @property
    def n_right(self) -> Array: ...


class Pair(NamedTuple):
    """A trained checkpoint and its base on the problems that both have."""

    policy: Draws
    base: Draws


Block = tuple[int, int]
"""The numbers of some problems: from the first, up to the one that is not among them."""


class Pairs(Sequence[Pair]):
    """The pairs of an arm's training seeds, read as they are asked for.

    Args:
        rows: of the samples.
        scores: of the base's completions under the policies, if they were scored.
        own: each training seed's rows of the counts, with ``problem``, the number of their problem.
        base: the base's.
        scored: each training seed's rows of the counts of the scores, likewise.
    """

    def __init__(
        self, rows: Rows, scores: Rows | None, own: list[pd.DataFrame], base: pd.DataFrame, scored: list[pd.DataFrame]
    ) -> None:
        self._rows, self._scores, self._own, self._base, self._scored = rows, scores, own, base, scored
        self._n_problems = int(base["problem"].max()) + 1
        self._replicated = base["replicate"].nunique() == 2

    def __len__(self) -> int:
        return len(self._own)

    def __getitem__(self, seed: Any) -> Any:
        return self._pair(seed, (0, self._n_problems))

    def blocks(self, seed: int) -> Iterator[Pair]:
        """A pair in blocks of its problems, which are numbered from 0 in each."""
        return (self._pair(seed, block) for block in self._blocks(seed))

    def _blocks(self, seed: int) -> Iterator[Block]:
        together = pd.concat([self._own[seed], self._base])
        ends = np.cumsum(np.bincount(together["problem"], weights=together["n_samples"]))
        first = 0
        while first < self._n_problems:
            before = ends[first - 1] if first else 0
            last = max(int(np.searchsorted(ends, before + BLOCK, "right")), first + 1)
            yield first, last
            first = last

    def _pair(self, seed: int, block: Block) -> Pair:
        rows = _read(self._rows, READ, _within(self._base, block))
        rows["log_q"] = self._log_q(seed, block, rows)
        own = _read(self._rows, [*READ, "logp_policy"], _within(self._own[seed], block))
        own["log_q"] = own["logp_policy"]
        return Pair(_draws(own, block, False), _draws(rows, block, self._replicated))

    def _log_q(self, seed: int, block: Block, base: Columns) -> Array:
        """log π of the base's completions (N,) under a training seed; NaN where it did not score them."""
        if self._scores is None:
            return np.full(len(base["problem"]), np.nan)
        scores = _read(self._scores, ["sample_id", "logp_policy"], _within(self._scored[seed], block))
        asked, told = (pd.MultiIndex.from_arrays([rows[name] for name in SCORED]) for rows in (base, scores))
        if not told.is_unique:
            raise ValueError("base completions are scored twice under a policy; a row of the scores is named once")
        place = told.get_indexer(asked)
        return np.where(place >= 0, np.append(scores["logp_policy"], np.nan)[place], np.nan)


class Arm(NamedTuple):
    """All training seeds of a policy on one benchmark, beside the base; ``left_out`` are problems not had by all.

    ``tried`` are each seed's tries and the base's, ``replicates`` the base's by replicate: the same without reading.
    """

    key: tuple[str, str, str, str]
    problems: Array
    left_out: Array
    seeds: tuple[int, ...]
    tried: list[tuple[Tries, Tries]]
    replicates: list[Tries]
    pairs: Pairs


def arms(samples: Samples, base_scores: pd.DataFrame | Rows | None = None) -> Iterator[Arm]:
    """Every (model, policy, variant, benchmark) whose base is there, at the settling checkpoint and decoder.

    A base without a second replicate is taken as it is. Problems that the base or a training seed lacks are left out.
    """
    rows = rows_of(samples)
    scores = scores_of(InMemory(base_scores)) if isinstance(base_scores, pd.DataFrame) else base_scores
    counts = settling(rows.counts, replicates=(0, 1))
    cells = {_key(key): cell for key, cell in counts.groupby(ARM_KEY, observed=True, sort=True)}
    for key, own in cells.items():
        model, policy, _, benchmark = key
        based = [cells[other] for other in cells if (other[0], other[1], other[3]) == (model, BASE, benchmark)]
        if policy != BASE and based:
            yield _arm(key, own, pd.concat(based), rows, scores)


def _key(key: object) -> tuple[str, str, str, str]:
    model, policy, variant, benchmark = map(str, key) if isinstance(key, tuple) else ("", "", "", "")
    return model, policy, variant, benchmark


def _arm(key: tuple[str, str, str, str], own: pd.DataFrame, base: pd.DataFrame, rows: Rows, scores: Rows | None) -> Arm:
    own = own[own["replicate"] == 0]
    by_seed = {int(str(seed)): part for seed, part in own.groupby("train_seed", sort=True)}
    had = [set(part["problem_id"]) for part in (base, *by_seed.values())]
    problems = np.array(sorted(set.intersection(*had)), dtype=object)
    left_out = np.array(sorted(set.union(*had).difference(problems)), dtype=object)
    if not len(problems):
        raise ValueError(f"{key[1]} and its base have no problem in common on {key[3]}; were they renamed on one side?")
    drawn, base = [_on(part, problems) for part in by_seed.values()], _on(base, problems)
    both = _tries(base, len(problems))
    tried = [(_tries(part, len(problems)), both) for part in drawn]
    replicates = [_tries(part, len(problems)) for _, part in base.groupby("replicate", sort=True)]
    scored = [] if scores is None else [_scored(scores, key, seed, problems) for seed in by_seed]
    pairs = Pairs(rows, scores, drawn, base, scored)
    return Arm(key, problems, left_out, tuple(by_seed), tried, replicates, pairs)


def _scored(scores: Rows, key: tuple[str, str, str, str], seed: int, problems: Array) -> pd.DataFrame:
    """The rows of the scores' counts that are of a policy's training seed."""
    counts = settling(scores.counts, replicates=(0, 1))
    for name, value in dict(zip([*ARM_KEY, "train_seed"], [*key, seed], strict=True)).items():
        if name in counts:
            counts = counts[counts[name] == value]
    return _on(counts, problems)


def _on(counts: pd.DataFrame, problems: Array) -> pd.DataFrame:
    """The rows of the counts of these problems, with their numbers."""
    number = pd.Index(problems).get_indexer(counts["problem_id"].astype(object))
    return counts.assign(problem=number)[number >= 0]


def _tries(counts: pd.DataFrame, n_problems: int) -> Tries:
    problem, columns = counts["problem"].to_numpy(), ("n_samples", "n_correct")
    return Tries(*(sums(problem, counts[name].to_numpy(), n_problems).astype(int) for name in columns))


def _within(counts: pd.DataFrame, block: Block) -> pd.DataFrame:
    number = counts["problem"].to_numpy()
    return counts[(number >= block[0]) & (number < block[1])]


def _read(rows: Rows, columns: Sequence[str], counted: pd.DataFrame) -> Columns:
    """Columns (N,) of the rows that these counts count, with the number of their problem and their replicate."""
    frame = rows.read(columns, counted)
    place = counted.index.get_indexer(frame.index)
    found: Columns = {"problem": counted["problem"].to_numpy()[place], "replicate": np.zeros(len(frame), dtype=int)}
    if "replicate" in counted:
        found["replicate"] = counted["replicate"].to_numpy(int)[place]
    for name in columns:
        if name in NUMBERS:
            found[name] = numbers(frame, name)
        elif name in frame:
            found[name] = frame[name].to_numpy()
    if "answer" in columns:
        found["answer"] = _answers(frame)
    return found


def _draws(rows: Columns, block: Block, replicated: bool) -> Draws:
    """The rows of a block of problems, by problem, replicate and sample; two replicates are the halves."""
    first, last = block
    order = np.lexsort((rows["sample_id"], rows["replicate"], rows["problem"]))
    problem, replicate = rows["problem"][order] - first, rows["replicate"][order]
    size = np.bincount(problem, minlength=last - first)
    turn = np.arange(len(order)) - (np.cumsum(size) - size)[problem]
    return Draws(
        problem=problem,
        n_problems=last - first,
        second=replicate == 1 if replicated else turn % 2 == 1,
        right=rows["correct"][order].astype(bool),
        log_p=rows["logp_base"][order],
        log_q=rows["log_q"][order],
        n_tokens=rows["n_tokens"][order],
        truncated=rows["truncated"][order],
        token_entropy=rows["token_entropy"][order],
        answer=rows["answer"][order],
    )


def _answers(rows: pd.DataFrame) -> Array:
    """A number for each different answer; what could not be scored is none."""
    if "answer" not in rows:
        return np.full(len(rows), -1)
    return np.where(scored(rows), pd.factorize(rows["answer"])[0], -1)
