"""Small hand-made results of an experiment: three benchmarks, five policies, nothing random but the seed."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pytest

from beyond_sharpening.reporting import Results, Run

BENCHMARKS = ("chain_easy", "chain_medium", "chain_hard")
ACCURACY = {"base": 0.66, "task_reward": 0.78, "sharpening": 0.69, "tempered": 0.67, "tilted": 0.77}
CONTRASTS = (
    ("task_reward", "base"),
    ("sharpening", "base"),
    ("tempered", "base"),
    ("tilted", "base"),
    ("task_reward", "sharpening"),
    ("task_reward", "tempered"),
)
KS = (1, 2, 4, 8, 16)


@dataclass(frozen=True)
class HandMadeVerdict:
    headline: str = "Task reward did more than sharpening its own guesses"
    lines: list[str] = field(
        default_factory=lambda: [
            "Task reward is ahead of the base model on 3 of 3 benchmarks.",
            "It is ahead of sharpening and of tempered sampling on chain_easy.",
            "One training seed: this speaks of this checkpoint, not of the procedure.",
        ]
    )
    note: str = "95 % intervals over problems."
    code: str = "beyond sharpening objectives"
    decoding_lines: list[str] = field(default_factory=list)
    rule: dict[str, object] = field(default_factory=lambda: {"margin": 0.02})


def arm(policy: str, decoder: str = "temperature", checkpoint: str = "last") -> dict[str, str]:
    variant = {"base": "base", "tilted": "alpha2-beta100"}.get(policy, "")
    return {"model": "tiny", "policy": policy, "variant": variant, "checkpoint": checkpoint, "decoder": decoder}


def solved(policy: str, benchmark: str) -> float:
    return ACCURACY[policy] - 0.16 * BENCHMARKS.index(benchmark)


@pytest.fixture
def estimates() -> pd.DataFrame:
    rows = []
    arms = [arm(policy) for policy in ACCURACY] + [arm("base", "greedy"), arm("base", "low_temperature")]
    for one in arms:
        for benchmark in BENCHMARKS:
            p, sampled = solved(one["policy"], benchmark), one["decoder"] != "greedy"
            many = {
                f"{name}@{k}": 1 - (1 - p) ** k if sampled else math.nan for name in ("pass", "maj") for k in KS[1:]
            }
            rows.append(
                one
                | {"benchmark": benchmark, "n_seeds": 1, "n_problems": 200, "n_samples": 16 if sampled else 1}
                | {"pass@1": p, "ci_low": p - 0.04, "ci_high": p + 0.04, "ci_unit": "problem", "maj@1": p}
                | many
                | {"mean_tokens": 12.5, "mean_tokens_low": 12.1, "mean_tokens_high": 12.9}
                | {"truncated_rate": 0.002, "unparsable_rate": 0.031, "timeout_rate": 0.0}
            )
    return pd.DataFrame(rows)


@pytest.fixture
def curves() -> pd.DataFrame:
    rows = []
    for policy in ACCURACY:
        for benchmark in BENCHMARKS:
            for k in KS:
                p = solved(policy, benchmark)
                hit, vote = 1 - (1 - p) ** (k**0.7), min(0.99, p + 0.03 * math.log2(k))
                rows.append(
                    arm(policy)
                    | {"benchmark": benchmark, "k": k}
                    | {"pass_at_k": hit, "pass_low": hit - 0.03, "pass_high": min(1, hit + 0.03)}
                    | {"maj_at_k": vote, "maj_low": vote - 0.04, "maj_high": min(1, vote + 0.04)}
                )
    return pd.DataFrame(rows)


@pytest.fixture
def by_difficulty() -> pd.DataFrame:
    levels = {"chain_easy": (3,), "chain_medium": (4, 5), "chain_hard": (6, 7, 8)}
    return pd.DataFrame(
        arm(policy)
        | {"benchmark": benchmark, "difficulty": level, "n_problems": 60}
        | {"pass@1": p, "ci_low": p - 0.07, "ci_high": p + 0.06, "ci_unit": "problem"}
        for policy in ACCURACY
        for benchmark, values in levels.items()
        for level in values
        for p in [ACCURACY[policy] + 0.1 - 0.09 * (level - 3)]
    )


@pytest.fixture
def comparisons() -> pd.DataFrame:
    rows = []
    for benchmark in BENCHMARKS:
        for a, b in CONTRASTS:
            gain = ACCURACY[a] - ACCURACY[b]
            rows.append(contrast(a, b, benchmark, gain, "primary", min(1.0, math.exp(-150 * gain))))
        for side in ("base/greedy", "base/low_temperature"):
            rows.append(contrast(side, "base", benchmark, 0.031, "secondary", 0.0003))
    return pd.DataFrame(rows)


def contrast(a: str, b: str, benchmark: str, gain: float, family: str, p_adjusted: float) -> dict[str, object]:
    return {
        "a": a,
        "b": b,
        "variant_a": arm(a)["variant"],
        "variant_b": arm(b)["variant"],
        "benchmark": benchmark,
        "difference": gain,
        "ci_low": gain - 0.025,
        "ci_high": gain + 0.025,
        "p_value": 0.0002,
        "p_adjusted": p_adjusted,
        "unit": "problem",
        "test": "sign-flip permutation",
        "claim": "this checkpoint",
        "n_seeds_a": 1,
        "n_seeds_b": 1,
        "n_problems": 200,
        "family": family,
        "ci_low_adjusted": gain - 0.033,
        "ci_high_adjusted": gain + 0.033,
        "detectable": 0.031,
        "p_equivalent_adjusted": 0.01 if abs(gain) < 0.015 else 0.4,
        "n_left_out": 0,
        "left_out": "",
        "warning": "",
    }


@pytest.fixture
def verdict() -> HandMadeVerdict:
    return HandMadeVerdict()


@pytest.fixture
def histories() -> dict[str, pd.DataFrame]:
    return {policy: history(policy, seed) for seed, policy in enumerate(ACCURACY) if policy != "base"}


def history(policy: str, seed: int, steps: int = 60) -> pd.DataFrame:
    noise = np.random.default_rng(seed)
    step = np.arange(1, steps + 1)
    growth = 1 - np.exp(-step / 20)
    shorter = policy in ("sharpening", "tempered")
    frame = pd.DataFrame(
        {
            "step": step,
            "reward": growth,
            "task_accuracy": 0.61 + (ACCURACY[policy] - 0.62) * growth + noise.normal(0, 0.02, steps),
            "entropy": (0.45 - 0.3 * growth if shorter else 0.45 - 0.1 * growth) + noise.normal(0, 0.01, steps),
            "kl": (6 if shorter else 2) * growth + noise.normal(0, 0.1, steps),
            "log_reference": -9 + 3 * growth,
            "log_policy": -9 + 4 * growth,
            "length": (14 - 5 * growth if shorter else 14 + 4 * growth) + noise.normal(0, 0.3, steps),
            "truncated": 0.01,
            "grad_norm": 1.3,
            "clipped": (step % 4 == 0).astype(float),
            "step_time": 0.9,
            "tokens_per_second": 4000.0,
        }
    )
    frame["validation_accuracy"] = frame["task_accuracy"].where(step % 20 == 0) + 0.02
    return frame


@pytest.fixture
def run() -> Run:
    return Run(
        model="tiny",
        seeds={"data_seed": 0, "base_seed": 0, "train_seed": [0], "sample_seed": 0},
        parameters={
            "tilted": {"task": 1.0, "reference": 0.02, "policy": 0.01, "max_steps": 60},
            "samples a problem": 16,
        },
        versions={"beyond-sharpening": "0.1.0", "torch": "2.13.0"},
    )


@pytest.fixture
def results(verdict, estimates, curves, by_difficulty, comparisons, histories, run) -> Results:
    return Results(
        verdict=verdict,
        run=run,
        estimates=estimates,
        curves=curves,
        by_difficulty=by_difficulty,
        comparisons=comparisons,
        histories=histories,
    )
