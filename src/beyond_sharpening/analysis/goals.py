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
from beyond_sharpening.analysis.counts import numbers
from beyond_sharpening.analysis.intervals import LEVEL
from beyond_sharpening.analysis.rows import Rows, Samples, rows_of

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


def goals(samples: Samples, objectives: Mapping[tuple[str, str], Rewarding], seed: int) -> pd.DataFrame:
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
    rows, found = rows_of(samples), []
    last = rows.counts[rows.counts["checkpoint"] == "last"]
    for (policy, variant), objective in objectives.items():
        own = last[(last["policy"] == policy) & (last["variant"] == variant) & (last["decoder"] == REFERENCE_DECODER)]
        for (model, benchmark), part in own.groupby(["model", "benchmark"], observed=True):
            base = last[(last["policy"] == BASE) & (last["model"] == model) & (last["benchmark"] == benchmark)]
            ours = _summed(rows, part, objective, "logp_policy")
            theirs = _summed(rows, base, objective, "logp_base")
            if len(ours) and len(theirs):
                names = {"model": model, "policy": policy, "variant": variant, "benchmark": benchmark}
                target = _same_target(base, theirs, objective)
                accuracy = {"accuracy": float(ours["right"].sum() / ours["n"].sum())}
                found.append(names | _way(ours, theirs, objective, seed) | accuracy | target)
    return pd.DataFrame(found, columns=COLUMNS)


def _summed(rows: Rows, counted: pd.DataFrame, objective: Rewarding, drawn: str) -> pd.DataFrame:
    """Sums over the samples whose log-probabilities are known, one row a (decoder, replicate, problem).

    Columns: ``n``, ``right``, ``reward`` with log π of the policy in the column ``drawn``; ``best``, the greatest
    energy, and ``log_sum``, log Σ exp(E / c − log q), of these samples. Read a training seed at a time.
    """
    parts = [_of_rows(rows, part, objective, drawn) for _, part in counted.groupby(["decoder", "train_seed"])]
    if not parts:
        return pd.DataFrame()
    sums: dict[str, Any] = dict.fromkeys(("n", "right", "reward"), "sum") | {
        "best": "max",
        "log_sum": np.logaddexp.reduce,
    }
    return pd.concat(parts).groupby(["decoder", "replicate", "problem_id"]).agg(sums).reset_index()


def _of_rows(rows: Rows, counted: pd.DataFrame, objective: Rewarding, drawn: str) -> pd.DataFrame:
    read = rows.read(["correct", "logp_base", "logp_policy", "n_tokens"], counted)
    right, logp, logq, length = (numbers(read, name) for name in ("correct", "logp_base", drawn, "n_tokens"))
    energy, reward = (objective.reward(right, logp, under, length) for under in (np.zeros(len(read)), logq))
    exponent = energy / objective.policy - logq if objective.policy else energy
    table = pd.DataFrame({"n": 1, "right": right, "reward": reward, "best": energy, "log_sum": exponent})
    known = np.isfinite(logp) & np.isfinite(logq)
    by_problem = table[known].groupby(read.index[known])
    sums = by_problem[["n", "right", "reward"]].sum().assign(best=by_problem["best"].max())
    sums["log_sum"] = by_problem["log_sum"].agg(np.logaddexp.reduce)
    return sums.join(counted[["decoder", "replicate", "problem_id"]].astype({"decoder": str, "problem_id": str}))


def _way(own: pd.DataFrame, base: pd.DataFrame, objective: Rewarding, seed: int) -> dict[str, object]:
    plain = base[base["decoder"] == REFERENCE_DECODER]
    start, reached = (_mean_reward(side) for side in (plain, own))
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


def _mean_reward(side: pd.DataFrame) -> pd.Series:
    sums = side.groupby("problem_id")[["reward", "n"]].sum()
    return sums["reward"] / sums["n"]


def _share(values: np.ndarray) -> np.ndarray:
    start, reached, attainable = values.T
    room = attainable - start
    return np.where(room > NOTHING_TO_GAIN, (reached - start) / np.where(room > NOTHING_TO_GAIN, room, 1.0), np.nan)


def _attainable(own: pd.DataFrame, base: pd.DataFrame, objective: Rewarding) -> pd.Series:
    c = objective.policy
    if c == 0:
        return pd.concat([own, base]).groupby("problem_id")["best"].max()
    plain = base[base["decoder"] == REFERENCE_DECODER]
    estimates = []
    for side in (plain, own):
        problems = side.groupby("problem_id")
        estimates.append(c * (problems["log_sum"].agg(np.logaddexp.reduce) - np.log(problems["n"].sum())))
    return pd.concat(estimates, axis=1).max(axis=1)


def _same_target(base: pd.DataFrame, sums: pd.DataFrame, objective: Rewarding) -> dict[str, object]:
    """The base's most accurate decoder that aims at the objective's optimum, from its counts and sums."""
    parameters = base[base["replicate"] == 0].groupby("decoder", observed=True)["decoder_parameters"].first()
    best, named = np.nan, ""
    for decoder, rows in sums[sums["replicate"] == 0].groupby("decoder"):
        if _aims_alike(str(parameters[decoder]), objective):
            reached = float(rows["right"].sum() / rows["n"].sum())
            if not reached <= best:
                best, named = reached, str(decoder)
    return {"target_decoder": named, "target_accuracy": best}


def _aims_alike(parameters: str, objective: Rewarding) -> bool:
    asked = json.loads(parameters)
    if objective.task:
        return False
    if objective.policy == 0:
        return asked.get("type") in ("best_of_n", "beam_search")
    alpha = objective.reference / objective.policy
    return asked.get("type") in ("sir", "smc", "smc_mh", "power_mh", "pimh") and asked.get("alpha") == alpha
