"""Right answers over the coefficients of an objective, where a grid of them was trained."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from beyond_sharpening.reporting.blocks import Section
from beyond_sharpening.reporting.charts import QUIET, Chart, Level, Panel, Series
from beyond_sharpening.reporting.frames import settling
from beyond_sharpening.reporting.labels import LINESTYLES, Look, look

if TYPE_CHECKING:
    import pandas as pd

    from beyond_sharpening.reporting.results import Results

COEFFICIENT = re.compile(r"(?:^|-)(alpha|beta)(\d+(?:\.\d+)?(?:e[+-]?\d+)?)(?=-|$)")
WORDS = (
    "Each point is one cell of the grid; lines join those of an objective that differ in α alone. Two cells are set "
    "against one another by `kedro compare`, with each variant as a policy (docs/bring_your_own.md)."
)


class Line(NamedTuple):
    """Cells that differ in α alone."""

    policy: str
    beta: float | None
    others: str


def section(results: Results) -> Section | None:
    drawn = chart(results.estimates)
    return None if drawn is None else Section("Right answers over α and β", [drawn, WORDS])


def chart(estimates: pd.DataFrame) -> Chart | None:
    """pass@1 over α, a line an objective and β, a panel a benchmark; None where no two cells differ in α."""
    last = settling(estimates)
    cells: dict[Line, dict[str, float]] = {}
    for policy, variant in last[["policy", "variant"]].drop_duplicates().itertuples(index=False, name=None):
        asked = {name: float(value) for name, value in COEFFICIENT.findall(variant)}
        if "alpha" in asked:
            line = Line(str(policy), asked.get("beta"), COEFFICIENT.sub("", variant).strip("-"))
            cells.setdefault(line, {})[str(variant)] = asked["alpha"]
    if all(len(set(alphas.values())) < 2 for alphas in cells.values()):
        return None
    panels = []
    for benchmark, rows in last.groupby("benchmark", sort=False, observed=True):
        series = [_series(rows, line, alphas, place) for place, (line, alphas) in enumerate(cells.items())]
        base = [
            Level(Look("Base", QUIET, "", ":"), 100 * row["pass@1"], 100 * row["ci_low"], 100 * row["ci_high"])
            for row in rows[rows["policy"] == "base"].to_dict("records")
        ]
        panels.append(Panel(str(benchmark), series, "α", levels=base))
    note = "Bars: 95 % intervals."
    return Chart("grid", "Right answers over the coefficients", panels, note, shared_y="right answers at one try (%)")


def _series(rows: pd.DataFrame, line: Line, alphas: dict[str, float], place: int) -> Series:
    here = rows[(rows["policy"] == line.policy) & rows["variant"].isin(list(alphas))]
    here = here.assign(alpha=here["variant"].map(alphas).astype(float)).sort_values("alpha")
    plain = look(line.policy)
    told = [plain.label, *([] if line.beta is None else [f"β = {line.beta:g}"]), *filter(None, [line.others])]
    style = Look(", ".join(told), plain.colour, plain.marker, LINESTYLES[place % len(LINESTYLES)])
    right, low, high = (100 * here[name].astype(float) for name in ("pass@1", "ci_low", "ci_high"))
    return Series(style, list(here["alpha"]), list(right), list(low), list(high))
