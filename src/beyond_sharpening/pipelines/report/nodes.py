"""Figures, the report, and the three lines on the terminal."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from beyond_sharpening.analysis import Verdict
from beyond_sharpening.manifests import PACKAGES
from beyond_sharpening.parameters import OBJECTIVES, Training
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
    histories: dict[str, Callable[[], pd.DataFrame]], training: dict[str, Any], seed: int
) -> dict[str, pd.DataFrame]:
    """The training histories of the cells that the parameters name, by objective; those not trained are left out."""
    cells = {name: f"{name}/{options.variant()}/seed-{seed}" for name, options in _in_order(training).items()}
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
    training: dict[str, Any],
    task: dict[str, Any],
    data_seed: int,
    base_seed: int,
    sample_seed: int,
    cards: dict[str, Callable[[], dict[str, Any]]],
) -> tuple[str, str, dict[str, Any], list[str]]:
    """The report as Markdown and as one HTML page, the summary for machines, and the lines for the terminal."""
    outcome = Verdict(**decided)
    present = set(samples["policy"])
    trained = {name: options.applicable() for name, options in _in_order(training).items() if name in present}
    train_seeds = sorted(int(seed) for seed in samples.loc[samples["policy"] != "base", "train_seed"].unique())
    run = Run(
        model=model,
        seeds={"data_seed": data_seed, "base_seed": base_seed, "train_seed": train_seeds, "sample_seed": sample_seed},
        parameters={**trained, "task": task},
        versions={name: version(name) for name in PACKAGES},
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


def _in_order(training: dict[str, Any]) -> dict[str, Training]:
    """What each objective is trained with, in the order that every table and figure has."""
    return {str(name): Training.model_validate(training[name]) for name in OBJECTIVES if name in training}
