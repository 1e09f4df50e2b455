"""Problems: load, keep apart, hold out."""

from __future__ import annotations

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
    Problem,
    card,
    drop_overlap,
    hold_out,
    load_problems,
    problems_to_frame,
    shared_questions,
)


def prepare_problems(
    options: dict[str, Any], task: dict[str, Any], seed: int, project: str, copies: str | None
) -> dict[str, pd.DataFrame | dict[str, Any]]:
    """Benchmarks and their cards; the training source and its card; what is trained on and validated on; a report.

    All or nothing: what is kept of a run whose last source cannot be read would stand in the way of the next.
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
    benchmarks = [problem for problems, _ in loaded.values() for problem in problems]
    training, dropped = load("train", asked.train, split="train")
    kept, overlaps = drop_overlap(training, benchmarks, normalise)
    train, validation = hold_out(kept, asked.validation_size, seed)
    shared = shared_questions({name: problems for name, (problems, _) in loaded.items()}, normalise)
    cards = {
        name: {**card(source, prompt, *loaded[name], _folder(copies)), "also_in": shared.get(name, {})}
        for name, source in asked.benchmarks.items()
    }
    report = {
        "loaded": len(training),
        "dropped_rows": [vars(row) for row in dropped],
        "in_a_benchmark": [{"train": overlap.train.id, "benchmark": overlap.benchmark.id} for overlap in overlaps],
        "train": len(train),
        "validation": len(validation),
        "benchmarks": {name: len(problems) for name, (problems, _) in loaded.items()},
    }
    return {
        "benchmarks": problems_to_frame(benchmarks),
        "cards": cards,
        "source": problems_to_frame(training),
        "source_card": card(asked.train, prompt, training, dropped, _folder(copies)),
        "train": problems_to_frame(train),
        "validation": problems_to_frame(validation),
        "report": report,
    }


def _load(name: str, source: Source, **options: Any) -> tuple[list[Problem], list[DroppedRow]]:
    try:
        return load_problems(name, source, **options)
    except (ValueError, FileNotFoundError) as error:
        raise BadInput(str(error)) from error


def _folder(copies: str | None) -> Path | None:
    return None if copies is None else Path(copies)
