"""Figures, the report, and the three lines on the terminal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from beyond_sharpening.analysis import Verdict
from beyond_sharpening.cells.compared import what_was_run
from beyond_sharpening.parameters import OBJECTIVES
from beyond_sharpening.reporting import (
    Run,
    accuracy_by_cost_figure,
    accuracy_by_difficulty_figure,
    contrast_figure,
    html_report,
    learning_curves,
    markdown_report,
    pass_at_k_figure,
    summary,
    theory_figures,
)


def select_histories(
    histories: dict[str, Callable[[], pd.DataFrame]], variants: dict[str, str], seed: int
) -> dict[str, pd.DataFrame]:
    """The training histories of the variants compared, by objective; those not trained with this seed are left out."""
    cells = {name: f"{name}/{variants[name]}/seed-{seed}" for name in OBJECTIVES if name in variants}
    return {name: histories[cell]() for name, cell in cells.items() if cell in histories}


def draw_figures(
    curves: pd.DataFrame,
    by_difficulty: pd.DataFrame,
    comparisons: pd.DataFrame,
    histories: dict[str, pd.DataFrame],
    theory: dict[str, Callable[[], pd.DataFrame]],
    costs: pd.DataFrame,
    estimated: pd.DataFrame,
) -> tuple[Figure, Figure, Figure, Figure, Figure, dict[str, Figure]]:
    """Contrasts, pass@k, by difficulty, learning curves, by cost; and all of them by name, for the report."""
    contrasts, coverage = contrast_figure(comparisons), pass_at_k_figure(curves)
    difficulty, learning = accuracy_by_difficulty_figure(by_difficulty), learning_curves(histories)
    cost = accuracy_by_cost_figure(costs, curves, estimated)
    by_name = {
        "contrasts": contrasts,
        "pass_at_k": coverage,
        "accuracy_by_difficulty": difficulty,
        "learning_curves": learning,
        "accuracy_by_cost": cost,
    }
    if theory:
        by_name |= theory_figures(theory["checks"](), theory["series"]())
    return contrasts, coverage, difficulty, learning, cost, by_name


def write_report(
    decided: dict[str, Any],
    samples: pd.DataFrame,
    estimated: pd.DataFrame,
    curves: pd.DataFrame,
    by_difficulty: pd.DataFrame,
    comparisons: pd.DataFrame,
    histories: dict[str, pd.DataFrame],
    theory: dict[str, Callable[[], pd.DataFrame]],
    figures: dict[str, Figure],
    outcomes: pd.DataFrame,
    costs: pd.DataFrame,
    diagnostics: pd.DataFrame,
    model: str,
    tables: dict[str, Callable[[], pd.DataFrame]],
    manifests: dict[str, Callable[[], dict[str, Any]]],
    cards: dict[str, Callable[[], dict[str, Any]]],
) -> tuple[str, str, dict[str, Any], list[str]]:
    """The report as Markdown and as one HTML page, the summary for machines, and the lines for the terminal."""
    outcome = Verdict(**decided)
    train_seeds = sorted(int(seed) for seed in samples.loc[samples["policy"] != "base", "train_seed"].unique())
    known = {cell: manifests[cell]() for cell in sorted(tables) if cell in manifests}
    made = what_was_run(known)
    run = Run(
        model=model,
        seeds=made["seeds"],
        parameters=made["parameters"],
        versions=made["versions"],
        differing=made["differing"],
        unknown=sorted(tables.keys() - known),
    )
    markdown = markdown_report(
        verdict=outcome,
        estimates=estimated,
        curves=curves,
        by_difficulty=by_difficulty,
        comparisons=comparisons,
        histories=histories,
        run=run,
        outcomes=outcomes,
        costs=costs,
        diagnostics=diagnostics,
        theory=theory["checks"]() if theory else None,
        cards=next(iter(cards.values()))() if cards else None,
    )
    machine_readable = summary(estimated, comparisons, model, train_seeds)
    return markdown, html_report(markdown, figures), machine_readable, [outcome.headline, *outcome.lines[:2]]


def announce(lines: list[str], project: str, data: str) -> None:
    """Print where the report is, and the verdict."""
    place = Path(project) / data / "08_reporting" / "report.html"
    print("\n".join(["", *lines, f"The report: {place}", ""]))
