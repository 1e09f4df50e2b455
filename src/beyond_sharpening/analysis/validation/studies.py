"""Studies of the statistics by simulation: do intervals cover, do tests keep their level, is the rule right?

Each study draws from something known, runs what the reports run, and counts. ``validate_statistics`` puts them in one
table, ``as_markdown`` in words: ``kedro run --pipeline=validate_statistics``, whose tables stand in
``docs/statistics.md``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import expit

from beyond_sharpening.analysis.differences import difference
from beyond_sharpening.analysis.intervals import PROBLEMS_LIKE_THESE, THESE_PROBLEMS, Target, proportion_interval
from beyond_sharpening.analysis.mechanisms.coverage import crossing
from beyond_sharpening.analysis.mechanisms.draws import Arm, arms
from beyond_sharpening.analysis.mechanisms.measure import Measured, measure
from beyond_sharpening.analysis.mechanisms.naming import Thresholds, Zero, name_of
from beyond_sharpening.analysis.mechanisms.stability import names_under_other_thresholds
from beyond_sharpening.analysis.validation.hierarchy import Hierarchy
from beyond_sharpening.analysis.validation.truths import NUMBERS, true_numbers
from beyond_sharpening.analysis.validation.worlds import Make, draw_samples, make_world, member, shorter, with_new_mass

NEW_MASS = 20

KINDS: dict[str, tuple[str, Make]] = {
    "sharpening, α 1.5": ("sharpening", member(1.5)),
    "sharpening, α 2": ("sharpening", member(2)),
    "sharpening, α 4": ("sharpening", member(4)),
    "sharpening, α 2, with drift": ("sharpening", member(2, drift=0.3)),
    "tilt, β 1": ("tilt", member(1, 1)),
    "tilt, β 3": ("tilt", member(1, 3)),
    "tilt, β 2, with drift": ("tilt", member(1, 2, drift=0.3)),
    "both, α 2, β 2": ("sharpening and tilt", member(2, 2)),
    "none": ("no change", member()),
    "flattening, α 0.5": ("flattening", member(0.5)),
    "tilt away, β −1": ("tilt away", member(1, -1)),
    "new mass on a tenth": ("beyond", with_new_mass(NEW_MASS)),
    "new mass and tilt": ("beyond", with_new_mass(NEW_MASS, beta=2)),
    "drift": ("outside the family", member(1.2, drift=1.3)),
    "misfit: shorter completions": ("outside the family", shorter(0.04, 1.2)),
}
"""Policies made exactly, and what they should be called."""


PLACES = {"none": (1.0, 0.0), "α 2": (2.0, 0.0), "β 2": (1.0, 2.0), "α 2, β 2": (2.0, 2.0), "α 0.5": (0.5, 0.0)}
"""Members of the family, by their α and β."""

FAR = 10**6
"""Seeds from here on are of the worlds that truths are summed over: others than those that are drawn from."""


class Row(NamedTuple):
    """A share that was measured, of ``n`` draws, and between what bounds it should lie.

    ``setting`` and ``case`` say of what; they are row and column of the study's table.
    """

    study: str
    setting: str
    case: str
    measured: float
    n: int
    at_least: float
    at_most: float


def validate_statistics(n_draws: int = 1000, n_worlds: int = 20, seed: int = 0) -> pd.DataFrame:
    """All studies in one table.

    Args:
        n_draws: simulated benchmarks for each setting of intervals and tests.
        n_worlds: worlds in which every kind of policy is named, for each setting.
        seed: of everything.

    Returns:
        One row a (study, setting, case): ``measured`` (a share), ``n``, ``at_least`` and ``at_most`` (what it should
        be), ``holds``: whether the share is within them, allowing for two standard errors of n draws.
    """
    rows = [
        *accuracy_intervals(n_draws, seed),
        *pass_at_k_bands(n_draws, seed),
        *levels_of_tests(n_draws, seed),
        *family_intervals(n_worlds, seed),
        *mechanism_intervals(n_worlds, seed),
        *names_of_policies(n_worlds, seed),
    ]
    table = pd.DataFrame(rows)
    error = 2 * np.sqrt(np.maximum(table["measured"] * (1 - table["measured"]), 0.01) / table["n"])
    within = table["measured"].between(table["at_least"] - error, table["at_most"] + error)
    return table.assign(holds=within)


def as_markdown(table: pd.DataFrame) -> str:
    """The studies as tables, settings by cases; † where a share is not what it should be."""
    parts = []
    for study, rows in table.groupby("study", sort=False):
        cases, n = list(dict.fromkeys(rows["case"])), ", ".join(map(str, sorted(rows["n"].unique())))
        lines = [f"### {study}", "", f"Draws behind a number: {n}.", "", f"| | {' | '.join(cases)} |"]
        lines.append("|---" * (len(cases) + 1) + "|")
        for setting, part in rows.groupby("setting", sort=False):
            cells = {
                case: f"{measured:.3f}" + "†" * (not holds)
                for case, measured, holds in zip(part["case"], part["measured"], part["holds"], strict=True)
            }
            lines.append(f"| {setting} | {' | '.join(cells.get(case, '–') for case in cases)} |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def accuracy_intervals(n_draws: int, seed: int) -> Iterator[Row]:
    """Coverage of the interval of pass@1 for both targets, over sizes, levels, seeds."""
    for n_problems in (10, 30, 200):
        for level in (-4.0, 0.0, 4.0):
            for n_seeds, deviation in ((1, 0.0), (3, 2.0), (5, 2.0)):
                made = Hierarchy(level=level, seeds=deviation, n_problems=n_problems, n_seeds=n_seeds, n_samples=8)
                for target in (PROBLEMS_LIKE_THESE, THESE_PROBLEMS):
                    if n_seeds > 1 or target == PROBLEMS_LIKE_THESE:
                        yield _coverage("Coverage of pass@1's 95 % interval", made, target, 1, n_draws, seed)


def pass_at_k_bands(n_draws: int, seed: int) -> Iterator[Row]:
    """Coverage of pass@k's band about problems like these, on small and on saturated benchmarks."""
    for n_problems in (10, 30, 200):
        for level in (-3.0, 0.0, 2.0):
            for k in (4, 16):
                made = Hierarchy(level=level, n_problems=n_problems)
                yield _coverage("Coverage of pass@k's 95 % band", made, PROBLEMS_LIKE_THESE, k, n_draws, seed)


