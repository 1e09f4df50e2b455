"""Differences between arms, with the test that the number of training seeds allows.

One seed on a side says something about *this checkpoint*; two or more about *the training procedure*, and then the
seeds are in the test. Pooling samples, or pairing by problem with seeds averaged, would call pure seed noise a
difference in more than half of all cases. What the interval is about does not depend on it (``intervals``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from beyond_sharpening.analysis.contract import BASE
from beyond_sharpening.analysis.differences import Difference, difference, smallest_p
from beyond_sharpening.analysis.families import Arm, Family, arms_of, contrasts_of, family_of
from beyond_sharpening.analysis.intervals import PROBLEMS_LIKE_THESE, Target
from beyond_sharpening.analysis.rows import Samples, count_samples
from beyond_sharpening.analysis.solve_rates import SolveRates

LEVEL = 0.05
MARGIN = 0.02
"""The smallest difference in pass@1 worth a claim: about what five seeds can detect on 500 problems."""

FEW_PROBLEMS = 10

COMPARISON_COLUMNS = [
    *["model", "family", "a", "b", "variant_a", "variant_b", "benchmark"],
    *["difference", "ci_low", "ci_high", "ci_low_adjusted", "ci_high_adjusted", "p_value", "p_adjusted"],
    *["p_equivalent", "p_equivalent_adjusted", "p_no_gain", "p_no_gain_adjusted", "margin", "detectable"],
    *["unit", "test", "claim", "target", "n_seeds_a", "n_seeds_b", "n_problems", "n_left_out", "left_out", "warning"],
]
AT_K_COLUMNS = ["solved_by_a_alone", "solved_by_b_alone"]


def compare_arms(
    samples: Samples,
    family: Family | None = None,
    variants: Mapping[str, str] | None = None,
    seed: int = 0,
    target: Target = PROBLEMS_LIKE_THESE,
    margin: float = MARGIN,
) -> pd.DataFrame:
    """Every contrast that the samples allow, on every benchmark, at the last checkpoint.

    Primary contrasts are the family's; their p-values are Holm-adjusted within a model and benchmark, over the
    contrasts present. Secondary ones put each other decoder of the base against the base, the family's first policy
    against each of them, and both decoded greedily; they are adjusted by Benjamini and Hochberg. Decoders that are
    told what is right are left out. Of the base both replicates count; a problem that one side lacks is left out of
    the contrast, counted and named.

    Where every trained side has two or more seeds, a t test in which seeds and problems are both random. Otherwise a
    sign-flip permutation test of the per-problem differences, seeds averaged, with a paired t interval; exact McNemar
    at one sample a problem. No variance is taken to be below what drawing completions must cause.

    Args:
        samples: a samples table that passes ``validate_samples``, or its counts.
        family: the primary contrasts, as (a, b), each a policy or ``policy/decoder``, whatever they are called.
            Without one: ``PRIMARY_FAMILY`` where any of it is there, else every policy against the base and all pairs.
        variants: the variant of each policy to compare; needed where a policy has several.
        seed: of the permutation test.
        target: what intervals and p-values are about.
        margin: the smallest difference that matters, for the tests of equivalence.

    Returns:
        One row a contrast: ``model``, ``family`` (primary | secondary), ``a``, ``b`` (a policy, or
        ``policy/decoder``), ``variant_a``, ``variant_b``, ``benchmark``, ``difference`` (pass@1 of a minus b),
        ``ci_low``, ``ci_high`` (95 %, not adjusted; NaN: none), ``ci_low_adjusted``, ``ci_high_adjusted`` (95 % for
        all primary contrasts of the benchmark at once, by Bonferroni; of secondary ones not adjusted), ``p_value``,
        ``p_adjusted``, ``p_equivalent`` (two one-sided tests that they differ by less than the margin), ``p_no_gain``
        (one-sided: a does not gain the margin over b) and both adjusted, ``margin``, ``detectable`` (the smallest
        true difference found with 80 % power after the correction), ``unit`` (problem | seed), ``test``, ``claim``
        (this checkpoint | the training procedure), ``target``, ``n_seeds_a``, ``n_seeds_b``, ``n_problems``,
        ``n_left_out`` and ``left_out``, ``warning``. No rows if nothing can be compared.

    Raises:
        ValueError: if two sides have no problem in common, the variant is ambiguous or unknown, or nothing of a
            family that was given is there.
    """
    given, counts = family is not None, count_samples(samples)
    family = family or family_of(counts)
    cells = arms_of(counts, family, variants or {})
    rows = []
    for (model, benchmark), arms in cells.items():
        contrasts = [*contrasts_of(family, arms)]
        sides = _sides(arms, contrasts, "pass@1")
        n_primary = sum(kind == "primary" for kind, _, _ in contrasts)
        for kind, a, b in contrasts:
            level = LEVEL / n_primary if kind == "primary" else LEVEL
            rows.append(
                _names(model, benchmark, kind, a, b, arms)
                | _compare(sides[a], sides[b], benchmark, seed, target, margin, level)
            )
    if given and not any(row["family"] == "primary" for row in rows) and len(counts):
        there = ", ".join(sorted(map(str, counts["policy"].unique())))
        raise ValueError(f"none of the contrasts {', '.join(map(str, family))} can be made; the policies are {there}")
    return _adjusted(pd.DataFrame(rows, columns=COMPARISON_COLUMNS))


def compare_at_k(
    samples: Samples,
    ks: Iterable[int],
    family: Family | None = None,
    variants: Mapping[str, str] | None = None,
    seed: int = 0,
    target: Target = PROBLEMS_LIKE_THESE,
    margin: float = MARGIN,
) -> pd.DataFrame:
    """The family's contrasts of pass@k at fixed k, paired by problem: whether one arm *covers* more than the other.

    All are secondary, adjusted by Benjamini and Hochberg over the benchmark's contrasts and ks. Tests, target and
    columns are those of ``compare_arms``, and ``k``, ``solved_by_a_alone`` and ``solved_by_b_alone``: the expected
    number of problems that k draws of the one solve and k of the other do not. A k beyond the samples makes no row.
    """
    counts = count_samples(samples)
    family = family or family_of(counts)
    ks = sorted(set(ks))
    rows = []
    for (model, benchmark), arms in arms_of(counts, family, variants or {}, ks).items():
        contrasts = [contrast for contrast in contrasts_of(family, arms) if contrast[0] == "primary"]
        for k in ks:
            drawn = {arm: cell for arm, cell in arms.items() if k <= cell["n_samples"].min()}
            able = [contrast for contrast in contrasts if {contrast[1], contrast[2]} <= drawn.keys()]
            sides = _sides(drawn, able, f"pass@{k}")
            for _, a, b in able:
                compared = _compare(sides[a], sides[b], benchmark, seed, target, margin, LEVEL)
                rows.append(_names(model, benchmark, "secondary", a, b, arms) | {"k": k} | compared)
    return _adjusted(pd.DataFrame(rows, columns=[*COMPARISON_COLUMNS, "k", *AT_K_COLUMNS]))


def seeds_needed(n_contrasts: int, level: float = LEVEL, against_base: bool = False) -> int:
    """The fewest training seeds a side whose exact permutation can survive Holm over so many contrasts.

    To be asked before anyone trains: five for six contrasts between trained arms, and two never suffice.
    """
    seeds = 2
    while smallest_p(seeds, 1 if against_base else seeds) > level / n_contrasts:
        seeds += 1
    return seeds


def _names(
    model: str, benchmark: str, kind: str, a: Arm, b: Arm, arms: Mapping[Arm, pd.DataFrame]
) -> dict[str, object]:
    variants = {"variant_a": arms[a]["variant"].iloc[0], "variant_b": arms[b]["variant"].iloc[0]}
    return {"model": model, "family": kind, "a": a.name, "b": b.name, "benchmark": benchmark} | variants


class _Side(NamedTuple):
    """One side of a contrast; the base has one seed by nature."""

    name: str
    rates: SolveRates
    trained: bool


def _sides(
    arms: Mapping[Arm, pd.DataFrame], contrasts: Iterable[tuple[str, Arm, Arm]], column: str
) -> dict[Arm, _Side]:
    wanted = {arm for _, *pair in contrasts for arm in pair}
    return {arm: _Side(arm.name, SolveRates.of(arms[arm], column), arm.policy != BASE) for arm in wanted}


def _compare(
    side_a: _Side, side_b: _Side, benchmark: str, seed: int, target: Target, margin: float, level: float
) -> dict[str, object]:
    a, b, left_out = _on_common_problems(side_a, side_b, benchmark)
    trained = [side.rates.n_seeds for side in (side_a, side_b) if side.trained]
    found = difference(a, b, bool(trained) and min(trained) > 1, target, seed)
    low, high = found.interval
    low_adjusted, high_adjusted = found.interval_at(1 - level)
    ours, theirs = a.rates.mean(axis=0), b.rates.mean(axis=0)
    return {
        "difference": found.value,
        "ci_low": low,
        "ci_high": high,
        "ci_low_adjusted": low_adjusted,
        "ci_high_adjusted": high_adjusted,
        "p_value": found.p_value,
        "p_equivalent": found.equivalence(margin),
        "p_no_gain": found.no_gain(margin),
        "margin": margin,
        "detectable": found.detectable(level),
        "unit": found.unit,
        "test": found.test,
        "claim": found.claim,
        "target": target,
        "n_seeds_a": a.n_seeds,
        "n_seeds_b": b.n_seeds,
        "n_problems": a.n_problems,
        "n_left_out": len(left_out),
        "left_out": ", ".join(map(str, left_out[:3])),
        "warning": _warning(a, b, found, level),
        "solved_by_a_alone": float((ours * (1 - theirs)).sum()),
        "solved_by_b_alone": float((theirs * (1 - ours)).sum()),
    }


def _on_common_problems(a: _Side, b: _Side, benchmark: str) -> tuple[SolveRates, SolveRates, list[str]]:
    """Both sides on the problems that both have, and those that not all have."""
    incomplete = {*a.rates.left_out, *b.rates.left_out}
    if np.array_equal(a.rates.problems, b.rates.problems):
        return a.rates, b.rates, sorted(incomplete)
    common = np.intersect1d(a.rates.problems, b.rates.problems)
    if not len(common):
        raise ValueError(
            f"{a.name} on {benchmark} has {a.rates.n_problems} problems, {b.name} has {b.rates.n_problems}, none of "
            f"them the same; were they renamed? They are called, for example, {a.rates.problems[0]} and "
            f"{b.rates.problems[0]}"
        )
    alone = np.setxor1d(a.rates.problems, b.rates.problems)
    return a.rates.on(common), b.rates.on(common), sorted({*incomplete, *alone})


def _warning(a: SolveRates, b: SolveRates, found: Difference, level: float) -> str:
    """What a reader should know before believing the row; empty where there is nothing."""
    warnings = []
    if a.n_problems <= FEW_PROBLEMS:
        warnings.append(f"{a.n_problems} problems: no test can say much of problems like these")
    if found.unit == "seed" and max(a.n_seeds, b.n_seeds) == 2:
        least = smallest_p(a.n_seeds, b.n_seeds)
        warnings.append(f"two seeds: no permutation of them has p below {least:.2f}, and {level:.3g} is needed")
    return "; ".join(warnings)


def _adjusted(comparisons: pd.DataFrame) -> pd.DataFrame:
    """The p-values adjusted within each model and benchmark.

    Holm over the primary contrasts, Benjamini and Hochberg over the secondary ones.
    """
    from statsmodels.stats.multitest import multipletests

    for name in ("p_value", "p_equivalent", "p_no_gain"):
        adjusted = f"{name}_adjusted".replace("p_value_", "p_")
        comparisons[adjusted] = np.nan
        for kind, method in (("primary", "holm"), ("secondary", "fdr_bh")):
            rows = comparisons[comparisons["family"] == kind]
            for _, p_values in rows[name].dropna().groupby([rows["model"], rows["benchmark"]]):
                comparisons.loc[p_values.index, adjusted] = multipletests(p_values, method=method)[1]
    return comparisons
