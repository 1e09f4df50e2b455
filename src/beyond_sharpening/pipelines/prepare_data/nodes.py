"""Problems: load, keep apart, hold out."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from beyond_sharpening.errors import BadInput
from beyond_sharpening.grading import Grader
from beyond_sharpening.grading.loading import imported
from beyond_sharpening.parameters import Problems, Task
from beyond_sharpening.parameters.sources import Source
from beyond_sharpening.problems import (
    DroppedRow,
    Overlap,
    Problem,
    card,
    columns_for,
    drop_overlap,
    drop_seen,
    hold_out,
    load_problems,
    problems_from_frame,
    problems_to_frame,
    shared_questions,
)

TRIED = 3
"""Problems that a grader of the user's is tried on, before anything is made."""


def prepare_problems(
    options: dict[str, Any],
    task: dict[str, Any],
    seed: int,
    project: str,
    copies: str | None,
    kept: dict[str, Callable[[], pd.DataFrame]],
    pretrained_on: dict[str, Callable[[], str]],
) -> dict[str, pd.DataFrame | dict[str, Any]]:
    """Benchmarks and their cards; the training source and its card; what is trained on and validated on; a report.

    All or nothing: what is kept of a run whose last source cannot be read would stand in the way of the next. What has
    been trained on stays: a problem of a new benchmark that is among it is left out of the benchmark, and named.
    """
    asked, put = Problems.model_validate(options), Task.model_validate(task)
    prompt = "\n\n".join(text for text in (put.system_prompt, put.prompt) if text is not None)
    normalise, grader = imported(asked.normaliser), Grader(put.grader, workers=1)
    load = partial(
        _load,
        seed=seed,
        root=Path(project),
        copies=_folder(copies),
        normalise=normalise,
        has_answer=grader.states_an_answer,
    )
    loaded = {name: load(name, source, split="benchmark") for name, source in asked.benchmarks.items()}
    training, dropped = load("train", asked.train, split="train")
    tried = training[:TRIED]
    grader.try_on([problem.gold for problem in tried], *columns_for(grader, tried))
    for problems, _ in loaded.values():
        columns_for(grader, problems[:1])
    benchmarks = [problem for problems, _ in loaded.values() for problem in problems]
    overlaps: list[Overlap] = []
    if (trained := _trained_on(kept)) is None:
        apart, overlaps = drop_overlap(training, benchmarks, normalise)
        _check_left(training, overlaps, asked.validation_size)
        train, validation = hold_out(apart, asked.validation_size, seed)
    else:
        train, validation = trained
    seen = [problem.question for problem in (*train, *validation)]
    seen += [question for read in pretrained_on.values() for question in read().splitlines()]
    leaked: list[Problem] = []
    for name, (problems, rows) in loaded.items():
        unseen, known = drop_seen(problems, seen, normalise)
        loaded[name] = (unseen, rows)
        leaked += known
    shared = shared_questions({name: problems for name, (problems, _) in loaded.items()}, normalise)
    cards = {
        name: {**card(source, prompt, *loaded[name], _folder(copies)), "also_in": shared.get(name, {})}
        for name, source in asked.benchmarks.items()
    }
    report = {
        "loaded": len(training),
        "dropped_rows": [vars(row) for row in dropped],
        "in_a_benchmark": [{"train": overlap.train.id, "benchmark": overlap.benchmark.id} for overlap in overlaps],
        "trained_on": [problem.id for problem in leaked],
        "train": len(train),
        "validation": len(validation),
        "benchmarks": {name: len(problems) for name, (problems, _) in loaded.items()},
    }
    return {
        "benchmarks": problems_to_frame(problem for problems, _ in loaded.values() for problem in problems),
        "cards": cards,
        "source": problems_to_frame(training),
        "source_card": card(asked.train, prompt, training, dropped, _folder(copies)),
        "train": problems_to_frame(train),
        "validation": problems_to_frame(validation),
        "report": report,
    }


def _check_left(training: list[Problem], overlaps: list[Overlap], held_out: int) -> None:
    """Raise a BadInput where benchmarks leave nothing of the training source to train on."""
    left = len(training) - len({overlap.train.id for overlap in overlaps})
    if overlaps and left <= held_out:
        names = ", ".join(sorted({overlap.benchmark.source for overlap in overlaps}))
        raise BadInput(
            f"problems.train: {len(training) - left} of its {len(training)} problems stand in a benchmark ({names}) "
            f"and are left out; problems.validation_size = {held_out} leaves none of the others to train on: train on "
            "another source, or test on another"
        )


def _trained_on(kept: dict[str, Callable[[], pd.DataFrame]]) -> tuple[list[Problem], list[Problem]] | None:
    """The problems that are there to train and to validate on; None where there are none yet."""
    if not {"train", "validation"} <= kept.keys():
        return None
    return problems_from_frame(kept["train"]()), problems_from_frame(kept["validation"]())


def _load(name: str, source: Source, **options: Any) -> tuple[list[Problem], list[DroppedRow]]:
    try:
        return load_problems(name, source, **options)
    except (ValueError, FileNotFoundError) as error:
        raise BadInput(str(error)) from error


def _folder(copies: str | None) -> Path | None:
    return None if copies is None else Path(copies)
