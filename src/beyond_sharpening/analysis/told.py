"""What trainings were told beside what was true of them, and the step from which the two part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from beyond_sharpening.objectives import OBJECTIVES

if TYPE_CHECKING:
    from collections.abc import Callable

SIGNIFICANCE = 0.001
"""Of each of the two slopes: they start at a peak that was found by looking, which a usual level does not allow for."""

SHORTEST = 10  # steps that a slope is estimated from

UNTOLD = "nothing"
"""In the place of a signal's name: the objective is told none, as sharpening is."""

TOLD_COLUMNS = [
    *("policy", "variant", "train_seed", "signal", "samples", "false_positive", "false_negative", "flips", "youden"),
    *("signal_first", "signal_last", "truth_first", "truth_last", "parts_at"),
]


def parting_step(history: pd.DataFrame) -> float:
    """The step at which truth is at its best, if from there on it falls while the signal rises; else NaN.

    Reward hacking, as a number: truth is ``task_accuracy``, its peak that of a running mean over a tenth of the
    steps, and each slope is one of least squares, tested one-sided at ``SIGNIFICANCE``.

    Args:
        history: one row a step, with ``step``, ``signal`` and ``task_accuracy``.
    """
    from scipy.stats import linregress

    known = history[["step", "signal", "task_accuracy"]].dropna()
    if len(known) < SHORTEST:
        return float("nan")
    smooth = known["task_accuracy"].rolling(max(1, len(known) // 10), center=True, min_periods=1).mean()
    after = known.loc[smooth.idxmax() :]
    if len(after) < SHORTEST:
        return float("nan")
    falls = linregress(after["step"], after["task_accuracy"], alternative="less").pvalue < SIGNIFICANCE
    rises = linregress(after["step"], after["signal"], alternative="greater").pvalue < SIGNIFICANCE
    return float(after["step"].iloc[0]) if falls and rises else float("nan")


def told_and_true(
    histories: Mapping[str, Callable[[], pd.DataFrame]], trainings: Mapping[str, Mapping[str, Any]]
) -> pd.DataFrame:
    """A row a trained cell of which it is known what it was told, ``TOLD_COLUMNS``; means of its first and last tenth.

    ``youden`` is J = 1 − f⁺ − f⁻ of a noisy signal, 1 for the truth and −1 for its opposite, NaN for others. The
    ``signal`` of an objective in which R does not count is ``UNTOLD``, and what is said of a signal NaN.

    Args:
        histories: the history of a cell by its place, ``task_reward/noisy-…/seed-0``.
        trainings: the parameters of its training.
    """
    cells = sorted(histories.keys() & trainings.keys())
    return pd.DataFrame([_row(cell, histories[cell](), trainings[cell]) for cell in cells], columns=TOLD_COLUMNS)


def _row(cell: str, history: pd.DataFrame, training: Mapping[str, Any]) -> dict[str, Any]:
    policy, variant, seed = PurePosixPath(cell).parts
    tenth = max(1, len(history) // 10)
    if not OBJECTIVES[policy].is_told:
        signal, told = {"type": UNTOLD}, history.assign(signal=np.nan)
    else:
        signal = training.get("signal", {"type": "gold"})
        # Cells that are older than signals were told the truth.
        told = history if "signal" in history else history.assign(signal=history["task_accuracy"])
    return {
        "policy": policy,
        "variant": variant,
        "train_seed": int(seed.removeprefix("seed-")),
        "samples": training.get("samples", "all"),
        **dict(_signal(signal)),
        **{f"{name}_first": told[column].head(tenth).mean() for name, column in _MEASURED.items()},
        **{f"{name}_last": told[column].tail(tenth).mean() for name, column in _MEASURED.items()},
        "parts_at": parting_step(told),
    }


_MEASURED = {"signal": "signal", "truth": "task_accuracy"}


def _signal(signal: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield "signal", signal["type"]
    yield "flips", signal.get("flips")
    rates = {"gold": (0.0, 0.0), "inverted": (1.0, 1.0)}
    known = (signal.get("false_positive", 0.0), signal.get("false_negative", 0.0))
    positive, negative = known if signal["type"] == "noisy" else rates.get(signal["type"], (np.nan, np.nan))
    yield from {"false_positive": positive, "false_negative": negative, "youden": 1 - positive - negative}.items()
