"""Samples tables to estimates, contrasts and a verdict; no model is needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pandas as pd

from beyond_sharpening.analysis import (
    accuracy_by_difficulty,
    compare_arms,
    decoder_costs,
    decoder_diagnostics,
    estimates,
    pass_at_k_curves,
    predicted_effect,
    prediction_outcomes,
    validate_samples,
    verdict,
)
from beyond_sharpening.errors import BadInput
from beyond_sharpening.parameters import Comparison, Training


def read_samples(tables: dict[str, Callable[[], pd.DataFrame]], problems: dict[str, Any]) -> pd.DataFrame:
    """All samples tables present, checked and in one; benchmarks in the order of the parameters.

    Raises:
        BadInput: if there is none, or one breaks the samples contract; the message names it.
    """
    if not tables:
        raise BadInput("there is no samples table yet: run `kedro run --pipeline=evaluate`, or put one there")
    loaded = []
    for name, load in sorted(tables.items()):
        table = load()
        try:
            validate_samples(table)
        except ValueError as error:
            raise BadInput(f"samples table {name}: {error}") from error
        loaded.append(table)
    samples = pd.concat(loaded, ignore_index=True)
    order = dict.fromkeys([*problems["benchmarks"], *samples["benchmark"].unique()])
    samples["benchmark"] = pd.Categorical(samples["benchmark"], list(order)).remove_unused_categories()
    return samples


def estimate(
    samples: pd.DataFrame, options: dict[str, Any], seed: int
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, dict[str, dict[str, float]]]:
    """Accuracy of every arm, pass@k and maj@k curves, accuracy by difficulty, and pass@k for the tracker."""
    ks = Comparison.model_validate(options).ks
    curves = pass_at_k_curves(samples, ks, seed)
    drawn = curves[curves["decoder"] == "temperature"]
    tracked = {
        f"{row['policy']}/{row['variant']}/{row['checkpoint']}/{row['benchmark']}/{row['k']}": {
            "value": row["pass_at_k"],
            "step": 0,
        }
        for row in drawn.to_dict("records")
    }
    return estimates(samples, ks), curves, accuracy_by_difficulty(samples), tracked


def compare(
    samples: pd.DataFrame, estimated: pd.DataFrame, training: dict[str, Any], seed: int
) -> tuple[pd.DataFrame, dict[str, Any], dict[str, dict[str, float]]]:
    """The contrasts between the cells that the parameters name, the verdict on them, and both for the tracker."""
    present = set(samples["policy"])
    variants = {name: Training.model_validate(block).variant() for name, block in training.items() if name in present}
    comparisons = compare_arms(samples, variants=variants, seed=seed)
    tracked = {
        f"{row['a']} - {row['b']}/{row['benchmark']}": {"value": row["difference"], "step": 0}
        for row in comparisons.to_dict("records")
    }
    return comparisons, asdict(verdict(comparisons, estimated)), tracked


def judge_prediction(samples: pd.DataFrame, comparisons: pd.DataFrame) -> pd.DataFrame:
    """What the base's samples predicted of sharpening, beside what happened."""
    return prediction_outcomes(predicted_effect(samples), comparisons)


def price_decoders(
    samples: pd.DataFrame, estimated: pd.DataFrame, curves: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What the base's decoders cost beside a majority vote of the same price, and how every decoder fared."""
    return decoder_costs(estimated, curves), decoder_diagnostics(samples)
