"""From the samples table to arrays: what a policy drew on a benchmark, beside what its base drew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd

from beyond_sharpening.analysis.contract import BASE, CROSS_SCORE_KEY, settling
from beyond_sharpening.analysis.mechanisms.groups import Array, sums

ARM_KEY = ["model", "policy", "variant", "benchmark"]
READ = [*ARM_KEY, "checkpoint", "decoder", "train_seed", "replicate", "problem_id", "sample_id", "correct", "outcome"]
READ += ["answer", "logp_base", "logp_policy", "n_tokens", "truncated", "token_entropy"]
NUMBERS = ["logp_base", "logp_policy", "n_tokens", "truncated", "token_entropy"]


@dataclass(frozen=True, eq=False)
class Draws:
    """N completions of one policy at one checkpoint, or of the base, in the order of their problems.

    Attributes:
        problem: number of each row's problem, 0 to P − 1, (N,).
        n_problems: P.
        replicate: which independent set of draws the row is of, (N,).
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
    replicate: Array
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

    @cached_property
    def order(self) -> Array:
        """Place of each row among its problem's, from 0, (N,)."""
        starts = np.concatenate([[0], np.cumsum(self.n_samples)[:-1]])
        return np.arange(len(self.problem)) - starts[self.problem]

    def where(self, rows: Array) -> Draws:
        """The rows that a mask (N,) selects; problems keep their numbers."""
        arrays = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "n_problems"}
        return replace(self, **{name: values[rows] for name, values in arrays.items()})

    def halves(self) -> tuple[Draws, Draws]:
        """Two independent halves: the replicates where there are two, else rows in turn."""
        second = self.replicate == 1 if len(np.unique(self.replicate)) == 2 else self.order % 2 == 1
        return self.where(~second), self.where(second)


class Pair(NamedTuple):
    """A trained checkpoint and its base on the problems that both have."""

    policy: Draws
    base: Draws


class Arm(NamedTuple):
    """All training seeds of a policy on one benchmark, beside the base; ``left_out`` are problems not had by all."""

    key: tuple[str, str, str, str]
    problems: Array
    left_out: Array
    seeds: tuple[int, ...]
    pairs: list[Pair]


def arms(samples: pd.DataFrame, base_scores: pd.DataFrame | None = None) -> Iterator[Arm]:
    """Every (model, policy, variant, benchmark) whose base is there, at the settling checkpoint and decoder.

    A base without a second replicate is taken as it is. Problems that the base or a training seed lacks are left out.
    """
    rows = settling(samples[[name for name in READ if name in samples]], replicates=(0, 1))
    names = rows["problem_id"].astype("category").cat
    cells = {_key(key): at for key, at in rows.groupby(ARM_KEY, observed=True, sort=True).indices.items()}
    for key, own in cells.items():
        model, policy, _, benchmark = key
        based = [cells[other] for other in cells if (other[0], other[1], other[3]) == (model, BASE, benchmark)]
        if policy != BASE and based:  # an arm at a time: a table of many is coded in little memory
            ours, base = (_coded(rows.iloc[at], names.codes.to_numpy()[at]) for at in (own, np.concatenate(based)))
            yield _arm(key, ours, base, names.categories, base_scores)


def _key(key: object) -> tuple[str, str, str, str]:
    model, policy, variant, benchmark = map(str, key) if isinstance(key, tuple) else ("", "", "", "")
    return model, policy, variant, benchmark


def _arm(
    key: tuple[str, str, str, str],
    own: pd.DataFrame,
    base: pd.DataFrame,
    names: pd.Index,
    base_scores: pd.DataFrame | None,
) -> Arm:
    own = own[own["replicate"] == 0]
    by_seed = {int(str(seed)): part for seed, part in own.groupby("train_seed", sort=True)}
    had = [part["problem"].unique() for part in (base, *by_seed.values())]
    common = np.array(sorted(set.intersection(*map(set, had))), dtype=int)
    left_out = sorted(set.union(*map(set, had)).difference(common))
    if not len(common):
        raise ValueError(f"{key[1]} and its base have no problem in common on {key[3]}; were they renamed on one side?")
    unscored, pairs = _draws(base.assign(logp_policy=np.nan), common), []
    for seed, part in by_seed.items():
        ours = dict(zip(ARM_KEY, key, strict=True)) | {"train_seed": seed}
        scored = None if base_scores is None else _draws(_scored_under(base, names, base_scores, ours), common)
        pairs.append(Pair(_draws(part, common), scored or unscored))
    return Arm(key, names[common].to_numpy(), names[left_out].to_numpy(), tuple(by_seed), pairs)


def _coded(rows: pd.DataFrame, problem: Array) -> pd.DataFrame:
    """Keys and numbers alone, texts as numbers: what the estimators read."""
    columns: dict[str, object] = {name: rows[name].to_numpy() for name in ("train_seed", "replicate", "sample_id")}
    columns["problem"] = problem
    columns["right"] = rows["correct"].to_numpy(bool)
    columns["answer"] = _answers(rows)
    for name in NUMBERS:
        known = name in rows
        columns[name] = rows[name].to_numpy(float, na_value=np.nan) if known else np.full(len(rows), np.nan)
    return pd.DataFrame(columns)


def _answers(rows: pd.DataFrame) -> Array:
    """A number for each different answer; what could not be scored is none."""
    if "answer" not in rows:
        return np.full(len(rows), -1)
    answers = rows["answer"].astype("category").cat.codes.to_numpy().astype(int)
    scored = (rows["outcome"].isin(["correct", "wrong"]) | rows["outcome"].isna()) if "outcome" in rows else True
    return np.where(scored, answers, -1)


def _scored_under(
    base: pd.DataFrame, names: pd.Index, base_scores: pd.DataFrame, ours: Mapping[str, object]
) -> pd.DataFrame:
    """The base's rows with ``logp_policy`` of the policy they are compared with, NaN where it is not known."""
    scores = settling(base_scores, replicates=(0, 1))
    for name, value in ours.items():
        if name in scores:
            scores = scores[scores[name] == value]
    key = [name for name in CROSS_SCORE_KEY if name not in ours and name != "checkpoint"]
    scores = scores[[*key, "logp_policy"]]
    left = base.assign(problem_id=names[base["problem"]].to_numpy()).drop(columns="logp_policy")
    return left.merge(scores, on=key, how="left", validate="one_to_one")


def _draws(rows: pd.DataFrame, problems: Array) -> Draws:
    """The rows of these problems, sorted by problem, replicate and sample."""
    rows = rows[rows["problem"].isin(problems)]
    order = np.lexsort((rows["sample_id"], rows["replicate"], rows["problem"]))
    rows = rows.iloc[order]
    return Draws(
        problem=np.searchsorted(problems, rows["problem"].to_numpy()),
        n_problems=len(problems),
        replicate=rows["replicate"].to_numpy(),
        right=rows["right"].to_numpy(),
        log_p=rows["logp_base"].to_numpy(),
        log_q=rows["logp_policy"].to_numpy(),
        n_tokens=rows["n_tokens"].to_numpy(),
        truncated=rows["truncated"].to_numpy(),
        token_entropy=rows["token_entropy"].to_numpy(),
        answer=rows["answer"].to_numpy(),
    )
