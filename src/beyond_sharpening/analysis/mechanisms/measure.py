"""Every number of one arm, as pseudo-values over training seeds and problems."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from beyond_sharpening.analysis.mechanisms.ceiling import ceiling
from beyond_sharpening.analysis.mechanisms.coverage import TAUS, cover_at, coverage
from beyond_sharpening.analysis.mechanisms.divergence import chain_rule, covered, efficiency, per_token, residual
from beyond_sharpening.analysis.mechanisms.diversity import (
    answer_entropy,
    by_outcome,
    distinct_answers,
    rank_bias,
    token_entropy,
)
from beyond_sharpening.analysis.mechanisms.draws import Arm, Draws, Pair
from beyond_sharpening.analysis.mechanisms.family import (
    density_ratio,
    label_log_odds,
    mixture_regression,
    own_regression,
    within_outcome_shift,
)
from beyond_sharpening.analysis.mechanisms.groups import Array, centred, ratio_of_means
from beyond_sharpening.analysis.mechanisms.intervals import Estimate, estimate
from beyond_sharpening.analysis.mechanisms.naming import Evidence, Thresholds
from beyond_sharpening.analysis.mechanisms.reach import reach

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
    by_seed = [_one_seed(pair) for pair in arm.pairs]
    certain = np.array([scalars["told_apart"] for _, scalars in by_seed])
    values = {name: np.stack([seed[name] for seed, _ in by_seed]) for name in by_seed[0][0]}
    trusted = _trusted(values, certain, thresholds)
    suffix = {"density ratio": "ratio", "mixture": "mixture", "own samples": "own", "": "own"}[trusted]
    values |= {"alpha": values[f"alpha_{suffix}"], "beta": values[f"beta_{suffix}"]}
    left = [_residual(pair, values, seed) for seed, pair in enumerate(arm.pairs)]
    values["residual"] = np.stack(left)
    shares = [ratio_of_means(*parts) for parts in zip(values["residual"], values["kl"], strict=True)]
    values["residual_share"] = np.stack(shares)
    reached = [reach(pair, thresholds.reach, thresholds.beyond_log_odds) for pair in arm.pairs]
    scalars = {name: np.array([scalars[name] for _, scalars in by_seed]) for name in by_seed[0][1]}
    beyond, out = (np.stack([getattr(one, name) for one in reached]) for name in ("beyond", "out"))
    return Measured(arm, values, scalars, trusted, beyond, out)


def _trusted(values: dict[str, Array], certain: Array, thresholds: Thresholds) -> str:
    """The density ratio while it may be; else the mixture, where the base is scored; else the policy's own samples."""
    if np.isfinite(values["alpha_ratio"]).all() and certain.mean() <= thresholds.certain:
        return ESTIMATORS[0]
    for name, suffix in zip(ESTIMATORS[1:], ("mixture", "own"), strict=True):
        if np.isfinite(values[f"alpha_{suffix}"]).all():
            return name
    return ESTIMATORS[0] if np.isfinite(values["alpha_ratio"]).all() else ""


def _residual(pair: Pair, values: dict[str, Array], seed: int) -> Array:
    """KL to the nearest member: at the trusted α, or at that of the policy's own samples, whichever is nearer."""
    powers = {float(values[name][seed].mean()) for name in ("alpha", "alpha_own")}
    left = [residual(pair.policy, power) for power in powers if np.isfinite(power)]
    return min(left, key=np.mean) if left else np.full(pair.policy.n_problems, np.nan)


def _one_seed(pair: Pair) -> tuple[dict[str, Array], dict[str, float]]:
    policy, base = pair
    alpha_ratio, beta_ratio, certain = density_ratio(pair)
    alpha_own, beta_own = own_regression(pair)
    alpha_mixture, beta_mixture = mixture_regression(pair)
    parts = chain_rule(policy)
    best = ceiling(base)
    accuracy, accuracy_base = (side.n_right / side.n_samples for side in pair)
    values = {
        "alpha_ratio": alpha_ratio,
        "beta_ratio": beta_ratio,
        "alpha_own": alpha_own,
        "beta_own": beta_own,
        "alpha_mixture": alpha_mixture,
        "beta_mixture": beta_mixture,
        "beta_labels": label_log_odds(pair),
        "shift": within_outcome_shift(pair),
        **parts,
        "kl_per_token": per_token(policy, parts["kl"]),
        "efficiency": efficiency(parts),
        "covered": covered(policy),
        "accuracy": accuracy,
        "accuracy_base": accuracy_base,
        "ceiling": best.accuracy,
        "over_ceiling": accuracy - best.accuracy,
        **coverage(pair),
        **_descriptions(pair),
    }
    scalars = {
        "told_apart": certain,
        "spread": _spread(pair, "log_p"),
        "odds_spread": _spread(pair, "right"),
        "ceiling_power": best.power,
        "ceiling_effective_share": best.effective_share,
    }
    return values, scalars


def _spread(pair: Pair, name: str) -> float:
    """Variance within problems, the mean of the policy's and the base's."""
    inside = [centred(side.problem, getattr(side, name).astype(float), side.n_problems) for side in pair]
    return float(np.mean([values.var() for values in inside]))


def _descriptions(pair: Pair) -> dict[str, Array]:
    """Cover@τ, entropies, answers, lengths, truncation and rank bias: of the policy, and of its base (``_base``)."""
    k = int(min(side.n_samples.min() for side in pair))
    described: dict[str, Array] = {}
    for suffix, side in (("", pair.policy), ("_base", pair.base)):
        described |= {f"{name}{suffix}": values for name, values in _of_one_side(side, k).items()}
    return described | {"rank_bias": rank_bias(pair.policy)}


def _of_one_side(side: Draws, k: int) -> dict[str, Array]:
    outcomes = (("right", True), ("wrong", False))
    return {
        **{f"cover@{tau:g}": cover_at(side, tau) for tau in TAUS},
        "token_entropy": token_entropy(side),
        "answer_entropy": answer_entropy(side),
        "distinct_answers": distinct_answers(side, k),
        **{f"tokens_{name}": by_outcome(side, side.n_tokens, right) for name, right in outcomes},
        **{f"truncated_{name}": by_outcome(side, side.truncated, right) for name, right in outcomes},
    }
