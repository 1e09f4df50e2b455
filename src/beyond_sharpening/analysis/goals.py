"""Was each objective trained to its goal? Its own reward, beside what is attainable.

An objective with an entropy term (c > 0) has the optimum J* = c·log Z, Z = Σ exp(E / c) with the energy
E = a·R + b·s(log π_ref) (``docs/theory.md``, proposition 1). Z is an expectation under any policy that was sampled,
Z = E_q[exp(E / c − log q)], so samples of the base and of the trained policy each give an estimate; a logarithm of a
mean is too small on average, and the larger of the two is taken. By Jensen's inequality it is never below what the
policy reaches on the same samples. Without an entropy term the optimum is the greatest energy there is: the best
completion that any decoder or policy has drawn. Both are *at least* what is attainable.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import pandas as pd

from beyond_sharpening.analysis.contract import BASE, REFERENCE_DECODER
from beyond_sharpening.analysis.intervals import LEVEL

REACHED = 0.9
"""Where the interval of the share of its way ends below this, a training has stopped short."""

NOTHING_TO_GAIN = 0.01
"""Nats (or points of R) between start and optimum below which a share of the way means nothing."""

RESAMPLES = 1000
COLUMNS = [
    *[
        "model",
        "policy",
        "variant",
        "benchmark",
        "start",
        "reached",
        "attainable",
        "share",
        "share_low",
        "share_high",
        "short",
    ],
    *["accuracy", "target_decoder", "target_accuracy"],
]


class Rewarding(Protocol):
    """An objective: its coefficients a, b, c and its reward."""

    @property
    def task(self) -> float: ...
    @property
    def reference(self) -> float: ...
    @property
    def policy(self) -> float: ...
    def reward(self, task_reward: Any, logp_reference: Any, logp_policy: Any, n_tokens: Any) -> Any: ...


def goals(samples: pd.DataFrame, objectives: Mapping[tuple[str, str], Rewarding], seed: int) -> pd.DataFrame:
    """How far each training came, on each benchmark: what is unlike the training problems is farther away.

    Args:
        samples: a samples table that passes ``validate_samples``.
        objectives: the objective of each (policy, variant).
        seed: of the bootstrap over problems.

    Returns:
        One row a (model, policy, variant, benchmark) with log-probabilities: mean reward of the base (``start``) and of
        the policy (``reached``), ``attainable``; ``share`` of the way with its 95 % percentile bootstrap interval over
        problems (NaN where there is nothing to gain); ``short``, whether the interval ends below ``REACHED``;
        ``accuracy`` of the policy; ``target_accuracy`` of the base's best decoder for the same target, which is
        ``target_decoder`` (empty where none was used).
    """
    rows = []
    last = samples[(samples["checkpoint"] == "last") & samples["logp_base"].notna()]
    for (policy, variant), objective in objectives.items():
        own = last[(last["policy"] == policy) & (last["variant"] == variant) & (last["decoder"] == REFERENCE_DECODER)]
        own = own[own["logp_policy"].notna()]
        for (model, benchmark), part in own.groupby(["model", "benchmark"], observed=True):
            base = last[(last["policy"] == BASE) & (last["model"] == model) & (last["benchmark"] == benchmark)]
            if len(base):
                names = {"model": model, "policy": policy, "variant": variant, "benchmark": benchmark}
                rows.append(names | _way(part, base, objective, seed) | _same_target(part, base, objective))
    return pd.DataFrame(rows, columns=COLUMNS)


def _way(own: pd.DataFrame, base: pd.DataFrame, objective: Rewarding, seed: int) -> dict[str, object]:
    plain = base[base["decoder"] == REFERENCE_DECODER]
    start = _reward(plain, objective, plain["logp_base"]).groupby(plain["problem_id"]).mean()
    reached = _reward(own, objective, own["logp_policy"]).groupby(own["problem_id"]).mean()
    attainable = _attainable(own, base, objective)
    values = pd.concat([start, reached, attainable], axis=1, join="inner").dropna().to_numpy()  # (P, 3)
    n = len(values)
    weights = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), RESAMPLES) / n
    shares = _share(weights @ values)
    low, high = (
        np.nanquantile(shares, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]) if np.isfinite(shares).any() else (np.nan,) * 2
    )
    means = values.mean(axis=0)
    share = float(_share(means[None])[0])
    found = dict(zip(("start", "reached", "attainable"), map(float, means), strict=True))
    return found | {"share": share, "share_low": low, "share_high": high, "short": bool(high < REACHED)}


def _share(values: np.ndarray) -> np.ndarray:
    start, reached, attainable = values.T
    room = attainable - start
    return np.where(room > NOTHING_TO_GAIN, (reached - start) / np.where(room > NOTHING_TO_GAIN, room, 1.0), np.nan)


def _attainable(own: pd.DataFrame, base: pd.DataFrame, objective: Rewarding) -> pd.Series:
    c = objective.policy
    if c == 0:
        seen = pd.concat([own, base])
        return _energy(seen, objective).groupby(seen["problem_id"]).max()
    plain = base[base["decoder"] == REFERENCE_DECODER]
    sampled = ((plain, plain["logp_base"]), (own, own["logp_policy"]))
    estimates = [
        c * (_energy(rows, objective) / c - drawn.astype(float)).groupby(rows["problem_id"]).agg(_log_mean_exp)
        for rows, drawn in sampled
    ]
    return pd.concat(estimates, axis=1).max(axis=1)


def _log_mean_exp(values: pd.Series) -> float:
    return float(np.logaddexp.reduce(values.to_numpy()) - np.log(len(values)))


def _energy(rows: pd.DataFrame, objective: Rewarding) -> pd.Series:
    return _reward(rows, objective, pd.Series(0.0, rows.index))


def _reward(rows: pd.DataFrame, objective: Rewarding, logp_policy: pd.Series) -> pd.Series:
    columns = (rows["correct"], rows["logp_base"], logp_policy, rows["n_tokens"])
    return pd.Series(objective.reward(*(column.to_numpy(float) for column in columns)), rows.index)


def _same_target(own: pd.DataFrame, base: pd.DataFrame, objective: Rewarding) -> dict[str, object]:
    """The base's most accurate decoder that aims at the objective's optimum."""
    accuracy = float(own["correct"].mean())
    best, named = np.nan, ""
    for decoder, rows in base[base["replicate"] == 0].groupby("decoder"):
        if _aims_alike(str(rows["decoder_parameters"].iloc[0]), objective):
            reached = float(rows["correct"].mean())
            if not reached <= best:
                best, named = reached, str(decoder)
    return {"accuracy": accuracy, "target_decoder": named, "target_accuracy": best}


def _aims_alike(parameters: str, objective: Rewarding) -> bool:
    asked = json.loads(parameters)
    if objective.task:
        return False
    if objective.policy == 0:
        return asked.get("type") in ("best_of_n", "beam_search")
    alpha = objective.reference / objective.policy
    return asked.get("type") in ("sir", "smc", "smc_mh", "power_mh", "pimh") and asked.get("alpha") == alpha
