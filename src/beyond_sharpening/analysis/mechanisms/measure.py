"""Every number of one arm, as pseudo-values over training seeds and problems."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from beyond_sharpening.analysis.mechanisms.ceiling import best_power, weighted
from beyond_sharpening.analysis.mechanisms.coverage import TAUS, cover_at, coverage
from beyond_sharpening.analysis.mechanisms.divergence import chain_rule, covered, efficiency, residual
from beyond_sharpening.analysis.mechanisms.diversity import (
    answer_entropy,
    by_outcome,
    distinct_answers,
    rank_parts,
    token_entropy,
)
from beyond_sharpening.analysis.mechanisms.draws import Arm, Draws, Pair, Tries
from beyond_sharpening.analysis.mechanisms.family import (
    Classified,
    classified_slopes,
    label_log_odds,
    mixture_moments,
    own_moments,
    shift_parts,
    slopes,
)
from beyond_sharpening.analysis.mechanisms.groups import Array, centred, means, ratio_of_means, sums
from beyond_sharpening.analysis.mechanisms.intervals import Estimate, estimate
from beyond_sharpening.analysis.mechanisms.naming import Evidence, Thresholds
from beyond_sharpening.analysis.mechanisms.reach import reach_parts, reached

OUTCOMES = {"right": True, "wrong": False}
SIDES = ("", "_base")
ANSWERING = ("token_entropy", "answer_entropy", "distinct_answers")
BY_OUTCOME = [f"{what}_{outcome}" for what in ("tokens", "truncated") for outcome in OUTCOMES]

ESTIMATORS = ("density ratio", "mixture", "own samples")


@dataclass(frozen=True, eq=False)
class Measured:
    """One arm on one benchmark.

    Attributes:
        arm: what was measured.
        values: pseudo-values of each number, (S, P).
        scalars: numbers that have no pseudo-values, one a seed, (S,).
        trusted: which of ``ESTIMATORS`` α and β are taken from; empty where none can be.
        beyond: problems beyond the base, (S, P); NaN where it cannot be seen.
        out_of_reach: problems out of the base's reach that the policy solves, (S, P).
    """

    arm: Arm
    values: dict[str, Array]
    scalars: dict[str, Array]
    trusted: str
    beyond: Array
    out_of_reach: Array

    @cached_property
    def estimates(self) -> dict[str, Estimate]:
        return {name: estimate(values) for name, values in self.values.items()}

    @cached_property
    def evidence(self) -> Evidence:
        numbers = self.estimates
        return Evidence(
            alpha=numbers["alpha"],
            beta=numbers["beta"],
            shift=numbers["shift"],
            kl=numbers["kl"].value,
            residual=numbers["residual"].value,
            spread=float(np.mean(self.scalars["spread"])),
            odds_spread=float(np.mean(self.scalars["odds_spread"])),
            most_beyond=most(self.beyond.sum(axis=1)),
        )


def most(counts: Array) -> float:
    """The largest number that more than half of the counts reach; NaN where one is unknown."""
    return float(np.sort(counts)[(len(counts) - 1) // 2]) if np.isfinite(counts).all() else np.nan


def measure(arm: Arm, thresholds: Thresholds) -> Measured:
    """All numbers of an arm."""
    by_seed = [_one_seed(arm, seed) for seed in range(len(arm.seeds))]
    certain = np.array([one.scalars["told_apart"] for one in by_seed])
    values = {name: np.stack([one.values[name] for one in by_seed]) for name in by_seed[0].values}
    trusted = _trusted(values, certain, thresholds)
    suffix = {"density ratio": "ratio", "mixture": "mixture", "own samples": "own", "": "own"}[trusted]
    values |= {"alpha": values[f"alpha_{suffix}"], "beta": values[f"beta_{suffix}"]}
    alphas = np.stack([values[name].mean(axis=1) for name in ("alpha", "alpha_own")], axis=1).tolist()
    values["residual"] = np.stack([_residual(one.policy, own) for one, own in zip(by_seed, alphas, strict=True)])
    shares = [ratio_of_means(*parts) for parts in zip(values["residual"], values["kl"], strict=True)]
    values["residual_share"] = np.stack(shares)
    reaches = [reached(one.reach, thresholds.reach, thresholds.beyond_log_odds) for one in by_seed]
    scalars = {name: np.array([one.scalars[name] for one in by_seed]) for name in by_seed[0].scalars}
    beyond, out = (np.stack([getattr(one, name) for one in reaches]) for name in ("beyond", "out"))
    return Measured(arm, values, scalars, trusted, beyond, out)


def _trusted(values: dict[str, Array], certain: Array, thresholds: Thresholds) -> str:
    """The density ratio while it may be; else the mixture, where the base is scored; else the policy's own samples."""
    if np.isfinite(values["alpha_ratio"]).all() and certain.mean() <= thresholds.certain:
        return ESTIMATORS[0]
    for name, suffix in zip(ESTIMATORS[1:], ("mixture", "own"), strict=True):
        if np.isfinite(values[f"alpha_{suffix}"]).all():
            return name
    return ESTIMATORS[0] if np.isfinite(values["alpha_ratio"]).all() else ""


def _residual(policy: Sequence[Draws], alphas: Sequence[float]) -> Array:
    """KL (P,) to the nearest member: at the trusted α, or at that of the policy's own samples, whichever is nearer."""
    powers = {alpha for alpha in alphas if np.isfinite(alpha)}
    left = [np.concatenate([residual(draws, power) for draws in policy]) for power in powers]
    return min(left, key=np.mean) if left else np.full(sum(draws.n_problems for draws in policy), np.nan)


