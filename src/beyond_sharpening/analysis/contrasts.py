"""Differences between arms, with the test that the number of training seeds allows.

One seed on a side says something about *this checkpoint*: the problems are the unit, paired. Two or
more say something about *the training procedure*: the seeds are the unit. Pooling samples, or pairing
by problem with seeds averaged, would call pure seed noise a difference in more than half of all cases.
"""

from __future__ import annotations

import json
from itertools import chain
from math import comb
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from beyond_sharpening.analysis.intervals import NO_SPREAD, t_interval
from beyond_sharpening.analysis.solve_rates import SolveRates, problem_table, require_same_problems
from beyond_sharpening.objectives import OBJECTIVES, PRIMARY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

BASE = "base"
REFERENCE_DECODER = "temperature"
GREEDY = "greedy"

RIVALS = tuple(name for name in PRIMARY if not OBJECTIVES[name].is_told)
"""The objectives that are never told what is right."""

PRIMARY_FAMILY = (
    *((name, BASE) for name in PRIMARY),
    *(("task_reward", rival) for rival in RIVALS),
)
"""The contrasts, fixed in advance, that the verdict rests on: pairs of policies (a, b)."""

COMPARISON_COLUMNS = [
    *["model", "family", "a", "b", "variant_a", "variant_b", "benchmark"],
    *["difference", "ci_low", "ci_high", "p_value", "p_adjusted"],
    *["unit", "test", "claim", "n_seeds_a", "n_seeds_b", "n_problems"],
]


class Arm(NamedTuple):
    """A policy under a decoder; its name is the policy's unless the decoder is not the reference one."""

    policy: str
    decoder: str = REFERENCE_DECODER

    @property
    def name(self) -> str:
        return self.policy if self.decoder == REFERENCE_DECODER else f"{self.policy}/{self.decoder}"


