"""The report's figures: each takes plain frames and returns a matplotlib ``Figure``.

Figures are made with the object interface, never through pyplot's global state, so they can be drawn in
any process with no display. A frame without rows gives a figure that says so.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from beyond_sharpening.reporting.labels import (
    Arm,
    Look,
    arm_looks,
    contrast_label,
    headline_rows,
    interval_note,
    look,
)
from beyond_sharpening.reporting.tables import p_value

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

QUIET = "#555555"
# column of a history, panel title, axis label, factor
LEARNING_PANELS = (
    ("task_accuracy", "Right answers in training", "task accuracy (%)", 100),
    ("entropy", "How undecided the policy is", "entropy (nats a token)", 1),
    ("kl", "Distance from the base model", "KL from base (nats a completion)", 1),
    ("length", "Length of completions", "length (tokens)", 1),
)


def learning_curves(histories: Mapping[str, pd.DataFrame]) -> Figure:
    """Task accuracy, entropy, KL from base and length against training step, one line an objective.

    Args:
        histories: objective -> one row a step, with columns ``step``, ``task_accuracy`` (0..1), ``entropy``
            (nats a token), ``kl`` (nats a completion), ``length`` (tokens) and ``validation_accuracy``
            (0..1, NaN between validations).
    """
    histories = {name: frame for name, frame in histories.items() if len(frame)}
    if not histories:
        return notice("No training curves: no policy was trained in this run.")
    figure, panels = panel_grid(len(LEARNING_PANELS), panel=(4.5, 2.9), columns=2)
    for axes, (column, title, unit, factor) in zip(panels, LEARNING_PANELS, strict=True):
        for objective, frame in histories.items():
            _trace(axes, frame["step"], factor * frame[column], look(objective))
        axes.set(title=title, xlabel="training step", ylabel=unit)
    for objective, frame in histories.items():
        _validations(panels[0], frame, look(objective))
    panels[3].set_ylim(bottom=0)
    note = "Lines: running mean over the steps (faint: each step). Markers: held-out validation problems."
    return finish(figure, {Arm(name, ""): look(name) for name in histories}, "What training did", note)


def pass_at_k_figure(curves: pd.DataFrame) -> Figure:
    """Pass@k against k, one panel a benchmark, one line a policy; last checkpoint, temperature 1.

    Args:
        curves: long frame with ``policy, variant, checkpoint, decoder, benchmark, k, pass_at_k, pass_low,
            pass_high`` (0..1).
    """
    rows = headline_rows(curves).dropna(subset=["pass_at_k"])
    if rows.empty:
        return notice("No pass@k curves: no policy was sampled at temperature 1.")
    benchmarks, looks = rows["benchmark"].unique(), arm_looks(rows)
    figure, panels = panel_grid(len(benchmarks), panel=(3.5, 3.3), sharey=True)
    for axes, benchmark in zip(panels, benchmarks, strict=True):
        here = rows[rows["benchmark"] == benchmark]
        for arm, style in looks.items():
            curve = _of(here, arm).sort_values("k")
            axes.plot(curve["k"], 100 * curve["pass_at_k"], **_line(style))
            axes.fill_between(
                curve["k"], 100 * curve["pass_low"], 100 * curve["pass_high"], color=style.colour, alpha=0.13, lw=0
            )
        ticks = sorted(here["k"].unique())
        axes.set_xscale("log", base=2)
        axes.set_xticks(ticks, [str(k) for k in ticks])
        axes.set(title=benchmark, xlabel="samples drawn, k")
    figure.supylabel("problems solved (%)", fontsize=10)
    note = "Bands: 95 % bootstrap intervals over problems, and over training seeds where there are several."
    return finish(figure, looks, "Problems solved by at least one of k samples (pass@k)", note)


def accuracy_by_difficulty_figure(by_difficulty: pd.DataFrame) -> Figure:
    """Pass@1 by difficulty within each benchmark; last checkpoint, temperature 1.

    Args:
        by_difficulty: ``policy, variant, checkpoint, decoder, benchmark, difficulty, pass@1, ci_low,
            ci_high`` (0..1), ``ci_unit`` (problem or seed).
    """
    rows = headline_rows(by_difficulty).dropna(subset=["difficulty"])
    if rows.empty:
        return notice("No accuracy by difficulty: the problems carry no difficulty.")
    levels = {name: sorted(part["difficulty"].unique()) for name, part in rows.groupby("benchmark", sort=False)}
    looks = arm_looks(rows)
    figure, panels = panel_grid(len(levels), panel=(3.5, 3.4), sharey=True)
    for axes, (benchmark, values) in zip(panels, levels.items(), strict=True):
        here = rows[rows["benchmark"] == benchmark]
        for i, (arm, style) in enumerate(looks.items()):
            part = _of(here, arm).set_index("difficulty").reindex(values).reset_index()
            dodge = 0.12 * (i - (len(looks) - 1) / 2)
            _points(axes, part.index + dodge, part, style)
        names = [f"{value:g}" if isinstance(value, float) else str(value) for value in values]
        axes.set_xticks(range(len(values)), names)
        axes.set(title=str(benchmark), xlabel="difficulty", xlim=(-0.6, len(values) - 0.4))
    figure.supylabel("right answers, pass@1 (%)", fontsize=10)
    note = f"Bars: {interval_note(rows['ci_unit'])}."
    return finish(figure, looks, "Right answers by difficulty of the problem", note)


def contrast_figure(comparisons: pd.DataFrame) -> Figure:
    """Forest plot of the primary contrasts: difference in pass@1 with its interval, a panel a benchmark.

    Args:
        comparisons: ``a, b, variant_a, variant_b, benchmark, difference, ci_low, ci_high`` (−1..1),
            ``p_adjusted``, ``unit`` (problem or seed) and ``family``; rows of the family ``primary`` are drawn.
    """
    rows = comparisons[comparisons["family"] == "primary"] if len(comparisons) else comparisons
    if rows.empty:
        return notice("No comparisons: fewer than two policies were evaluated.")
    sides = ["a", "b", "variant_a", "variant_b"]
    contrasts = list(rows[sides].drop_duplicates().itertuples(index=False, name=None))
    benchmarks = rows["benchmark"].unique()
    figure, panels = panel_grid(len(benchmarks), panel=(3.3, 0.42 * len(contrasts) + 1.1), sharey=True)
    for axes, benchmark in zip(panels, benchmarks, strict=True):
        axes.axvline(0, color=QUIET, lw=1)
        for row in rows[rows["benchmark"] == benchmark].to_dict("records"):
            _contrast(axes, contrasts.index(tuple(row[side] for side in sides)), row)
        axes.set(title=benchmark, xlabel="difference in pass@1 (points)")
    panels[0].set_yticks(range(len(contrasts)), [contrast_label(*contrast) for contrast in contrasts])
    panels[0].set_ylim(len(contrasts) - 0.4, -0.6)
    note = (
        f"Bars: {interval_note(rows['unit'])}.\n"
        "Right of 0: the first policy is better. p is adjusted for the number of comparisons; filled: below 0.05."
    )
    return finish(figure, {}, "Differences in right answers between policies", note)


def _contrast(axes: Axes, position: int, row: dict[Any, Any]) -> None:
    style = look(row["a"])
    axes.plot([100 * row["ci_low"], 100 * row["ci_high"]], [position, position], color=style.colour, lw=2)
    face = style.colour if row["p_adjusted"] < 0.05 else "white"
    axes.plot(
        100 * row["difference"], position, style.marker, color=style.colour, markerfacecolor=face, markersize=7, mew=1.5
    )
    axes.text(1.02, position, p_value(row["p_adjusted"]), transform=axes.get_yaxis_transform(), fontsize=8, va="center")


def _trace(axes: Axes, steps: pd.Series, values: pd.Series, style: Look) -> None:
    """One noisy series: the steps faint, their centred running mean on top."""
    axes.plot(steps, values, color=style.colour, alpha=0.22, lw=0.8)
    smooth = values.rolling(max(1, len(values) // 12), center=True, min_periods=1).mean()
    axes.plot(steps, smooth, color=style.colour, lw=1.8)


def _validations(axes: Axes, history: pd.DataFrame, style: Look) -> None:
    """Accuracy on held-out problems, marked at the steps where it was measured."""
    measured = history.dropna(subset=["validation_accuracy"])
    accuracy = 100 * measured["validation_accuracy"]
    axes.plot(measured["step"], accuracy, zorder=3, **_line(style) | {"linestyle": "none", "markersize": 6})


def _points(axes: Axes, x: Any, part: pd.DataFrame, style: Look) -> None:
    """Points with error bars in percent, joined by a thin line."""
    centre = 100 * part["pass@1"]
    errors = [centre - 100 * part["ci_low"], 100 * part["ci_high"] - centre]
    axes.errorbar(x, centre, yerr=errors, elinewidth=1.3, **_line(style) | {"lw": 0.8})


def _line(style: Look) -> dict[str, Any]:
    marker = {"marker": style.marker, "markersize": 5, "markeredgecolor": "white", "markeredgewidth": 0.6}
    return {"color": style.colour, "linestyle": style.linestyle, "lw": 1.6} | marker


def _of(frame: pd.DataFrame, arm: Arm) -> pd.DataFrame:
    return frame[(frame["policy"] == arm.policy) & (frame["variant"] == arm.variant)]


def panel_grid(n: int, panel: tuple[float, float], columns: int = 3, sharey: bool = False) -> tuple[Figure, list[Axes]]:
    """A figure with n panels of the given size (inches), in rows of at most ``columns``."""
    from matplotlib.figure import Figure

    columns = min(n, columns)
    rows = math.ceil(n / columns)
    figure = Figure(figsize=(max(6.5, panel[0] * columns + 0.6), panel[1] * rows + 1.1), dpi=150, layout="constrained")
    every = list(figure.subplots(rows, columns, squeeze=False, sharey=sharey).flat)
    for axes in every:
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color="#DDDDDD", lw=0.6)
        axes.set_axisbelow(True)
        axes.title.set_fontsize(10.5)
    for axes in every[n:]:
        axes.remove()
    return figure, every[:n]


def finish(figure: Figure, looks: Mapping[Arm, Look], title: str, note: str) -> Figure:
    """Title on top; below, a note on how to read the figure and the legend."""
    from matplotlib.lines import Line2D

    figure.suptitle(title, fontsize=13, fontweight="bold")
    handles = [Line2D([], [], label=style.label, **_line(style)) for style in looks.values()]
    longest = max((len(style.label) for style in looks.values()), default=0)
    legend = figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=max(1, int(figure.get_figwidth() / (0.45 + 0.072 * longest))),
        frameon=False,
        fontsize=9,
        title=note,
        title_fontsize=8,
    )
    legend.get_title().set(color=QUIET, multialignment="center")
    return figure


def notice(text: str) -> Figure:
    """A figure that says why there is nothing to draw."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.5, 1.2), dpi=150)
    figure.text(0.5, 0.5, text, ha="center", va="center", color=QUIET)
    return figure
