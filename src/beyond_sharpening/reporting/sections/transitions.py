"""Where each problem's share of right answers went, from the base to each policy."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from beyond_sharpening.reporting.blocks import Section, Table
from beyond_sharpening.reporting.frames import of_arm
from beyond_sharpening.reporting.labels import arm_looks

if TYPE_CHECKING:
    import pandas as pd

    from beyond_sharpening.reporting.results import Results

WORDS = (
    "Problems by the share of their samples that is right: rows for the base, columns for the policy, the mean over "
    "training seeds. In brackets: what a second sample of the base shows, which is chance alone."
)


def section(results: Results) -> Section | None:
    rows = results.transitions
    if rows is None or rows.empty:
        return None
    return Section("Where solve rates went", [WORDS, table(rows)], appendix=True)


def table(rows: pd.DataFrame) -> Table:
    """A row a policy, benchmark and bin of the base that holds problems; a column a bin of the policy."""
    bins, lines = list(dict.fromkeys(rows["policy_bin"])), []
    for arm, look in arm_looks(rows).items():
        for (benchmark, start), part in of_arm(rows, arm).groupby(["benchmark", "base_bin"], sort=False, observed=True):
            if part["n_problems"].sum() > 0:
                counts = part.set_index("policy_bin").loc[bins]
                pairs = zip(counts["n_problems"], counts["by_chance"], strict=True)
                lines.append([look.label, str(benchmark), str(start), *(_count(*pair) for pair in pairs)])
    return Table(["policy", "benchmark", "base", *bins], lines, n_text=3)


def _count(problems: float, by_chance: float) -> str:
    return f"{problems:.3g}" if math.isnan(by_chance) else f"{problems:.3g} ({by_chance:.3g})"
