"""Problems of reasoning_gym's tasks, by category."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from beyond_sharpening.grading.reasoning_gym import gold_text
from beyond_sharpening.parameters.gym import GYM_TASKS, ReasoningGymSource
from beyond_sharpening.problems.problem import Problem

if TYPE_CHECKING:
    from reasoning_gym.dataset import ProceduralDataset

_REPEATS = 20  # of a task in a row, after which it has no more to give


def gym_problems(name: str, source: ReasoningGymSource, *, seed: int, split: str) -> list[Problem]:
    """Generate different problems, each category an equal share of them, each of its tasks an equal share of that.

    The category is a problem's difficulty. A task that runs out of different problems leaves its share to the others
    of its category. The same arguments give the same problems; other names or seeds give unrelated ones.

    Raises:
        ValueError: if a task does not take its settings, or the tasks of a category have too few problems.
    """
    problems = []
    for place, category in enumerate(source.categories):
        wanted = len(range(place, source.size, len(source.categories)))
        tasks = [task for task in GYM_TASKS[category] if task not in source.left_out]
        drawn = _interleaved([_draws(name, task, source, seed, wanted) for task in tasks], wanted)
        if len(drawn) < wanted:
            raise ValueError(
                f"Source {name!r}: only {len(drawn)} different problems of the category {category}, {wanted} wanted: "
                "lower size, leave the category out, or give its tasks wider settings."
            )
        problems += [
            Problem(f"{name}-{task}-{index}", name, entry["question"], gold, category, split)
            for task, index, entry, gold in drawn
        ]
    return problems


def _interleaved(streams: list[Iterator[Any]], wanted: int) -> list[Any]:
    """A draw of each stream in turn, while they last."""
    drawn: list[Any] = []
    while streams and len(drawn) < wanted:
        for stream in list(streams):
            if (draw := next(stream, None)) is None:
                streams.remove(stream)
            elif len(drawn) < wanted:
                drawn.append(draw)
    return drawn


def _draws(
    name: str, task: str, source: ReasoningGymSource, seed: int, wanted: int
) -> Iterator[tuple[str, int, Any, str]]:
    """Different problems of a task, at most ``wanted``, of up to twice as many and some that are generated."""
    settings = source.settings.get(task, {})
    size = 2 * wanted + _REPEATS  # some tasks generate all of them at once
    dataset, met, repeats = _dataset(name, task, settings, seed, size), set(), 0
    for index in range(size):
        entry = dataset[index]
        repeats = repeats + 1 if entry["question"] in met else 0
        if repeats > _REPEATS:
            return
        if not repeats:
            met.add(entry["question"])
            yield task, index, entry, gold_text(task, settings, entry)


def _dataset(name: str, task: str, settings: dict[str, Any], seed: int, size: int) -> ProceduralDataset:
    from reasoning_gym import create_dataset

    stream = int.from_bytes(hashlib.sha256(f"{name}/{task}/{seed}".encode()).digest()[:6])
    try:
        return create_dataset(task, **settings, seed=stream, size=size)
    except (TypeError, AssertionError, ValueError) as error:
        raise ValueError(f"Source {name!r}: the task {task} does not take settings {settings!r}: {error}") from error
