"""Policies × benchmarks × decoders: the samples tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from beyond_sharpening.cells.place import place
from beyond_sharpening.models.policy import Policy
from beyond_sharpening.parameters import Evaluation, Hardware, Task, Training
from beyond_sharpening.problems import problems_from_frame
from beyond_sharpening.wiring.tracking import add_to_cell

if TYPE_CHECKING:
    from beyond_sharpening.evaluation import Exam


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
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The base's samples, with a second independent set of them (replicate 1), and what they predict of sharpening.

    The prediction is made and said here, before anything is trained.
    """
    from beyond_sharpening.analysis import predicted_effect, prediction_lines
    from beyond_sharpening.evaluation import Arm, evaluate

    exam = build_exam(benchmarks, task, options, sample_seed, hardware)
    arms = [Arm(model, "base", "default", "last", 0, replicate) for replicate in (0, 1)]
    samples = pd.concat([evaluate(arm, base, base, exam) for arm in arms], ignore_index=True)
    prediction = predicted_effect(samples)
    print("\n".join(["", *prediction_lines(prediction), ""]))
    return samples, prediction


def evaluate_policy(
    last: Policy,
    best: Policy,
    base: Policy,
    benchmarks: pd.DataFrame,
    model: str,
    train_seed: int,
    training: dict[str, Any],
    task: dict[str, Any],
    options: dict[str, Any],
    sample_seed: int,
    hardware: dict[str, Any],
) -> pd.DataFrame:
    """The samples of a trained policy, at each checkpoint asked for."""
    from beyond_sharpening.evaluation import Arm, evaluate

    exam = build_exam(benchmarks, task, options, sample_seed, hardware)
    trained = Training.model_validate(training)
    policies = {"last": last, "best": best}
    samples = pd.concat(
        [
            evaluate(
                Arm(model, trained.objective, trained.variant(), checkpoint, train_seed),
                policies[checkpoint],
                base,
                exam,
            )
            for checkpoint in Evaluation.model_validate(options).checkpoints
        ],
        ignore_index=True,
    )
    add_to_cell(place(trained.objective, trained.variant(), train_seed), _accuracies(samples))
    return samples


def _accuracies(samples: pd.DataFrame) -> dict[str, float]:
    """Right answers of the last checkpoint by benchmark and decoder, for the tracker."""
    last = samples[(samples["checkpoint"] == "last") & (samples["replicate"] == 0)]
    names = "accuracy/" + last["benchmark"].astype(str) + "/" + last["decoder"]
    return {str(name): float(value) for name, value in last["correct"].groupby(names).mean().items()}


def gather_samples(
    *tables: pd.DataFrame,
) -> tuple[dict[str, dict[str, float]], dict[str, pd.DataFrame], dict[str, pd.DataFrame]]:
    """Accuracy of every policy, for the tracker, once all tables are there.

    The tables are partitions of ``all_samples`` already, and the histories of the trainings before them partitions
    of ``all_histories``: nothing is added to either, but what reads them waits.
    """
    samples = pd.concat(tables, ignore_index=True)
    samples = samples[(samples["replicate"] == 0) & (samples["checkpoint"] == "last")]
    arms = samples[["policy", "benchmark", "decoder"]].agg("/".join, axis=1)
    accuracy = samples["correct"].groupby(arms).mean()
    return {str(arm): {"value": value, "step": 0} for arm, value in accuracy.items()}, {}, {}
