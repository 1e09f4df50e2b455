"""Problems out of the base's reach, and those that the policy solves beyond what a tilt explains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from beyond_sharpening.analysis.mechanisms.divergence import base_rate
from beyond_sharpening.analysis.mechanisms.draws import Draws, Pair
from beyond_sharpening.analysis.mechanisms.groups import Array, log_mean_exp, sums


class Reach(NamedTuple):
    """Of each problem, (P,): out of the base's reach and solved by the policy; beyond; A_0; the rise of its log odds.

    The first two are 0 or 1; all are NaN where they cannot be seen.
    """

    out: Array
    beyond: Array
    base_rate: Array
    rise: Array


def reach(pair: Pair, limit: float, margin: float) -> Reach:
    """Which problems the policy solves that the base does not, and why not by tilting.

    *Out of reach*: no base sample solved it; the policy found it on one half of its samples (at least once) and
    confirmed it on the other (at least max(2, K/8) times); and A_0, by importance weights, is below ``limit``.
    *Beyond*: out of reach, and its log odds rose by more than the median rise of the other problems, plus ``margin``.
    Without log-probabilities nobody can tell new mass from tilt: all NaN.
    """
    return reached(reach_parts(pair), limit, margin)


def reach_parts(pair: Pair) -> dict[str, Array]:
    """What is asked of each problem, (P,); NaN where a log-probability is not known."""
    policy, base = pair
    found, confirmed = (half.n_right for half in policy.halves())
    needed = np.maximum(2, policy.n_samples / 8)
    solved = (base.n_right == 0) & (found >= 1) & (confirmed >= needed)
    known = np.isfinite(sums(policy.problem, policy.log_p + policy.log_q, policy.n_problems))
    parts = {"solved_alone": solved, "base_rate": base_rate(policy), "rise": log_odds_rise(pair)}
    return {name: np.where(known, values, np.nan) for name, values in parts.items()}


def reached(parts: Mapping[str, Array], limit: float, margin: float) -> Reach:
    """``reach``, from what is asked of all problems."""
    rate, rise = parts["base_rate"], parts["rise"]
    if not np.isfinite(parts["solved_alone"]).all():
        absent = np.full(len(rate), np.nan)
        return Reach(absent, absent, absent, absent)
    out = parts["solved_alone"].astype(bool) & (rate < limit)
    others = rise[~out & np.isfinite(rise)]
    usual = np.median(others) if len(others) else 0.0
    return Reach(out.astype(float), (out & (rise > usual + margin)).astype(float), rate, rise)


def log_odds_rise(pair: Pair) -> Array:
    """logit A_q − logit A_0 of each problem, (P,), by the ratio q(C)/p(C) of each outcome.

    From the policy's samples, q(C)/p(C) = 1 / E_q[p/q | C]; for an outcome that the policy never drew, from the base's
    scored completions, E_p[q/p | C]; without these, from counts with half a sample added to each side.
    """
    right, wrong = (_log_mass_ratio(pair, outcome) for outcome in (True, False))
    return right - wrong


def _log_mass_ratio(pair: Pair, outcome: bool) -> Array:
    policy, base = pair
    own = _within(policy, outcome)
    ratio = -log_mean_exp(own.problem, own.log_p - own.log_q, policy.n_problems)
    scored = base.where((base.right == outcome) & np.isfinite(base.log_q))
    from_base = log_mean_exp(scored.problem, scored.log_q - scored.log_p, policy.n_problems)
    (n_q, c_q), (n_p, c_p) = (
        (side.n_samples, side.n_right if outcome else side.n_samples - side.n_right) for side in pair
    )
    counted = np.log((c_q + 0.5) / (n_q + 1)) - np.log((c_p + 0.5) / (n_p + 1))
    ratio = np.where(c_q > 0, ratio, from_base)
    return np.where(np.isfinite(ratio), ratio, counted)


def _within(draws: Draws, outcome: bool) -> Draws:
    return draws.where(draws.right == outcome)
