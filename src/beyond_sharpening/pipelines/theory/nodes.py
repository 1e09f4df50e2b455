"""The theory, computed: claims with both sides, the figures, and a run that fails where one does not hold."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.figure import Figure  # Kedro reads the types of nodes

from beyond_sharpening.errors import TheoryFails
from beyond_sharpening.parameters import Theory


def check_theory(options: dict[str, Any]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Check the ten propositions, train to the known optimum; every claim, and the points of every figure."""
    from beyond_sharpening.theory.optimum import check_training
    from beyond_sharpening.theory.propositions import check_propositions, claims_table, series_table

    asked = Theory.model_validate(options)
    checks = [*check_propositions(asked.seed), check_training(asked.objectives, asked.seed)]
    return claims_table(checks), series_table(checks)


def draw_theory(claims: pd.DataFrame, series: pd.DataFrame) -> dict[str, Figure]:
    """One figure a proposition, by its file."""
    from beyond_sharpening.reporting import draw, theory_charts

    return {f"{chart.name}.png": draw(chart) for chart in theory_charts(claims, series).values()}


def require_theory(claims: pd.DataFrame) -> tuple[dict[str, dict[str, float]], dict[str, pd.DataFrame]]:
    """The number of claims, all of which hold, for the tracker; the tables are partitions already.

    Raises:
        TheoryFails: if one does, naming it.
    """
    failed = claims[~claims["holds"]]
    if len(failed):
        lines = [
            f"  {row['number']}. {row['title']}: {row['claim']} is {row['computed']:.6g}, "
            f"but should be {row['relation']} {row['expected']:g} within {row['tolerance']:g}"
            for row in failed.to_dict("records")
        ]
        raise TheoryFails(
            f"{len(failed)} of {len(claims)} claims of the theory do not hold:\n"
            + "\n".join(lines)
            + "\nThe code or the theory is wrong. All claims are in 08_reporting/theory/checks.parquet."
        )
    return {"claims that hold": {"value": float(claims["holds"].sum()), "step": 0}}, {}
