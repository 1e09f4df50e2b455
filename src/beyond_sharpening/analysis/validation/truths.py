"""What numbers of the mechanism are in truth, on problems like those of a world: by summing over every completion."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from scipy.stats import binom

from beyond_sharpening.analysis.mechanisms.coverage import first_crossing, tries_up_to
from beyond_sharpening.analysis.validation.worlds import Array, Make, World

NUMBERS = {
    "kl": "KL",
    "kl_tilt": "KL, tilt",
    "kl_right": "KL within right",
    "kl_wrong": "KL within wrong",
    "efficiency": "share of KL that buys accuracy",
    "coverage_gained": "coverage gained",
    "coverage_lost": "coverage lost",
    "cover@0.5": "Cover@0.5",
    "cover@1": "Cover@1",
    "answer_entropy": "entropy of answers",
    "distinct_answers": "distinct answers",
    "tokens_right": "length of right ones",
    "tokens_wrong": "length of wrong ones",
}
"""The numbers whose intervals are held against the truth, by their column, in words."""


def true_numbers(make: Make, worlds: Iterable[tuple[World, int]], n_samples: int, n_seeds: int) -> dict[str, float]:
    """Expectations over problems like these and trainings like these.

    Args:
        make: how the policy is made, for every training seed anew.
        worlds: as many as make the error of the mean small, each with the seed of its trainings' luck.
        n_samples: K, which coverage, Cover@τ and distinct answers depend on.
        n_seeds: trainings in each world.

    Returns:
        Each of ``NUMBERS`` and ``crossing``, the k at which the base's expected pass@k overtakes the policy's
        (infinite: not up to K); NaN for what is nothing: a part of KL that is 0 shows the numerical noise of
        log-probabilities, and where all stays as it was nothing crosses.
    """
    found = [row for world, luck in worlds for row in _of_trainings(make, world, luck, n_samples, n_seeds)]
    mean = {name: _something(np.mean([row[name].mean() for row in found])) for name in found[0] if name != "ahead"}
    ahead = np.mean([row["ahead"].mean(axis=0) for row in found], axis=0)
    return {name: mean[name] for name in NUMBERS if name in mean} | {
        "efficiency": 1 - (mean["kl_right"] + mean["kl_wrong"]) / mean["kl"],
        "tokens_right": mean["right_tokens"] / mean["right"],
        "tokens_wrong": mean["wrong_tokens"] / mean["wrong"],
        "crossing": first_crossing(tries_up_to(n_samples), ahead) if np.abs(ahead).max() > 1e-9 else np.nan,
    }


def _of_trainings(make: Make, world: World, luck: int, n_samples: int, n_seeds: int) -> Iterator[dict[str, Array]]:
    for seed in range(n_seeds):
        yield _of_problems(world, make(world, np.random.default_rng([luck, 3, seed])), n_samples)


def _of_problems(world: World, log_q: Array, n_samples: int) -> dict[str, Array]:
    """Of each problem, (P,): the terms of the numbers; ``ahead``, pass@k less the base's at some k."""
    p, q = (np.where(world.exists, np.exp(values), 0.0) for values in (world.log_p, log_q))
    u = np.where(world.exists, log_q - world.log_p, 0.0)
    right, base_right = (np.minimum((share * world.right).sum(axis=1), 1.0) for share in (q, p))
    wrong, base_wrong = (np.minimum((share * ~world.right).sum(axis=1), 1.0) for share in (q, p))
    within = {
        name: (q * u * rows).sum(axis=1) - _times_log_ratio(share, base)
        for name, rows, share, base in (
            ("kl_right", world.right, right, base_right),
            ("kl_wrong", ~world.right, wrong, base_wrong),
        )
    }
    kl = (q * u).sum(axis=1)
    k = tries_up_to(n_samples)
    solved, base_solved = (1 - (1 - share[:, None]) ** k for share in (right, base_right))
    answers = np.concatenate([q * ~world.right, right[:, None]], axis=1)
    return within | {
        "kl": kl,
        "kl_tilt": kl - within["kl_right"] - within["kl_wrong"],
        "coverage_gained": (1 - base_solved[:, -1]) * (solved - base_solved)[:, -1],
        "coverage_lost": base_solved[:, -1] * (base_solved - solved)[:, -1],
        "cover@0.5": binom.sf(np.ceil(0.5 * n_samples) - 1, n_samples, right),
        "cover@1": right**n_samples,
        "answer_entropy": -_times_log_ratio(answers, np.ones_like(answers)).sum(axis=1),
        "distinct_answers": (1 - (1 - answers) ** n_samples).sum(axis=1),
        "right": right,
        "wrong": wrong,
        "right_tokens": (q * world.right * world.n_tokens).sum(axis=1),
        "wrong_tokens": (q * ~world.right * world.n_tokens).sum(axis=1),
        "ahead": solved - base_solved,
    }


def _something(value: float) -> float:
    return float(value) if abs(value) > 1e-9 else np.nan


def _times_log_ratio(a: Array, b: Array) -> Array:
    """a · log(a / b), 0 where a is 0."""
    some = a > 1e-300
    return np.where(some, a * np.log(np.where(some, a, 1.0) / np.where(some, b, 1.0)), 0.0)
