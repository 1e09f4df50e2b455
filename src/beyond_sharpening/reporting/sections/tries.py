"""More than one try: pass@k and maj@k."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from beyond_sharpening.reporting.blocks import Block, Section, Table
from beyond_sharpening.reporting.charts import Chart, Panel, Series
from beyond_sharpening.reporting.frames import by_arm, cells, majority, most_samples, of_arm, settling
from beyond_sharpening.reporting.labels import arm_looks, contrast_label
from beyond_sharpening.reporting.numbers import percent_interval
from beyond_sharpening.reporting.sections.contrasts import DAGGER, difference

if TYPE_CHECKING:
    import pandas as pd

    from beyond_sharpening.reporting.results import Results

Measure = tuple[str, Callable[[dict[Any, Any]], str]]

CAPTION = (
    "*A policy that only became surer starts higher and gains less from more tries. Where its curve falls clearly "
    "below the base model's, it lost answers that the base model could still find. Bands are 95 % intervals over "
    "problems, and over training seeds where there are several. Bands that overlap do not say that two policies are "
    "alike, for they answered the same problems:{paired}*"
)
PAIRED = " the table below compares them problem by problem."
UNPAIRED = " policies are compared problem by problem."
ALONE = (
    "How many more of the problems the first policy solves in {k} tries, in points, with the interval of that question "
    "alone and a p-value adjusted for all such questions (Benjamini and Hochberg). In brackets: how many problems the "
    f"first solves and the second does not, and the other way round. Bold: p below 0.05. {DAGGER}"
)


def section(results: Results) -> Section | None:
    if most_samples(results.curves) < 2:
        return None
    blocks: list[Block] = [chart(results.curves)]
    pairs = most_tries(results.at_k)
    blocks += [CAPTION.format(paired=UNPAIRED if pairs is None else PAIRED), table(results.curves)]
    if pairs is not None:
        blocks += [paired_table(pairs), ALONE.format(k=pairs["k"].max())]
    return Section("More than one try", blocks)


def most_tries(at_k: pd.DataFrame | None) -> pd.DataFrame | None:
    """The contrasts of pass@k at the largest k that every benchmark has; none without, or with one try."""
    if at_k is None or at_k.empty:
        return None
    k = at_k.groupby("benchmark", observed=True)["k"].max().min()
    return at_k[at_k["k"] == k] if k > 1 else None


def paired_table(pairs: pd.DataFrame) -> Table:
    """Differences of pass@k, a row a contrast."""
    benchmarks = list(pairs["benchmark"].unique())
    lines = [
        [contrast_label(*map(str, sides)), *cells(part, benchmarks, _paired)]
        for sides, part in pairs.groupby(["a", "b", "variant_a", "variant_b"], sort=False)
    ]
    return Table(["more solved, in points", *benchmarks], lines)


def _paired(row: dict[Any, Any]) -> str:
    told = difference(row)
    return type(told)(f"{told} ({row['solved_by_a_alone']:.0f} : {row['solved_by_b_alone']:.0f})")


def chart(curves: pd.DataFrame) -> Chart:
    """Pass@k against k, one panel a benchmark, one line a policy."""
    rows = settling(curves).dropna(subset=["pass_at_k"])
    looks = arm_looks(rows)
    panels = []
    for benchmark in rows["benchmark"].unique():
        here = rows[rows["benchmark"] == benchmark]
        lines = []
        for arm, look in looks.items():
            part = of_arm(here, arm).sort_values("k")
            low, high = (100 * part[column].to_numpy() for column in ("pass_low", "pass_high"))
            lines.append(Series(look, part["k"].tolist(), (100 * part["pass_at_k"]).tolist(), low, high, band=True))
        ticks = {int(k): str(k) for k in sorted(here["k"].unique())}
        panels.append(Panel(str(benchmark), lines, "samples drawn, k", x_scale="log2", ticks_x=ticks))
    note = "Bands: 95 % intervals over problems, and over training seeds where there are several."
    title = "Problems solved by at least one of k samples (pass@k)"
    return Chart("pass_at_k", title, panels, note, shared_y="problems solved (%)")


def table(curves: pd.DataFrame) -> Table:
    """Pass@k and maj@k of each policy at the largest k that was measured."""
    k = most_samples(curves)
    rows = settling(curves).query("k == @k")
    benchmarks = list(rows["benchmark"].unique())
    measures: tuple[Measure, ...] = ((f"at least one of {k} right", _pass_at_k), (f"majority of {k} right", majority))
    if rows["maj_at_k"].isna().all():  # no answers to vote with
        measures = measures[:1]
    lines = [
        [label, name, *cells(part, benchmarks, measure)] for label, part in by_arm(rows) for name, measure in measures
    ]
    return Table(["policy", "measure", *benchmarks], lines, n_text=2)


def _pass_at_k(row: dict[Any, Any]) -> str:
    return percent_interval(row["pass_at_k"], row["pass_low"], row["pass_high"])
