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
    card,
    drop_overlap,
    hold_out,
    load_problems,
    problems_from_frame,
    problems_to_frame,
    shared_questions,
)


def load_benchmarks(
    options: dict[str, Any], prompt: str, seed: int, project: str, copies: str | None
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Every benchmark's problems in one table, ``source`` names the benchmark; and a card of each."""
    benchmarks = Problems.model_validate(options).benchmarks
    loaded = {name: _load(name, source, seed, "benchmark", project, copies) for name, source in benchmarks.items()}
    shared = shared_questions({name: problems for name, (problems, _) in loaded.items()})
    cards = {
        name: {**card(source, prompt, *loaded[name], _folder(copies)), "also_in": shared.get(name, {})}
        for name, source in benchmarks.items()
    }
    return problems_to_frame(itertools.chain.from_iterable(problems for problems, _ in loaded.values())), cards


def load_training_problems(
    options: dict[str, Any], prompt: str, seed: int, project: str, copies: str | None
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The training source as it is, and its card."""
    source = Problems.model_validate(options).train
    problems, dropped = _load("train", source, seed, "train", project, copies)
    return problems_to_frame(problems), card(source, prompt, problems, dropped, _folder(copies))


def separate(
    training: pd.DataFrame, training_card: dict[str, Any], benchmarks: pd.DataFrame, options: dict[str, Any], seed: int
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    """Training and validation problems that stand in no benchmark, and a report of what was dropped."""
    kept, overlaps = drop_overlap(problems_from_frame(training), problems_from_frame(benchmarks))
    train, validation = hold_out(kept, Problems.model_validate(options).validation_size, seed)
    report = {
        "loaded": training_card["problems"],
        "dropped_rows": training_card["dropped"],
        "in_a_benchmark": [{"train": overlap.train.id, "benchmark": overlap.benchmark.id} for overlap in overlaps],
        "train": len(train),
        "validation": len(validation),
        "benchmarks": benchmarks["source"].value_counts().to_dict(),
    }
    return problems_to_frame(train), problems_to_frame(validation), report


def _load(
    name: str, source: Source, seed: int, split: str, project: str, copies: str | None
) -> tuple[list[Problem], list[DroppedRow]]:
    try:
        return load_problems(name, source, seed=seed, split=split, root=Path(project), copies=_folder(copies))
    except (ValueError, FileNotFoundError) as error:
        raise BadInput(str(error)) from error


def _folder(copies: str | None) -> Path | None:
    return None if copies is None else Path(copies)
