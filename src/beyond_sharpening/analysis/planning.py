"""Where the uncertainty of a contrast comes from, and what more seeds, problems or samples would buy."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
import pandas as pd

from beyond_sharpening.analysis.contract import BASE, REFERENCE_DECODER
from beyond_sharpening.analysis.contrasts import LEVEL, seeds_needed
from beyond_sharpening.analysis.differences import detectable_difference, interaction_variance
from beyond_sharpening.analysis.families import Arm, arms_of, asked_about
from beyond_sharpening.analysis.rows import Samples, count_samples
from beyond_sharpening.analysis.solve_rates import SolveRates

ASSUMED_SEED_DEVIATION = 0.01
"""Of a training seed's accuracy, where one seed cannot tell it: a point."""

MORE_SEEDS, MORE_WORK = (3, 5, 10), 4
"""The numbers of seeds that are looked at, and how many times the problems, or the samples."""


class Components(NamedTuple):
    """Variances of one sample's verdict about the mean, by the method of moments; none below 0.

    ``seed``: of a training seed's mean; ``problem``: of the true difference between problems; ``interaction``: of a
    seed on a problem; ``draw``: of one completion, the mean over problems. The last two are sums over both sides.
    """

    seed: float
    problem: float
    interaction: float
    draw: float


def variance_components(a: SolveRates, b: SolveRates) -> Components:
    """The components of a − b: those of the two-way layout of seeds and problems with K draws a cell.

    A side with one seed tells nothing of its seeds; its draws are taken off the problems' part.
    """
    seeds, interactions, draws = [], [], []
    of_problems = float((a.rates.mean(axis=0) - b.rates.mean(axis=0)).var(ddof=1))
    for arm in (a, b):
        n = arm.n_samples
        drawn = arm.rates * (1 - arm.rates) / np.maximum(n - 1, 1)  # unbiased for a cell's p(1 − p)/K
        draws.append(float((drawn * n).mean()))
        in_cells = max(interaction_variance(arm), float(drawn.mean())) if arm.n_seeds > 1 else float(drawn.mean())
        of_problems -= in_cells / arm.n_seeds
        interactions.append(max(in_cells - float(drawn.mean()), 0.0))
        if arm.n_seeds > 1:
            seeds.append(max(float(arm.rates.mean(axis=1).var(ddof=1)) - in_cells / arm.n_problems, 0.0))
    seed = float(np.mean(seeds)) if seeds else np.nan
    return Components(seed, max(of_problems, 0.0), sum(interactions), sum(draws))


def what_more_would_buy(
    samples: Samples,
    a: str,
    b: str,
    seeds: Sequence[int] = (3, 5, 10),
    problems: Sequence[int] = (100, 500, 1000),
    draws: Sequence[int] = (4, 16, 64),
    n_contrasts: int = 6,
    seed_deviation: float | None = None,
) -> pd.DataFrame:
    """The smallest difference between two policies that other designs would detect, by benchmark.

    The variance of a design follows from the components of the data at hand:

        2·seed/S + problem/P + interaction/(S·P) + draw/(S·P·K)

    (one seed's part, not two, against the base); 80 % power at 0.05 after Holm over ``n_contrasts``.

    Args:
        samples: a samples table with both policies, or its counts.
        a, b: the policies.
        seeds, problems, draws: the designs: training seeds a side, problems, samples a problem.
        n_contrasts: of the primary family.
        seed_deviation: standard deviation of a training seed's accuracy, where one seed cannot tell it.

    Returns:
        One row a (model, benchmark, design): ``n_seeds``, ``n_problems``, ``n_samples``, ``detectable``, and the
        components' standard deviations. ``detectable`` is NaN where the seeds' part is unknown.
    """
    rows = []
    for (model, benchmark), arms in arms_of(samples, [(a, b)], {}).items():
        sides = [SolveRates.of(arms[Arm.named(name)]) for name in (a, b)]
        common = np.intersect1d(sides[0].problems, sides[1].problems)
        found = variance_components(*(side.on(common) for side in sides))
        if seed_deviation is not None:
            found = found._replace(seed=seed_deviation**2)
        trained = sum(Arm.named(name).policy != BASE for name in (a, b))
        names = {"model": model, "benchmark": benchmark, "a": a, "b": b}
        spreads = {f"{name}_deviation": np.sqrt(value) for name, value in found._asdict().items()}
        for design in product(seeds, problems, draws):
            detectable = _detectable(found, trained, *design, level=LEVEL / n_contrasts)
            sizes = dict(zip(("n_seeds", "n_problems", "n_samples"), design, strict=True))
            rows.append(names | sizes | {"detectable": detectable} | spreads)
    return pd.DataFrame(rows)


def designs(samples: Samples, comparisons: pd.DataFrame) -> pd.DataFrame:
    """What more seeds, problems or samples would detect of each primary contrast that is asked about.

    Args:
        samples: a samples table, of one variant a policy, or its counts.
        comparisons: from ``compare_arms``, of the same samples.

    Returns:
        The rows of ``what_more_would_buy`` with ``times_problems`` and ``times_samples`` (of those there are),
        ``assumed``: whether ``ASSUMED_SEED_DEVIATION`` stands for what one seed cannot tell, ``n_contrasts`` of the
        benchmark, and ``fewest_seeds`` (``seeds_needed``).
    """
    counts = count_samples(samples)
    primary, found = comparisons[comparisons["family"] == "primary"], []
    for row in asked_about(comparisons).to_dict("records"):
        here = counts[(counts["benchmark"] == row["benchmark"]) & (counts["model"] == row["model"])]
        assumed = max(row["n_seeds_a"], row["n_seeds_b"]) == 1
        drawn = here[(here["policy"] == row["a"]) & (here["replicate"] == 0) & (here["decoder"] == REFERENCE_DECODER)]
        n_samples = max(round(drawn.groupby(["train_seed", "problem_id"], observed=True)["n_samples"].sum().mean()), 1)
        sizes = {"problems": int(row["n_problems"]), "draws": int(n_samples)}
        n_contrasts = int((primary["benchmark"].eq(row["benchmark"]) & primary["model"].eq(row["model"])).sum())
        bought = what_more_would_buy(
            here,
            row["a"],
            row["b"],
            seeds=MORE_SEEDS,
            **{name: (size, MORE_WORK * size) for name, size in sizes.items()},
            n_contrasts=n_contrasts,
            seed_deviation=ASSUMED_SEED_DEVIATION if assumed else None,
        )
        times = {"n_problems": sizes["problems"], "n_samples": sizes["draws"]}
        ratios = {f"times_{name[2:]}": bought[name] // size for name, size in times.items()}
        fewest = seeds_needed(n_contrasts, against_base=row["b"] == BASE)
        found.append(bought.assign(assumed=assumed, n_contrasts=n_contrasts, fewest_seeds=fewest, **ratios))
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame()


def _detectable(found: Components, trained: int, seeds: int, problems: int, draws: int, level: float) -> float:
    of_seeds = trained * found.seed / seeds
    of_problems = found.problem / problems
    inside = found.interaction / (seeds * problems) + found.draw / (seeds * problems * draws)
    variance = of_seeds + of_problems + inside
    if not np.isfinite(variance) or seeds < 2:
        return np.nan
    parts = trained * (of_seeds / trained) ** 2 / (seeds - 1) + (of_problems + inside) ** 2 / (problems - 1)
    return detectable_difference(variance, variance**2 / parts, level)
