"""Keeping sets of problems apart: hold-outs, and overlap between training and benchmarks."""

import logging
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from beyond_sharpening.errors import BadInput
from beyond_sharpening.problems.problem import Problem
from beyond_sharpening.problems.sameness import normalise_question

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Overlap:
    """A training problem whose question also stands in a benchmark."""

    train: Problem
    benchmark: Problem


def drop_overlap(
    train: Iterable[Problem], benchmarks: Iterable[Problem], normalise: Callable[[str], str] = normalise_question
) -> tuple[list[Problem], list[Overlap]]:
    """Drop the training problems that stand in a benchmark, compared by what ``normalise`` leaves of their questions.

    Returns:
        The training problems kept, in order, and each one dropped with the benchmark problem it repeats.
    """
    benchmark_of = {normalise(problem.question): problem for problem in benchmarks}
    kept: list[Problem] = []
    dropped: list[Overlap] = []
    for problem in train:
        twin = benchmark_of.get(normalise(problem.question))
        if twin is None:
            kept.append(problem)
        else:
            dropped.append(Overlap(problem, twin))
    if dropped:
        names = sorted({overlap.benchmark.source for overlap in dropped})
        logger.warning("Dropped %d training problems that stand in %s.", len(dropped), ", ".join(names))
    return kept, dropped


def drop_seen(
    benchmarks: Iterable[Problem], seen: Iterable[str], normalise: Callable[[str], str] = normalise_question
) -> tuple[list[Problem], list[Problem]]:
    """Drop the benchmark problems whose question has been trained on already: that training cannot be undone.

    Returns:
        The problems kept, in order, and those dropped.
    """
    known = {normalise(question) for question in seen}
    kept: list[Problem] = []
    leaked: list[Problem] = []
    for problem in benchmarks:
        (leaked if normalise(problem.question) in known else kept).append(problem)
    for name, problems in groupby(leaked, lambda problem: problem.source):
        found = [problem.id for problem in problems]
        logger.warning(
            "%d problems of %s have been trained on and are left out of it (%s, …): remove the training set and what "
            "was trained on it to train without them.",
            len(found),
            name,
            ", ".join(found[:_NAMED]),
        )
    return kept, leaked


_NAMED = 3


def hold_out(problems: Sequence[Problem], size: int, seed: int) -> tuple[list[Problem], list[Problem]]:
    """Split off a random validation set, the same for the same problems and seed.

    Returns:
        The training problems and the ``size`` validation problems (their ``split`` says so), both in order.

    Raises:
        BadInput: unless 0 < size < number of problems.
    """
    if not 0 < size < len(problems):
        raise BadInput(
            f"validation_size: cannot hold out {size} of {len(problems)} problems: choose from 1 to {len(problems) - 1}"
        )
    chosen = set(random.Random(seed).sample(range(len(problems)), size))
    train = [problem for index, problem in enumerate(problems) if index not in chosen]
    return train, [replace(problems[index], split="validation") for index in sorted(chosen)]
