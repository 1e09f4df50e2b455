"""How the trainings went."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import cycle
from typing import TYPE_CHECKING

from beyond_sharpening.reporting.blocks import Section, Table
from beyond_sharpening.reporting.charts import Chart, Panel, Series
from beyond_sharpening.reporting.divergences import divergences
from beyond_sharpening.reporting.labels import LINESTYLES, Look, look
from beyond_sharpening.reporting.numbers import percent

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from beyond_sharpening.reporting.results import Results

# column of a history, panel title, axis label, factor
PANELS = (
    ("task_accuracy", "Right answers in training", "task accuracy (%)", 100),
    ("entropy", "How undecided the policy is", "entropy (nats a token)", 1),
    ("kl", "Distance from the base model", "KL from base (nats a completion)", 1),
    ("length", "Length of completions", "length (tokens)", 1),
)
POINTS = 1000
"""Of a line at most: a picture shows no more, and the page of a long training would weigh a hundred megabytes."""

CAPTION = (
    "*Lines are running means of the training samples, markers are held-out problems. Entropy is how undecided the "
    "policy is. KL is how far it moved from the base model; both are in nats.*"
)
DIVERGED = (
    "A divergence is a result: what is evaluated is what the training had by its end. The rules are those of "
    "`training.divergence`."
)
EXPLAINED = (
    "Arrows lead from the first to the last tenth of training. *Cut short* is the share of completions that reached "
    "the length limit, *clipped* the share of steps whose gradient was scaled down."
)


def section(results: Results) -> Section | None:
    histories = {name: frame for name, frame in results.histories.items() if len(frame)}
    if not histories:
        return None
    told = diverged(histories)
    return Section("How the trainings went", [*told, chart(histories), CAPTION, table(histories), EXPLAINED])


def diverged(histories: Mapping[str, pd.DataFrame]) -> list[str]:
    """The trainings that diverged, which is a finding; nothing where none did."""
    lines = [
        f"**{look(name).label} diverged at step {step}**: {why}."
        for name, frame in histories.items()
        for step, why in divergences(frame)
    ]
    return [*lines, DIVERGED] if lines else []


def chart(histories: Mapping[str, pd.DataFrame]) -> Chart:
    """Task accuracy, entropy, KL from base and length against training step, one line an objective."""
    looks = {
        name: replace(look(name), linestyle=dashes) for name, dashes in zip(histories, cycle(LINESTYLES), strict=False)
    }
    panels = []
    for column, title, unit, factor in PANELS:
        series = [part for name, frame in histories.items() for part in _trace(frame, column, factor, looks[name])]
        if column == "task_accuracy":
            series += [_validations(frame, looks[name]) for name, frame in histories.items()]
        floor = (0.0, None) if column == "length" else None
        panels.append(Panel(title, series, "training step", unit, y_range=floor))
    note = "Lines: running mean over the steps (faint: each step). Markers: held-out validation problems."
    return Chart("learning_curves", "How the trainings went", panels, note, (4.5, 2.9), columns=2)


def _trace(frame: pd.DataFrame, column: str, factor: float, style: Look) -> list[Series]:
    """One noisy series: the steps faint, their centred running mean on top."""
    steps, values = frame["step"].tolist(), factor * frame[column]
    smooth = values.rolling(max(1, len(values) // 12), center=True, min_periods=1).mean()
    line = Look(style.label, style.colour, "", style.linestyle)
    faint = Look("", style.colour, "")
    shown = _shown(len(steps))
    return [
        Series(faint, steps[shown], values[shown], width=0.8, opacity=0.22),
        Series(line, steps[shown], smooth[shown], width=1.8),
    ]


def _shown(length: int) -> slice:
    """Every so many of a number of points, the first among them, so that they are no more than ``POINTS``."""
    return slice(None, None, max(1, math.ceil(length / POINTS)))


def _validations(frame: pd.DataFrame, style: Look) -> Series:
    """Accuracy on held-out problems, marked at the steps where it was measured."""
    measured = frame.dropna(subset=["validation_accuracy"])
    measured = measured[_shown(len(measured))]
    return Series(style, measured["step"].tolist(), 100 * measured["validation_accuracy"], kind="marks")


def table(histories: Mapping[str, pd.DataFrame]) -> Table:
    """First and last tenth of training side by side, with its health."""
    header = ["objective", "steps", "task accuracy", "validation", "KL from base", "length", "cut short", "clipped"]
    rows = []
    for objective, frame in histories.items():
        tenth = max(1, len(frame) // 10)
        first, last = frame.head(tenth).mean(numeric_only=True), frame.tail(tenth).mean(numeric_only=True)
        validations = frame["validation_accuracy"].dropna()
        rows.append(
            [
                look(objective).label,
                str(int(frame["step"].iloc[-1])),
                f"{percent(first['task_accuracy'])} → {percent(last['task_accuracy'])}",
                percent(validations.iloc[-1] if len(validations) else math.nan),
                f"{last['kl']:.2f} nats",
                f"{first['length']:.1f} → {last['length']:.1f}",
                percent(frame["truncated"].mean()),
                percent(frame["clipped"].mean()),
            ]
        )
    return Table(header, rows)
