"""Rows of the analysis' frames as the sections' tables need them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from beyond_sharpening.reporting.labels import Arm, arm_looks
from beyond_sharpening.reporting.numbers import percent_interval

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd


def settling(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows that the question is settled on: last checkpoint, sampled at temperature 1."""
    return frame[(frame["decoder"] == "temperature") & (frame["checkpoint"] == "last")]


def most_samples(curves: pd.DataFrame) -> int:
    """The largest k that every benchmark's curve reaches; 0 without curves."""
    reached = settling(curves).dropna(subset=["pass_at_k"]).groupby("benchmark", observed=True)["k"].max()
    return int(reached.min()) if len(reached) else 0


def of_arm(frame: pd.DataFrame, arm: Arm) -> pd.DataFrame:
    """The rows of one policy and variant."""
    return frame[(frame["policy"] == arm.policy) & (frame["variant"] == arm.variant)]


def by_arm(rows: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Label and rows of every policy and variant, in reading order."""
    return [(style.label, of_arm(rows, arm)) for arm, style in arm_looks(rows).items()]


def cells(part: pd.DataFrame, benchmarks: list[str], cell: Callable[[dict[Any, Any]], str]) -> list[str]:
    """One cell a benchmark; a dash where the policy was not run."""
    found = {row["benchmark"]: cell(row) for row in part.to_dict("records")}
    return [found.get(benchmark, "–") for benchmark in benchmarks]


def pass_at_1(row: dict[Any, Any]) -> str:
    """pass@1 with its interval."""
    return percent_interval(row["pass@1"], row["ci_low"], row["ci_high"])


def majority(row: dict[Any, Any]) -> str:
    """maj@k with its interval."""
    return percent_interval(row["maj_at_k"], row["maj_low"], row["maj_high"])