def _coverage(study: str, made: Hierarchy, target: Target, k: int, n_draws: int, seed: int) -> Row:
    rng = np.random.default_rng([seed, made.n_problems, made.n_seeds, k])
    truth, hits = made.expected(k), 0
    for _ in range(n_draws):
        difficulty = made.difficulty(rng)
        low, high = proportion_interval(made.draw(difficulty, rng, k), target, draws=k)
        if target == THESE_PROBLEMS:
            truth = made.expected(k, difficulty)
        hits += low <= truth <= high
    setting, case = f"{made.n_problems} problems, the median one solved in {expit(made.level):.0%} of tries", f"k {k}"
    if k == 1:
        case = f"{made.n_seeds} {'seed' if made.n_seeds == 1 else 'seeds'}, {target}"
    return Row(study, setting, case, hits / n_draws, n_draws, 0.93, 1.0 if _few(made, k) else 0.97)


def _few(made: Hierarchy, k: int) -> bool:
    """Where an interval must be conservative: fewer than five problems are expected solved, or unsolved."""
    expected = made.expected(k)
    return made.n_problems * min(expected, 1 - expected) < 5 or made.n_seeds > 1


def levels_of_tests(n_draws: int, seed: int) -> Iterator[Row]:
    """False positives of the primary test at 0.05, and of pooling samples, where training did nothing on average."""
    for n_seeds in (3, 5):
        for deviation in (0.0, 1.0, 2.0, 3.0):
            made = Hierarchy(seeds=deviation, interaction=0.3, n_seeds=n_seeds)
            for rival in ("base", "another training"):
                rng = np.random.default_rng([seed, n_seeds, int(deviation), rival == "base"])
                drawn = [_null(made, rival, rng) for _ in range(n_draws)]
                study, setting = "Level of the primary test at 0.05", f"{n_seeds} seeds against {rival}"
                level, pooled = (float(np.mean([p[side] < 0.05 for p in drawn])) for side in (0, 1))
                yield Row(study, setting, f"deviation {deviation:g}", level, n_draws, 0, 0.06)
                if deviation == 2:
                    yield Row(study, setting, "deviation 2, samples pooled (not used)", pooled, n_draws, 0.1, 1.0)


def _null(made: Hierarchy, rival: str, rng: np.random.Generator) -> tuple[float, float]:
    """p-values of the primary test, and of a z test on pooled samples, between arms alike but for their seeds."""
    from scipy.stats import norm

    difficulty = made.difficulty(rng)
    base = Hierarchy(n_problems=made.n_problems, n_samples=2 * made.n_samples)
    a, b = made.draw(difficulty, rng), (base if rival == "base" else made).draw(difficulty, rng)
    found = difference(a, b, True, PROBLEMS_LIKE_THESE, 0)
    share = (a.mean + b.mean) / 2
    pooled = np.sqrt(share * (1 - share) * (1 / a.n_samples.sum() + 1 / b.n_samples.sum()))
    return found.p_value, float(2 * norm.sf(abs(a.mean - b.mean) / pooled))


