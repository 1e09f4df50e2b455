"""The report, its figures, the summary, and the lines on the terminal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure  # Kedro reads the types of nodes

from beyond_sharpening.analysis import Verdict
from beyond_sharpening.cells.compared import what_was_run
from beyond_sharpening.cells.place import place
from beyond_sharpening.objectives import OBJECTIVES
from beyond_sharpening.reporting import Results, Run, report, summary

Tables = dict[str, Callable[[], pd.DataFrame]]
Records = dict[str, Callable[[], dict[str, Any]]]


def select_histories(histories: Tables, variants: dict[str, str], seed: int) -> dict[str, pd.DataFrame]:
    """The training histories of the variants compared, by objective; those not trained with this seed are left out."""
    cells = {name: place(name, variants[name], seed) for name in OBJECTIVES if name in variants}
    return {name: histories[cell]() for name, cell in cells.items() if cell in histories}


def describe_run(model: str, tables: Tables, manifests: Records) -> Run:
    """What was run, as the manifests beside the samples tables tell."""
    known = {cell: manifests[cell]() for cell in sorted(tables) if cell in manifests}
    bases = [manifest["identity"]["base"] for manifest in known.values()]
    return Run(model, **what_was_run(known), unknown=sorted(tables.keys() - known), base=bases[0] if bases else {})


def gather_results(decided: dict[str, Any], theory: Tables, cards: Records, **results: Any) -> Results:
    """All that the report is written from, in one."""
    return Results(
        verdict=Verdict(**decided),
        claims=theory["checks"]() if theory else None,
        series=theory["series"]() if theory else None,
        cards=next(iter(cards.values()))() if cards else {},
        **results,
    )


def write_report(results: Results, samples: pd.DataFrame) -> dict[str, str | dict[str, Any] | dict[str, Figure]]:
    """The report as Markdown and as one HTML page, its figures by file, and the summary for machines."""
    written = report(results)
    seeds = sorted(int(seed) for seed in samples.loc[samples["policy"] != "base", "train_seed"].unique())
    return {
        "markdown": written.markdown,
        "html": written.html,
        "figures": {f"{name}.png": figure for name, figure in written.figures.items()},
        "summary": summary(results.estimates, results.comparisons, results.run.model, seeds),
    }


def announce(page: str, results: Results, project: str, data: str) -> None:
    """Print the verdict, and where the report is."""
    place = Path(project) / data / "08_reporting" / "report.html"
    lines = [results.verdict.headline, *results.verdict.lines[:2]]
    print("\n".join(["", *lines, f"The report: {place}", ""]))
