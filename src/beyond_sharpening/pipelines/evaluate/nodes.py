"""Policies × benchmarks × decoders: the samples tables."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from beyond_sharpening.analysis import settling
from beyond_sharpening.cells.place import place
from beyond_sharpening.models.policy import Policy
from beyond_sharpening.parameters import Evaluation, Hardware, Task, Training
from beyond_sharpening.problems import problems_from_frame
from beyond_sharpening.wiring.tracking import add_to_cells, nested_run

if TYPE_CHECKING:
    from beyond_sharpening.evaluation import Exam

logger = logging.getLogger(__name__)


def build_exam(
    problems: pd.DataFrame, task: dict[str, Any], options: dict[str, Any], seed: int, hardware: dict[str, Any]
) -> Exam:
    """The exam that these parameters describe, over a table of problems."""
    from beyond_sharpening.evaluation import Exam

    evaluation = Evaluation.model_validate(options)
    return Exam(
        problems_from_frame(problems),
        Task.model_validate(task),
        evaluation.decoders,
        seed,
        Hardware.model_validate(hardware),
        evaluation.min_completion_tokens,
    )


def evaluate_base(
    base: Policy,
    benchmarks: pd.DataFrame,
    model: str,
    task: dict[str, Any],
    options: dict[str, Any],
    sample_seed: int,
    hardware: dict[str, Any],
    parts: str,
) -> dict[str, Any]:
    """The base's samples, with a second independent set of them (replicate 1), and what they predict of sharpening.

    The prediction is made and said here, before anything is trained. The completions of the reference decoder are kept
    with their tokens: every policy scores them.
    """
    from beyond_sharpening.analysis import count_parts, predicted_effect, prediction_lines
    from beyond_sharpening.analysis.contract import REFERENCE_DECODER
    from beyond_sharpening.evaluation import BASE_COMPLETION, Arm, below, examine

    exam = build_exam(benchmarks, task, options, sample_seed, hardware)
    arms = [Arm(model, "base", "default", "last", 0, replicate) for replicate in (0, 1)]
    drawn = below([examine(arm, base, base, exam, Path(parts)) for arm in arms])
    samples = drawn.without("tokens")
    counts = count_parts(samples.without("completion"))
    prediction = predicted_effect(counts)
    logger.info("foretold: %s", "; ".join(prediction_lines(prediction)) or "nothing")
    if not add_to_cells("base", accuracies := _accuracies(counts)):  # it was not pretrained here
        with nested_run("base", {}, "base") as track:
            track(accuracies, 0)
    completions = drawn.of_decoder(REFERENCE_DECODER, BASE_COMPLETION)
    return {"samples": samples, "completions": completions, "prediction": prediction}


def evaluate_policy(
    last: Policy,
    best: Policy,
    base: Policy,
    base_completions: pd.DataFrame,
    benchmarks: pd.DataFrame,
    model: str,
    train_seed: int,
    training: dict[str, Any],
    task: dict[str, Any],
    options: dict[str, Any],
    sample_seed: int,
    hardware: dict[str, Any],
    parts: str,
) -> dict[str, Any]:
    """The samples of a trained policy at each checkpoint asked for, and the base's completions scored under it."""
    from beyond_sharpening.analysis import count_parts
    from beyond_sharpening.evaluation import Arm, below, cross_score, examine

    exam = build_exam(benchmarks, task, options, sample_seed, hardware)
    trained = Training.model_validate(training)
    policies = {"last": last, "best": best}
    samples, scores = [], []
    for checkpoint in Evaluation.model_validate(options).checkpoints:
        arm = Arm(model, trained.objective, trained.naming(), checkpoint, train_seed)
        examined = (arm, policies[checkpoint], base)
        samples.append(examine(*examined, exam, Path(parts)).without("tokens"))
        scores.append(cross_score(*examined, base_completions, exam, Path(parts)))
    drawn = below(samples)
    counts = count_parts(drawn.without("completion"))
    add_to_cells(place(trained.objective, trained.naming(), train_seed), _accuracies(counts))
    return {"samples": drawn, "base_scores": below(scores)}


def _accuracies(counts: pd.DataFrame) -> dict[str, float]:
    """Right answers of the last checkpoint by benchmark and decoder, for the tracker."""
    last = counts[(counts["checkpoint"] == "last") & (counts["replicate"] == 0)]
    names = "accuracy/" + last["benchmark"].astype(str) + "/" + last["decoder"]
    sums = last[["n_correct", "n_samples"]].groupby(names).sum()
    return {str(name): float(value) for name, value in (sums["n_correct"] / sums["n_samples"]).items()}


PRESENT = ("all_samples", "all_samples_in_parts", "all_base_scores", "all_histories")
"""The data sets that gather what lies in a folder, whoever put it there."""


def gather_samples(**tables: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Accuracy of every policy at one try, for the tracker, once all tables are there; the cells have the others.

    The tables are partitions of ``all_samples`` already, as are the base's scores and the histories of the trainings
    of theirs: nothing is added to any of ``PRESENT``, but what reads them waits.
    """
    samples = pd.concat([table for name, table in tables.items() if name.endswith("_samples")], ignore_index=True)
    samples = settling(samples)
    arms = samples[["policy", "benchmark"]].agg("/".join, axis=1)
    accuracy = samples["correct"].groupby(arms).mean()
    told = {str(arm): {"value": value, "step": 0} for arm, value in accuracy.items()}
    return {"accuracy": told, **{name: {} for name in PRESENT}}
