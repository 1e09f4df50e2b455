"""Worlds in which every completion and its probability are known, and policies made to order in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import log_softmax

Array = np.ndarray

NEVER = -60.0
"""Log-probability of a mode that pads a problem with fewer of them: it is never drawn."""


@dataclass(frozen=True, eq=False)
class World:
    """P problems of at most M completions ("modes").

    Attributes:
        log_p: the base's log-probabilities, (P, M), normalised over M.
        right: R, (P, M) bool.
        n_tokens: lengths, (P, M).
    """

    log_p: Array
    right: Array
    n_tokens: Array

    @property
    def exists(self) -> Array:
        return self.log_p > NEVER / 2


def make_world(seed: int, n_problems: int = 200, new_mass: int = 0, level: float = 1e-6) -> World:
    """A world of 8 to 20 modes a problem, of 3 to 105 tokens, whose likely modes are as often right as others.

    On the first ``new_mass`` problems one mode alone is right, and the base gives it ``level``.
    """
    rng = np.random.default_rng([seed, 0])
    shape = (n_problems, 20)
    exists = np.arange(20) < rng.integers(8, 21, n_problems)[:, None]
    logits = rng.uniform(0.8, 2.2, (n_problems, 1)) * rng.standard_normal(shape)
    right = rng.random(shape) < rng.beta(1.2, 1.8, (n_problems, 1))
    right[np.arange(n_problems), rng.integers(0, 8, n_problems)] |= rng.random(n_problems) < 0.8
    log_p = log_softmax(np.where(exists, logits, NEVER), axis=1)
    if new_mass:
        right[:new_mass] = False
        right[:new_mass, 0] = True
        log_p[:new_mass, 0] = np.log(level)
        log_p[:new_mass, 1:] = np.log1p(-level) + log_softmax(log_p[:new_mass, 1:], axis=1)
    return World(log_p, right, rng.integers(3, 106, shape))


Make = Callable[[World, np.random.Generator], Array]
"""A policy's log-probabilities (P, M) in a world; the generator is the training seed's."""


def member(alpha: float = 1.0, beta: float = 0.0, drift: float = 0.0, between_seeds: float = 0.05) -> Make:
    """p^α · e^{βR} · e^{noise of deviation ``drift``}, with α − 1 and β differing between training seeds."""

    def make(world: World, rng: np.random.Generator) -> Array:
        luck = 1 + between_seeds * rng.standard_normal(2)
        power, tilt = 1 + (alpha - 1) * luck[0], beta * luck[1]
        strange = drift * rng.standard_normal(world.log_p.shape)
        return _normalised(world, power * world.log_p + tilt * world.right + strange)

    return make


def with_new_mass(problems: int, level: float = 0.5, alpha: float = 1.0, beta: float = 0.0) -> Make:
    """A member of the family that puts ``level`` on the first mode of the first problems, whatever the base gave it."""

    def make(world: World, rng: np.random.Generator) -> Array:
        log_q = member(alpha, beta)(world, rng)
        rest = log_softmax(log_q[:problems, 1:], axis=1) + np.log1p(-level)
        log_q[:problems] = np.concatenate([np.full((problems, 1), np.log(level)), rest], axis=1)
        return log_q

    return make


def shorter(rate: float, alpha: float = 1.0) -> Make:
    """p^α · e^{−rate · length}: a change that neither log p nor R explains, outside the family."""

    def make(world: World, rng: np.random.Generator) -> Array:
        return _normalised(world, alpha * world.log_p - rate * world.n_tokens)

    return make


def _normalised(world: World, logits: Array) -> Array:
    return log_softmax(np.where(world.exists, logits, NEVER), axis=1)


def draw_samples(
    world: World,
    policies: Mapping[str, Make],
    *,
    n_samples: int,
    seeds: Sequence[int] = (0,),
    noise: float = 0.0,
    seed: int = 0,
    benchmark: str = "world",
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The samples table of the base (two replicates) and of the policies, and the base's cross scores.

    Args:
        world: where they live.
        policies: how each is made, for every training seed anew.
        n_samples: K, a problem, a policy and a replicate of the base.
        seeds: training seeds.
        noise: standard deviation, in nats, of the numerical noise of every log-probability that is reported.
        seed: of all draws.
        benchmark: what the world is called.
    """
    rng = np.random.default_rng([seed, 1])
    tables = [
        _draw(world, world.log_p, n_samples, noise, rng).assign(policy="base", replicate=replicate)
        for replicate in (0, 1)
    ]
    scores = []
    for number, (policy, make) in enumerate(policies.items()):
        for train_seed in seeds:
            log_q = make(world, np.random.default_rng([seed, 2, number, train_seed]))
            drawn = _draw(world, log_q, n_samples, noise, rng)
            tables.append(drawn.assign(policy=policy, train_seed=train_seed))
            scores += [_scored(base, log_q, noise, rng, policy, train_seed) for base in tables[:2]]
    defaults = {"model": "world", "variant": "", "checkpoint": "last", "decoder": "temperature", "benchmark": benchmark}
    samples = pd.concat(tables, ignore_index=True).fillna({"train_seed": 0, "replicate": 0})
    samples = samples.astype({"train_seed": int, "replicate": int}).assign(**defaults)
    return samples.drop(columns="mode"), pd.concat(scores, ignore_index=True).assign(**defaults)


def _draw(world: World, log_q: Array, n_samples: int, noise: float, rng: np.random.Generator) -> pd.DataFrame:
    n_problems = len(world.log_p)
    problem = np.repeat(np.arange(n_problems), n_samples)
    cumulative = np.cumsum(np.exp(log_q), axis=1)
    cumulative /= cumulative[:, -1:]
    mode = (rng.random(len(problem))[:, None] > cumulative[problem]).sum(axis=1)
    right = world.right[problem, mode]
    return pd.DataFrame(
        {
            "problem_id": np.char.mod("p%05d", problem),
            "sample_id": np.tile(np.arange(n_samples), n_problems),
            "correct": right,
            "outcome": np.where(right, "correct", "wrong"),
            "answer": np.where(right, "right", np.char.add("a", mode.astype(str))),
            "n_tokens": world.n_tokens[problem, mode],
            "truncated": False,
            "logp_policy": log_q[problem, mode] + noise * rng.standard_normal(len(problem)),
            "logp_base": world.log_p[problem, mode] + noise * rng.standard_normal(len(problem)),
            "mode": mode,
        }
    )


def _scored(
    base: pd.DataFrame, log_q: Array, noise: float, rng: np.random.Generator, policy: str, train_seed: int
) -> pd.DataFrame:
    problem = base["problem_id"].str.removeprefix("p").astype(int)
    score = log_q[problem, base["mode"]] + noise * rng.standard_normal(len(base))
    keys = base[["problem_id", "replicate", "sample_id"]]
    return keys.assign(policy=policy, train_seed=train_seed, logp_policy=score)
