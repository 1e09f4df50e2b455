"""Samples tables made of coin flips: the contract's columns, with accuracies that a test chooses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

VARIANTS = {"base": "base", "task_reward": "", "sharpening": "alpha2", "tempered": "alpha2", "tilted": "alpha2-beta100"}
WRONG_ANSWERS = ("7", "9", "11")


def synthetic_samples(
    accuracy: Mapping[str, float],
    *,
    benchmarks: Sequence[str] = ("chain_easy",),
    n_problems: int = 20,
    n_samples: int = 8,
    seeds: Sequence[int] = (0,),
    base_decoders: Mapping[str, int] | None = None,
    spread: float = 0.1,
    seed_deviation: float = 0.0,
    seed: int = 0,
) -> pd.DataFrame:
    """A samples table with one arm a policy of ``accuracy`` and benchmark.

    Args:
        accuracy: mean solve rate of each policy; the base has train_seed 0 whatever ``seeds`` is.
        benchmarks: their names; all alike.
        n_problems: of each benchmark, with difficulties 3, 4, 5 in turn.
        n_samples: completions a problem under the decoder ``temperature``.
        seeds: training seeds of the trained policies.
        base_decoders: further decoders of the base, with their samples a problem, such as ``{"greedy": 1}``.
        spread: standard deviation of solve rates over problems, shared by all arms.
        seed_deviation: standard deviation of a training seed's mean.
        seed: of everything random; a benchmark's rows do not depend on the other benchmarks.
    """
    tables = []
    for number, benchmark in enumerate(benchmarks):
        rng = np.random.default_rng([seed, number])
        shift = spread * rng.standard_normal(n_problems)
        for policy, mean in accuracy.items():
            decoders = {"temperature": n_samples} | (dict(base_decoders or {}) if policy == "base" else {})
            for train_seed in (0,) if policy == "base" else seeds:
                rates = np.clip(mean + shift + seed_deviation * rng.standard_normal(), 0, 1)
                for decoder, draws in decoders.items():
                    arm = {"policy": policy, "train_seed": train_seed, "decoder": decoder, "benchmark": benchmark}
                    tables.append(_completions(arm, rates, draws, rng))
    return pd.concat(tables, ignore_index=True)


def greedy_samples(solved: Mapping[str, Sequence[int]], n_problems: int = 30) -> pd.DataFrame:
    """Greedy completions, one a problem: of each policy the number of problems that each training seed solves.

    Seeds solve different problems, as many as asked for.
    """
    arms = [(policy, seed, count) for policy, counts in solved.items() for seed, count in enumerate(counts)]
    tables = []
    for policy, seed, count in arms:
        arm = {"policy": policy, "train_seed": seed, "decoder": "greedy", "benchmark": "chain_easy"}
        rates = np.roll(np.arange(n_problems) < count, seed).astype(float)
        tables.append(_completions(arm, rates, 1, np.random.default_rng(seed)))
    return pd.concat(tables, ignore_index=True)


def _completions(arm: Mapping[str, object], rates: np.ndarray, draws: int, rng: np.random.Generator) -> pd.DataFrame:
    problems = np.repeat(np.arange(len(rates)), draws)
    correct = rng.random(len(problems)) < rates[problems]
    answer = np.where(correct, "5", rng.choice(WRONG_ANSWERS, len(problems)))
    n_tokens = rng.integers(4, 20, len(problems))
    logp = -rng.gamma(2.0, 2.0, len(problems))
    return pd.DataFrame(
        {
            "model": "tiny",
            "policy": arm["policy"],
            "variant": VARIANTS.get(str(arm["policy"]), ""),
            "checkpoint": "last",
            "train_seed": arm["train_seed"],
            "decoder": arm["decoder"],
            "decoder_parameters": "{}",
            "sample_seed": 0,
            "replicate": 0,
            "benchmark": arm["benchmark"],
            "problem_id": [f"{arm['benchmark']}-{problem}" for problem in problems],
            "difficulty": 3 + problems % 3,
            "sample_id": np.tile(np.arange(draws), len(rates)),
            "completion": answer,
            "answer": answer,
            "gold": "5",
            "outcome": np.where(correct, "correct", "wrong"),
            "correct": correct,
            "n_tokens": n_tokens,
            "truncated": rng.random(len(problems)) < 0.05,
            "logp_policy": logp,
            "logp_base": logp - 0.1,
            "token_entropy": rng.uniform(0, 1, len(problems)),
            "forward_tokens": n_tokens,
        }
    )
