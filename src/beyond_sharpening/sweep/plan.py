"""What a sweep has to run, and how far each of it is, read through the catalog."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.framework.project import pipelines
from kedro.framework.session import KedroSession

from beyond_sharpening.errors import BadInput
from beyond_sharpening.grid import Cell, Sweep, cells
from beyond_sharpening.layers import merge
from beyond_sharpening.manifests import check_manifests
from beyond_sharpening.parameters import Training
from beyond_sharpening.pipelines.train.nodes import unfinished

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext


class State(StrEnum):
    """How far a task is."""

    FINISHED = "finished"
    TRAINED = "trained, not evaluated"
    HALF_TRAINED = "half-trained"
    TO_DO = "to do"


@dataclass(frozen=True)
class Task:
    """One ``kedro run``: a cell, or what all cells of a model share.

    Args:
        name: its place among others, such as ``tiny/tilted/alpha2-beta100/seed-0``.
        pipeline: what to run.
        parameters: what to give it as ``--params``, nested.
        state: how far it is.
        after: the name of the task that must be finished before.
    """

    name: str
    pipeline: str
    parameters: Mapping[str, Any]
    state: State
    after: str | None = None


@dataclass(frozen=True)
class Plan:
    """The tasks of a sweep in the order they are run, and where: ``data`` is the folder of the data layers."""

    tasks: list[Task]
    options: Sweep
    project: Path
    data: Path
    env: str | None
    experiment: str


def make_plan(env: str | None, asked: Mapping[str, Any]) -> Plan:
    """Expand the grid and look how far each cell is; every cell's parameters are validated by that.

    Args:
        env: configuration environment, for the sweep and its cells.
        asked: the parameters of the command line, nested; they hold for every cell.

    Raises:
        BadInput: if parameters are invalid, contradict the grid, or what is on disk was made with others.
    """
    with _quiet():
        context = _context(env, asked)
        options = Sweep.model_validate(context.params["sweep"])
        grid = list(cells(options))
        for_all = {key: value for key, value in asked.items() if key != "sweep"}
        _check_contradictions(for_all, grid)
        shared = {model: _shared_task(env, for_all, model) for model in options.models}
        own = [_cell_task(env, for_all, cell, shared[cell.model]) for cell in grid]
    tasks = [*shared.values(), *own]
    _check_places(tasks)
    project = Path(context.project_path)
    experiment = context.config_loader["mlflow"]["tracking"]["experiment"]["name"]
    return Plan(tasks, options, project, project / context.params["data"], env, experiment)


def dotlist(parameters: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Nested parameters as ``--params`` takes them: ``train.tilted.alpha=4.0``."""
    for key, value in parameters.items():
        if isinstance(value, Mapping):
            yield from dotlist(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}={value if isinstance(value, str) else json.dumps(value)}"


def _context(env: str | None, parameters: Mapping[str, Any]) -> KedroContext:
    return KedroSession.create(env=env, runtime_params=dict(parameters)).load_context()


def _shared_task(env: str | None, for_all: Mapping[str, Any], model: str) -> Task:
    """Problems, start model and its samples: everything that two cells would otherwise make at once."""
    parameters, pipeline = merge(for_all, {"model": model}), "evaluate_base"
    context = _context(env, parameters)
    check_manifests(pipelines[pipeline].datasets(), context.catalog, context.params)
    made = all(context.catalog.exists(name) for name in pipelines[pipeline].all_outputs())
    return Task(f"{model}/base", pipeline, parameters, State.FINISHED if made else State.TO_DO)


def _cell_task(env: str | None, for_all: Mapping[str, Any], cell: Cell, shared: Task) -> Task:
    parameters, pipeline = merge(for_all, cell.parameters()), f"evaluate_{cell.objective}"
    context = _context(env, parameters)
    check_manifests(pipelines[pipeline].datasets(), context.catalog, context.params)
    variant = Training.model_validate(context.params["train"][cell.objective]).variant()
    name = f"{cell.model}/{cell.objective}/{variant}/seed-{cell.seed}"
    return Task(name, pipeline, parameters, _state(context, cell), shared.name)


def _state(context: KedroContext, cell: Cell) -> State:
    if context.catalog.exists(f"{cell.objective}_samples"):
        return State.FINISHED
    if context.catalog.exists(f"{cell.objective}_policy"):
        return State.TRAINED
    params = context.params
    folder = unfinished(params["train"][cell.objective], params["task"], params["train_seed"], params["workspace"])
    return State.HALF_TRAINED if any(folder.glob("checkpoint-*")) else State.TO_DO


def _check_contradictions(for_all: Mapping[str, Any], grid: list[Cell]) -> None:
    given = {item.partition("=")[0] for item in dotlist(for_all)}
    for cell in grid:
        for key in (item.partition("=")[0] for item in dotlist(cell.parameters())):
            if key in given:
                raise BadInput(f"--params: {key}: the grid sets it for each cell; change it under sweep")


def _check_places(tasks: list[Task]) -> None:
    for name, times in Counter(task.name for task in tasks).items():
        if times > 1:
            raise BadInput(f"{times} cells of the grid would be kept at one place, {name}: leave all but one out")


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what Kedro logs of every context."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