def family_intervals(n_worlds: int, seed: int) -> Iterator[Row]:
    """Coverage of the intervals of α̂ and β̂, by the estimator that is trusted.

    One seed speaks of that checkpoint, made without luck; five of trainings whose α − 1 and β differ by a twentieth.
    """
    for n_samples, n_seeds in ((16, 1), (64, 1), (16, 5)):
        makes = {name: member(*place, between_seeds=0.05 * (n_seeds > 1)) for name, place in PLACES.items()}
        hits: dict[tuple[str, str], list[bool]] = {(place, symbol): [] for place in PLACES for symbol in "αβ"}
        for number in range(seed, seed + n_worlds):
            world, seeds = make_world(number), range(n_seeds)
            samples, _ = draw_samples(world, makes, n_samples=n_samples, seeds=seeds, noise=0.01, seed=number)
            for arm in arms(samples):
                found = measure(arm, Thresholds()).estimates
                for symbol, name, truth in zip("αβ", ("alpha", "beta"), PLACES[arm.key[1]], strict=True):
                    hits[arm.key[1], symbol].append(found[name].low <= truth <= found[name].high)
        for (place, symbol), covered in hits.items():
            case, share = f"{symbol}, {n_samples} samples, {_seeds(n_seeds)}", float(np.mean(covered))
            yield Row("Coverage of the 95 % intervals of α̂ and β̂", place, case, share, len(covered), 0.93, 1.0)


def mechanism_intervals(n_worlds: int, seed: int) -> Iterator[Row]:
    """Coverage of the intervals of KL and its parts, coverage, Cover@τ, answers, lengths and the crossing.

    The truth is summed over the completions of four times as many other worlds. Numbers whose truth depends on what was
    drawn (the within-outcome shift, the residual, the ceiling, rank bias) have none to be held against.
    """
    for n_samples, n_seeds in ((16, 1), (64, 1), (16, 5)):
        makes = {name: member(*place, between_seeds=0.05 * (n_seeds > 1)) for name, place in PLACES.items()}
        others = [(make_world(FAR + number), FAR + number) for number in range(4 * n_worlds)]
        truths = {name: true_numbers(make, others, n_samples, n_seeds) for name, make in makes.items()}
        hits: dict[tuple[str, str], list[bool]] = {}
        for number in range(seed, seed + n_worlds):
            world, seeds = make_world(number), range(n_seeds)
            samples, _ = draw_samples(world, makes, n_samples=n_samples, seeds=seeds, noise=0.01, seed=number)
            for arm in arms(samples):
                place, found = arm.key[1], _intervals(arm, number)
                for name, truth in truths[place].items():
                    if not np.isnan(truth):
                        low, high = found[name]
                        hits.setdefault((name, place), []).append(low <= truth <= high)
        study = f"Coverage of the mechanism's other 95 % intervals, {n_samples} samples, {_seeds(n_seeds)}"
        words = {**NUMBERS, "crossing": "crossing, k*"}
        for (name, place), covered in hits.items():
            yield Row(study, words[name], place, float(np.mean(covered)), len(covered), 0.93, 1.0)


def _intervals(arm: Arm, seed: int) -> dict[str, tuple[float, float]]:
    """The 95 % interval of each number of an arm, and of its crossing."""
    intervals = {name: (number.low, number.high) for name, number in measure(arm, Thresholds()).estimates.items()}
    crossed = crossing(arm.tried, seed)
    return intervals | {"crossing": (crossed.low, crossed.high)}


def _seeds(n: int) -> str:
    return f"{n} {'seed' if n == 1 else 'seeds'}"


def names_of_policies(n_worlds: int, seed: int) -> Iterator[Row]:
    """How often policies made exactly get their name, and keep it when a threshold moves by a fifth."""
    rule = Thresholds()
    for n_samples, n_seeds in ((16, 1), (64, 1), (16, 5)):
        right: dict[str, list[bool]] = {kind: [] for kind in KINDS}
        steady: dict[str, list[bool]] = {kind: [] for kind in KINDS}
        for number in range(n_worlds):
            for measured in _measured(seed + number, n_samples, n_seeds, rule):
                kind = measured.arm.key[1]
                right[kind].append(name_of(measured.evidence, rule, Zero())[0] == KINDS[kind][0])
                steady[kind].append(not names_under_other_thresholds(measured, rule, Zero()))
        case = f"{n_samples} samples, {_seeds(n_seeds)}"
        for kind, found in right.items():
            yield Row(
                "The name is right", f"{kind}: {KINDS[kind][0]}", case, float(np.mean(found)), len(found), 0.95, 1
            )
        for kind, kept in steady.items():
            share = float(np.mean(kept))
            yield Row("The name stays under every threshold a fifth up or down", kind, case, share, len(kept), 0.95, 1)


def _measured(seed: int, n_samples: int, n_seeds: int, rule: Thresholds) -> Iterator[Measured]:
    """Every kind in one world: shared base samples, numerical noise of 0.01 nats."""
    world = make_world(seed, new_mass=NEW_MASS)
    makes = {kind: make for kind, (_, make) in KINDS.items()}
    samples, _ = draw_samples(world, makes, n_samples=n_samples, seeds=range(n_seeds), noise=0.01, seed=seed)
    for arm in arms(samples):
        yield measure(arm, rule)