def compare_arms(
    samples: pd.DataFrame,
    family: Sequence[tuple[str, str]] = PRIMARY_FAMILY,
    variants: Mapping[str, str] | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Every contrast that the samples allow, on every benchmark: the last checkpoint, replicate 0.

    Primary contrasts are the family's, under the decoder ``temperature``; their p-values are
    Holm-adjusted within a model and benchmark, over the contrasts present. Secondary ones put each
    other decoder of the base against the base, task reward against each of them, and both decoded
    greedily; they are not adjusted (NaN). Decoders that are told what is right are left out.

    Where every trained side has two or more seeds, Welch's t on seed means; the base has one by nature,
    and enters with the sampling variance of its completions. Otherwise a sign-flip permutation test of
    the per-problem differences, seeds averaged, with a paired t interval; the two may disagree at the
    edge. No variance is taken to be below what drawing completions must cause. Greedy decoding draws
    nothing: where no seed differs from another there is no t statistic, and an exact permutation of the
    seeds takes its place. No interval can be given where nothing differs.

    Args:
        samples: a samples table that passes ``validate_samples``.
        family: the primary contrasts, as policies (a, b).
        variants: the variant of each policy to compare; needed where a policy has several.
        seed: of the permutation test.

    Returns:
        One row a contrast: ``model``, ``family`` (primary | secondary), ``a``, ``b`` (a policy, or
        ``policy/decoder``), ``variant_a``, ``variant_b``, ``benchmark``, ``difference`` (pass@1 of a
        minus b), ``ci_low``, ``ci_high`` (95 %, not adjusted; NaN: none), ``p_value``, ``p_adjusted``, ``unit``
        (problem | seed), ``test``, ``claim`` (this checkpoint | the training procedure), ``n_seeds_a``,
        ``n_seeds_b``, ``n_problems``. No rows if nothing can be compared.

    Raises:
        ValueError: if two sides were evaluated on different problems, or the variant is ambiguous or
            unknown.
    """
    policies = {BASE, "task_reward", *chain.from_iterable(family)}
    compared = samples["checkpoint"].eq("last") & samples["policy"].isin(policies) & ~told_what_is_right(samples)
    table = problem_table(samples[compared])
    rows = []
    for (model, benchmark), cells in _chosen(table, variants or {}).groupby(["model", "benchmark"]):
        arms = {Arm(*map(str, key)): cell for key, cell in cells.groupby(["policy", "decoder"])}
        for kind, a, b in _contrasts(family, arms):
            names = {"model": model, "family": kind, "a": a.name, "b": b.name, "benchmark": benchmark}
            picked = {"variant_a": arms[a]["variant"].iloc[0], "variant_b": arms[b]["variant"].iloc[0]}
            rows.append(names | picked | _compare(arms[a], arms[b], f"{a.name} on {benchmark}", b.name, seed))
    return _holm_adjusted(pd.DataFrame(rows, columns=COMPARISON_COLUMNS))


def told_what_is_right(samples: pd.DataFrame) -> pd.Series:
    """Which rows a decoder with an oracle made: a bound, not a method to compare with."""
    types = {text: str(json.loads(text).get("type", "")) for text in samples["decoder_parameters"].unique()}
    return samples["decoder_parameters"].map(types).str.startswith("oracle")


def _chosen(table: pd.DataFrame, variants: Mapping[str, str]) -> pd.DataFrame:
    """The rows of each policy's one variant; the choice must be made where there are several."""
    chosen = []
    for (model, policy), rows in table.groupby(["model", "policy"]):
        present = sorted(rows["variant"].unique())
        variant = variants.get(str(policy), present[0] if len(present) == 1 else None)
        if variant not in present:
            raise ValueError(
                f"variants[{policy!r}] is {variant!r}, but {model} has {policy} in {', '.join(map(repr, present))}; "
                "name the one to compare"
            )
        chosen.append(rows[rows["variant"] == variant])
    return pd.concat(chosen) if chosen else table


def _contrasts(family: Sequence[tuple[str, str]], arms: Mapping[Arm, pd.DataFrame]) -> Iterator[tuple[str, Arm, Arm]]:
    """(family, a, b) of every contrast whose two arms are there."""
    base, task_reward = Arm(BASE), Arm("task_reward")
    decoders = [arm for arm in arms if arm.policy == BASE and arm != base]
    contrasts = [
        *(("primary", Arm(a), Arm(b)) for a, b in family),
        *(("secondary", decoder, base) for decoder in decoders),
        *(("secondary", task_reward, decoder) for decoder in decoders),
        ("secondary", Arm("task_reward", GREEDY), Arm(BASE, GREEDY)),
    ]
    return ((kind, a, b) for kind, a, b in contrasts if a in arms and b in arms)


def _compare(cell_a: pd.DataFrame, cell_b: pd.DataFrame, name_a: str, name_b: str, seed: int) -> dict[str, object]:
    a, b = SolveRates.of(cell_a), SolveRates.of(cell_b)
    require_same_problems(name_a, set(a.problems), name_b, set(b.problems))
    seeds = {"n_seeds_a": a.n_seeds, "n_seeds_b": b.n_seeds, "n_problems": a.n_problems}
    trained = [arm.n_seeds for arm, cell in ((a, cell_a), (b, cell_b)) if cell["policy"].iloc[0] != BASE]
    by_seed = bool(trained) and min(trained) > 1
    return seeds | (_seed_contrast(a, b) if by_seed else _problem_contrast(a, b, seed))


def _seed_contrast(a: SolveRates, b: SolveRates) -> dict[str, object]:
    """Welch's t on seed means, with Satterthwaite's degrees of freedom.

    The base's variance counts as known no better than the seeds' one: simulated false-positive rates at
    nominal 0.05 are then 0.014 to 0.034 with five seeds of deviation 0 to 2 points (200 problems, 16
    samples). A one-sample t against the base's mean, which takes that mean as exact, has 0.32 to 0.09.
    """
    from scipy.stats import t

    variance, difference = a.seed_variance + b.seed_variance, a.mean - b.mean
    if np.sqrt(variance) < NO_SPREAD:
        return _equal_seeds_contrast(a, b, difference)
    seeds = min(arm.n_seeds for arm in (a, b) if arm.n_seeds > 1)
    freedom = variance**2 / sum(arm.seed_variance**2 / (max(arm.n_seeds, seeds) - 1) for arm in (a, b))
    low, high = t_interval(difference, variance, freedom, bound=1.0)
    return {
        "difference": difference,
        "ci_low": low,
        "ci_high": high,
        "p_value": float(2 * t.sf(abs(difference) / np.sqrt(variance), freedom)),
        "unit": "seed",
        "test": "Welch t on seed means",
        "claim": "the training procedure",
    }


def _equal_seeds_contrast(a: SolveRates, b: SolveRates, difference: float) -> dict[str, object]:
    """Exact permutation of seed means that are all equal within a side: a standard error of 0 is no certainty.

    What was observed and its mirror image are the most extreme of the ways to give the seeds to the sides, or, where
    one side is the base and has no seeds, to give the differences from it a sign.
    """
    ways = comb(a.n_seeds + b.n_seeds, a.n_seeds) if min(a.n_seeds, b.n_seeds) > 1 else 2 ** max(a.n_seeds, b.n_seeds)
    return {
        "difference": difference,
        "ci_low": np.nan,
        "ci_high": np.nan,
        "p_value": 2 / ways if abs(difference) > NO_SPREAD else 1.0,
        "unit": "seed",
        "test": "exact permutation of seed means",
        "claim": "the training procedure",
    }


def _problem_contrast(a: SolveRates, b: SolveRates, seed: int) -> dict[str, object]:
    """Paired by problem, seeds averaged: sign flips for the p-value, t for the interval."""
    from scipy.stats import permutation_test

    differences = a.rates.mean(axis=0) - b.rates.mean(axis=0)
    changed = differences[differences != 0]
    p_value = 1.0  # one changed problem is as extreme as its mirror image; none is no change
    if len(changed) > 1:
        flips = permutation_test(
            (changed,),
            np.mean,
            vectorized=True,
            permutation_type="samples",
            batch=1000,
            rng=np.random.default_rng(seed),
        )
        p_value = float(flips.pvalue)
    floor = a.sampling_variance + b.sampling_variance
    observed = differences.var(ddof=1) / len(differences) if len(differences) > 1 else 0.0
    difference = float(differences.mean())
    low, high = t_interval(difference, max(observed, floor), len(differences) - 1, bound=1.0)
    return {
        "difference": difference,
        "ci_low": low,
        "ci_high": high,
        "p_value": p_value,
        "unit": "problem",
        "test": "paired sign-flip permutation",
        "claim": "this checkpoint",
    }


def _holm_adjusted(comparisons: pd.DataFrame) -> pd.DataFrame:
    """``p_adjusted`` of the primary contrasts, Holm within each model and benchmark."""
    from statsmodels.stats.multitest import multipletests

    comparisons["p_adjusted"] = np.nan
    primary = comparisons[comparisons["family"] == "primary"]
    for _, p_values in primary.groupby(["model", "benchmark"])["p_value"]:
        comparisons.loc[p_values.index, "p_adjusted"] = multipletests(p_values, method="holm")[1]
    return comparisons
