"""How much these samples can show: what would have been seen, what is shown to be alike, what more would buy."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from beyond_sharpening.reporting.blocks import Block, Section, Strong, Table, plain, warned
from beyond_sharpening.reporting.labels import contrast_label
from beyond_sharpening.reporting.numbers import p_value
from beyond_sharpening.reporting.sections.contrasts import SIDES, family

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from beyond_sharpening.reporting.results import Results

MARGIN = 0.02
SEEN = (
    "*Would have been seen*: the smallest true difference, in points, that samples like these show in four of five "
    "cases after the correction for several questions; a smaller one may be there unseen. *Alike*: whether the two "
    "differ by less than {margin:.1f} points (two one-sided tests; bold: shown). *Second opinion*: the log odds ratio "
    "of a mixed logistic model, ± two deviations, on another scale and with other assumptions; its sign should be the "
    "same."
)
MORE = (
    "The smallest difference, in points, that other designs would show in four of five cases. {assumed}More seeds, "
    "problems and samples are not worth the same."
)
ASSUMED = "One training seed does not tell how much seeds differ: by one point is assumed. "
FEWEST = (
    "Before more is trained: the correction for {n} questions leaves a claim about the training procedure within reach "
    "of an exact permutation from so many training seeds on: {seeds}. **Two seeds never reach it**: two against two "
    "give no p below 1/3, two against the base none below 1/2."
)
DESIGNS = {(1, 1): "{} seeds", (4, 1): "{} seeds, 4 × problems", (1, 4): "{} seeds, 4 × samples"}


def section(results: Results) -> Section | None:
    rows = family(results.comparisons, "primary")
    if rows.empty:
        return None
    margin = float(results.verdict.rule.get("margin", MARGIN))
    blocks: list[Block] = warned(warnings(rows))
    if left := left_out(rows):
        blocks.append("\n".join(f"- {plain(line)}" for line in left))
    blocks += [table(rows, results.opinions), SEEN.format(margin=100 * margin)]
    if results.designs is not None and len(results.designs):
        assumed = ASSUMED if results.designs["assumed"].any() else ""
        blocks += [designs_table(results.designs, rows), MORE.format(assumed=assumed), fewest(results.designs)]
    return Section("How much these samples can show", blocks)


def fewest(designs: pd.DataFrame) -> str:
    """How many seeds a claim about the training needs, to be read before more are trained."""
    n, rivals = int(designs["n_contrasts"].max()), designs["b"].eq("base").map({True: "the base", False: "a policy"})
    needed = designs.groupby(rivals, sort=False)["fewest_seeds"].max()
    return FEWEST.format(n=n, seeds=", ".join(f"{seeds} against {rival}" for rival, seeds in needed.items()))


def warnings(rows: pd.DataFrame) -> list[str]:
    """What stands against a benchmark's contrasts, each once."""
    told = rows[rows["warning"].ne("")].drop_duplicates(["benchmark", "warning"])
    return [f"{row['benchmark']}: {row['warning']}" for row in told.to_dict("records")]


def left_out(rows: pd.DataFrame) -> list[str]:
    """Problems that not all sides of a contrast have, counted and named."""
    some = rows[rows["n_left_out"] > 0]
    return [
        f"{_contrast(row)} on {row['benchmark']}: {row['n_left_out']} problems that one side lacks are left out "
        f"({row['left_out']}{', …' if row['n_left_out'] > 3 else ''}), {row['n_problems']} compared"
        for row in some.to_dict("records")
    ]


def table(rows: pd.DataFrame, opinions: pd.DataFrame | None) -> Table:
    """A row a primary contrast and benchmark."""
    said = _by_contrast(opinions)
    header = ["difference", "benchmark", "would have been seen", "alike", "second opinion"]
    lines = [
        [
            _contrast(row),
            str(row["benchmark"]),
            _points(row["detectable"]),
            _alike(row["p_equivalent_adjusted"]),
            _opinion(said.get((row["a"], row["b"], row["benchmark"]))),
        ]
        for row in rows.to_dict("records")
    ]
    if not said:
        header, lines = header[:-1], [line[:-1] for line in lines]
    return Table(header, lines, n_text=2)


def designs_table(designs: pd.DataFrame, rows: pd.DataFrame) -> Table:
    """A row a contrast and benchmark, a column a design: more seeds, and five seeds with more of the rest."""
    variants = {(row["a"], row["b"]): _contrast(row) for row in rows.to_dict("records")}
    seeds = sorted(designs["n_seeds"].unique())
    columns = [(each, (1, 1)) for each in seeds] + [(seeds[len(seeds) // 2], more) for more in ((4, 1), (1, 4))]
    lines = []
    for (a, b, benchmark), part in designs.groupby(["a", "b", "benchmark"], sort=False, observed=True):
        found = part.set_index(["n_seeds", "times_problems", "times_samples"])["detectable"]
        seen = [_points(float(found.loc[each, *more])) for each, more in columns]
        lines.append([variants[a, b], str(benchmark), *seen])
    header = ["difference", "benchmark", *(DESIGNS[more].format(each) for each, more in columns)]
    return Table(header, lines, n_text=2)


def _by_contrast(opinions: pd.DataFrame | None) -> dict[tuple[str, str, str], Mapping[Any, Any]]:
    if opinions is None:
        return {}
    return {(row["a"], row["b"], row["benchmark"]): row for row in opinions.to_dict("records")}


def _contrast(row: Mapping[Any, Any]) -> str:
    return contrast_label(*(str(row[side]) for side in SIDES))


def _points(share: float) -> str:
    return "–" if math.isnan(share) else f"{100 * share:.1f}"


def _alike(p: float) -> str:
    if math.isnan(p):
        return "–"
    return Strong(f"yes, {p_value(p)}") if p < 0.05 else f"not shown, {p_value(p)}"


def _opinion(row: Mapping[Any, Any] | None) -> str:
    if row is None:
        return "–"
    if math.isnan(row["log_odds"]):
        return str(row["note"])
    return f"{row['log_odds']:+.2f} ± {2 * row['deviation']:.2f}".replace("-", "−")
