"""Problems: load, keep apart, hold out."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pandas as pd

from beyond_sharpening.errors import BadInput
from beyond_sharpening.parameters import Problems
from beyond_sharpening.problems import (
    DroppedRow,
    Problem,
    Source,
    drop_overlap,
    hold_out,
    load_problems,
    problems_from_frame,
    problems_to_frame,
)


def load_benchmarks(options: dict[str, Any], seed: int, project: str) -> pd.DataFrame:
    """Every benchmark's problems in one table; ``source`` names the benchmark."""
    benchmarks = Problems.model_validate(options).benchmarks
    loaded = (_load(name, source, seed, "benchmark", project)[0] for name, source in benchmarks.items())
    return problems_to_frame(itertools.chain.from_iterable(loaded))


def load_training_problems(options: dict[str, Any], seed: int, project: str) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The training source as it is, and what was dropped from it."""
    source = Problems.model_validate(options).train
    problems, dropped = _load("train", source, seed, "train", project)
    return problems_to_frame(problems), {"loaded": len(problems), "dropped_rows": [vars(row) for row in dropped]}


def separate(
    training: pd.DataFrame, loaded: dict[str, Any], benchmarks: pd.DataFrame, options: dict[str, Any], seed: int
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    """Training and validation problems that stand in no benchmark, and a report of what was dropped."""
    kept, overlaps = drop_overlap(problems_from_frame(training), problems_from_frame(benchmarks))
    train, validation = hold_out(kept, Problems.model_validate(options).validation_size, seed)
    report = {
        **loaded,
        "in_a_benchmark": [{"train": overlap.train.id, "benchmark": overlap.benchmark.id} for overlap in overlaps],
        "train": len(train),
        "validation": len(validation),
        "benchmarks": benchmarks["source"].value_counts().to_dict(),
    }
    return problems_to_frame(train), problems_to_frame(validation), report


def _load(name: str, source: Source, seed: int, split: str, project: str) -> tuple[list[Problem], list[DroppedRow]]:
    try:
        return load_problems(name, source, seed=seed, split=split, root=Path(project))
    except (ValueError, FileNotFoundError) as error:
        raise BadInput(str(error)) from error