class _OneSeed(NamedTuple):
    """Pseudo-values (P,) and numbers that have none of a training seed, what is asked of its reach, and its draws."""

    values: dict[str, Array]
    scalars: dict[str, float]
    reach: dict[str, Array]
    policy: list[Draws]


def _one_seed(arm: Arm, seed: int) -> _OneSeed:
    k = int(min(side.n_samples.min() for side in arm.tried[seed]))
    classified, found, policy = [], [], []
    for pair in arm.pairs.blocks(seed):  # a few problems at a time: rows are many
        classified.append(Classified.of(pair))
        found.append(_of_problems(pair, k))
        policy.append(pair.policy.bare())
    parts = {name: np.concatenate([block[name] for block in found]) for name in found[0]}
    alpha, beta, certain = classified_slopes(classified)
    best = best_power(parts["ceiling"])
    scalars = {
        "told_apart": certain,
        "spread": _spread(arm, seed, parts["spread"]),
        "odds_spread": _spread(arm, seed, parts["odds_spread"]),
        "ceiling_power": best.power,
        "ceiling_effective_share": best.effective_share,
    }
    values = _values(parts, arm.tried[seed], (alpha, beta), best.accuracy)
    reach = {name: parts[name] for name in ("solved_alone", "base_rate", "rise")}
    return _OneSeed(values, scalars, reach, policy)


def _of_problems(pair: Pair, k: int) -> dict[str, Array]:
    """What is summed over the rows of each problem, (P, …): all that the numbers of an arm need of its completions."""
    policy, base = pair
    halves = np.stack([[half.n_samples, half.n_right] for half in base.halves()])  # (2, 2, P)
    parts = {
        "own": own_moments(pair),
        "mixture": mixture_moments(pair),
        "shift": np.stack(shift_parts(pair), axis=1),
        "ceiling": weighted(base),
        "halves": halves.transpose(2, 0, 1),
        "spread": np.stack([_squares(side, side.log_p) for side in pair], axis=1),
        "odds_spread": np.stack([_squares(side, side.right) for side in pair], axis=1),
        "n_tokens": means(policy.problem, policy.n_tokens, policy.n_problems),
        "covered": covered(policy),
        "rank_bias": np.stack(rank_parts(policy), axis=1),
    }
    for suffix, side in zip(SIDES, pair, strict=True):
        parts |= {f"{name}{suffix}": values for name, values in _of_one_side(side, k).items()}
    return parts | chain_rule(policy) | reach_parts(pair)


def _squares(side: Draws, values: Array) -> Array:
    return sums(side.problem, centred(side.problem, values.astype(float), side.n_problems) ** 2, side.n_problems)


def _spread(arm: Arm, seed: int, squares: Array) -> float:
    """Variance within problems, the mean of the policy's and the base's, from sums of squares (P, 2)."""
    sizes = [side.n_samples.sum() for side in arm.tried[seed]]
    return float(np.mean(squares.sum(axis=0) / sizes))


def _values(
    parts: dict[str, Array], tried: tuple[Tries, Tries], ratio: tuple[Array, Array], ceiling: Array
) -> dict[str, Array]:
    """Pseudo-values (P,) of a training seed, from what is summed over the rows of its problems."""
    alpha_own, beta_own = slopes(parts["own"])
    alpha_mixture, beta_mixture = slopes(parts["mixture"])
    accuracy, accuracy_base = (side.n_right / side.n_samples for side in tried)
    first, second = (Tries(*half.T) for half in np.moveaxis(parts["halves"], 1, 0))
    return {
        "alpha_ratio": ratio[0],
        "beta_ratio": ratio[1],
        "alpha_own": alpha_own,
        "beta_own": beta_own,
        "alpha_mixture": alpha_mixture,
        "beta_mixture": beta_mixture,
        "beta_labels": label_log_odds(tried),
        "shift": ratio_of_means(*parts["shift"].T),
        **{name: parts[name] for name in ("kl", "kl_right", "kl_wrong", "kl_tilt")},
        "kl_per_token": ratio_of_means(parts["kl"], parts["n_tokens"]),
        "efficiency": efficiency(parts),
        "covered": parts["covered"],
        "accuracy": accuracy,
        "accuracy_base": accuracy_base,
        "ceiling": ceiling,
        "over_ceiling": accuracy - ceiling,
        **coverage(tried[0], (first, second)),
        **_descriptions(parts, tried),
    }


def _descriptions(parts: dict[str, Array], tried: tuple[Tries, Tries]) -> dict[str, Array]:
    """Cover@τ, entropies, answers, lengths, truncation and rank bias: of the policy, and of its base (``_base``)."""
    described: dict[str, Array] = {}
    for suffix, side in zip(SIDES, tried, strict=True):
        described |= {f"cover@{tau:g}{suffix}": cover_at(side, tau) for tau in TAUS}
        described |= {f"{name}{suffix}": parts[f"{name}{suffix}"] for name in ANSWERING}
        described |= {f"{name}{suffix}": ratio_of_means(*parts[f"{name}{suffix}"].T) for name in BY_OUTCOME}
    return described | {"rank_bias": ratio_of_means(*parts["rank_bias"].T)}


def _of_one_side(side: Draws, k: int) -> dict[str, Array]:
    """``ANSWERING`` of each problem, (P,), and sums and counts ``BY_OUTCOME``, (P, 2)."""
    answering = (token_entropy(side), answer_entropy(side), distinct_answers(side, k))
    columns = ((values, right) for values in (side.n_tokens, side.truncated) for right in OUTCOMES.values())
    outcomes = [np.stack(by_outcome(side, *column), axis=1) for column in columns]
    return dict(zip(ANSWERING, answering, strict=True)) | dict(zip(BY_OUTCOME, outcomes, strict=True))
