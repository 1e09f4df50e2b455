"""What a sweep has to run, and how far each of it is, read through the catalog."""

from __future__ import annotations

import json
import logging
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from kedro.framework.project import pipelines, settings
from kedro.framework.session import KedroSession
from kedro.utils import find_kedro_project

from beyond_sharpening.cells.place import place_of, sealed_states, unfinished
from beyond_sharpening.errors import BadInput
from beyond_sharpening.models.shape import Shape
from beyond_sharpening.parameters import Hardware, Parameters, leaves
from beyond_sharpening.parameters.layers import merge
from beyond_sharpening.parameters.sweep import Cell, Sweep, cells
from beyond_sharpening.sweep.executors import job_places
from beyond_sharpening.wiring import packaged
from beyond_sharpening.wiring.machine import check_machine
from beyond_sharpening.wiring.manifests import check_manifests
from beyond_sharpening.wiring.preflight import estimate, find_config, shortages

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext
    from kedro.io import CatalogProtocol

    from beyond_sharpening.wiring.config_loader import ExperimentConfigLoader


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
        gpus: how many of them it uses.
        shortages: why it would not fit into them.
    """

    name: str
    pipeline: str
    parameters: Mapping[str, Any]
    state: State
    after: str | None = None
    gpus: int = 0
    shortages: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """The tasks of a sweep in the order they are run, and where.

    Args:
        tasks: in order.
        options: how they are run.
        places: the GPUs of each place for a job; no place where the tasks are only to be looked at.
        project: its root folder.
        data: the folder of the data layers.
        env: configuration environment.
        experiment: of MLflow.
    """

    tasks: list[Task]
    options: Sweep
    places: list[list[int]]
    project: Path
    data: Path
    env: str | None
    experiment: str

    def shortages(self) -> list[str]:
        """What of the tasks would not fit into a GPU, each said once."""
        return list(dict.fromkeys(told for task in self.tasks for told in task.shortages))


def make_plan(
    env: str | None, asked: Mapping[str, Any], say: Callable[[str], None], *, only_look: bool = False
) -> Plan:
    """Expand the grid and look how far each cell is; every cell's parameters are validated by that.

    Args:
        env: configuration environment, for the sweep and its cells.
        asked: the parameters of the command line, nested; they hold for every cell.
        say: is told in a line what is looked at.
        only_look: whether nothing is to be launched; then the plan has no places, and needs no executor. So does
            ``dry_run``.

    Raises:
        BadInput: if parameters are invalid, contradict the grid, or what is on disk was made with others; if the
            executor cannot be used here.
    """
    with _quiet():
        options = _options(env, asked)
        grid = list(cells(options))
        for_all = {key: value for key, value in asked.items() if key != "sweep"}
        _check_for_all(for_all, grid)
        contexts = {model: _context(env, merge(for_all, {"model": model})) for model in options.models}
        hardware = [Hardware.model_validate(context.params["hardware"]) for context in contexts.values()]
        _check_machines(hardware)
        first = contexts[options.models[0]]
        places = [] if only_look or first.params["dry_run"] else _places(options, hardware)
        models = {model: Model(context) for model, context in contexts.items()}
        tasks = [model.shared_task(for_all) for model in models.values()]
        for (name, seed), some in groupby(grid, key=lambda cell: (cell.model, cell.seed)):
            say(f"looking how far {name} is with seed {seed}")
            context = _context(env, merge(for_all, {"model": name, "train_seed": seed}))
            tasks += [models[name].cell_task(context, cell, for_all) for cell in some]
    _check_names(tasks)
    project = Path(first.project_path)
    experiment = first.config_loader["mlflow"]["tracking"]["experiment"]["name"]
    return Plan(tasks, options, places, project, project / first.params["data"], env, experiment)


def dotlist(parameters: Mapping[str, Any]) -> Iterator[str]:
    """Nested parameters as ``--params`` takes them: ``train.tilted.alpha=4.0``."""
    for key, value in leaves(parameters):
        yield f"{key}={value if isinstance(value, str) else json.dumps(value)}"


class Model:
    """What the tasks of a model have in common."""

    def __init__(self, context: KedroContext) -> None:
        parameters = Parameters.model_validate(context.params)
        self._context, self._name, self._hardware = context, parameters.model, parameters.hardware
        self._gpus = _gpus(self._hardware)
        bounded = not self._gpus or self._hardware.memory_gib is not None
        config = find_config(parameters, context.catalog) if bounded else None
        self._shape = None if config is None else Shape.of(config)

    def shared_task(self, for_all: Mapping[str, Any]) -> Task:
        """Problems, start model and its samples: everything that two cells would otherwise make at once."""
        parameters, pipeline = merge(for_all, {"model": self._name}), "evaluate_base"
        params, catalog = self._context.params, self._context.catalog
        outgrown = check_manifests(pipelines[pipeline], catalog, params)
        made = not outgrown and all(catalog.exists(name) for name in pipelines[pipeline].all_outputs())
        state = State.FINISHED if made else State.TO_DO
        return Task(self._base, pipeline, parameters, state, None, self._gpus, self._shortages(params, state))

    def cell_task(self, context: KedroContext, cell: Cell, for_all: Mapping[str, Any]) -> Task:
        """A cell; the context is any of its model and seed."""
        loader, pipeline = cast("ExperimentConfigLoader", context.config_loader), f"evaluate_{cell.objective}"
        loader.vary(cell.parameters())
        params, catalog = loader["parameters"], context.catalog
        outgrown = check_manifests(pipelines[pipeline], catalog, params)
        name = f"{cell.model}/{place_of(params['train'][cell.objective], cell.seed)}"
        state = _state(catalog, params, cell)
        if state == State.FINISHED and outgrown:
            state = State.TRAINED
        short = self._shortages(params, state, cell.objective)
        return Task(name, pipeline, merge(for_all, cell.parameters()), state, self._base, self._gpus, short)

    @property
    def _base(self) -> str:
        return f"{self._name}/base"

    def _shortages(self, params: Mapping[str, Any], state: State, objective: str | None = None) -> tuple[str, ...]:
        if self._shape is None or state == State.FINISHED:
            return ()
        trained = [objective] if objective and state != State.TRAINED else []
        memory = estimate(self._shape, Parameters.model_validate(params), trained, evaluates=True)
        return tuple(f"{self._name}: {told}" for told in shortages(memory, self._hardware, self._shape))


def _options(env: str | None, asked: Mapping[str, Any]) -> Sweep:
    """The grid, read without what is asked of its cells, which may suit its models alone."""
    project = find_kedro_project(Path.cwd()) or Path.cwd()
    loader = settings.CONFIG_LOADER_CLASS(
        packaged.conf_source() or project / settings.CONF_SOURCE,
        env or os.environ.get("KEDRO_ENV"),
        runtime_params={key: value for key, value in asked.items() if key == "sweep"},
        **settings.CONFIG_LOADER_ARGS,
    )
    return Sweep.model_validate(loader["parameters"]["sweep"])


def _context(env: str | None, parameters: Mapping[str, Any]) -> KedroContext:
    source = packaged.conf_source()
    return KedroSession.create(env=env, conf_source=source, runtime_params=dict(parameters)).load_context()


def _gpus(hardware: Hardware) -> int:
    return hardware.processes if hardware.device == "cuda" else 0


def _places(options: Sweep, hardware: list[Hardware]) -> list[list[int]]:
    if options.executor == "local":
        for profile in hardware:
            check_machine(profile)
    return job_places(options, max(_gpus(profile) for profile in hardware))


def _state(catalog: CatalogProtocol[Any, Any], params: Mapping[str, Any], cell: Cell) -> State:
    if catalog.exists(f"{cell.objective}_samples"):
        return State.FINISHED
    if catalog.exists(f"{cell.objective}_policy"):
        return State.TRAINED
    folder = unfinished(params["train"][cell.objective], params["task"], params["train_seed"], params["workspace"])
    return State.HALF_TRAINED if sealed_states(folder) else State.TO_DO


def _check_for_all(for_all: Mapping[str, Any], grid: list[Cell]) -> None:
    given = {key for key, _ in leaves(for_all)}
    for cell in grid:
        for key, _ in leaves(cell.parameters()):
            if key in given:
                raise BadInput(f"--params: {key}: the grid sets it for each cell; change it under sweep")
    models = list(dict.fromkeys(cell.model for cell in grid))
    if len(models) > 1 and (own := sorted(key for key in given if key.split(".")[0] == "base")):
        raise BadInput(
            f"--params: {own[0]}: the grid has several models, each with a base of its own; say whose, as in "
            f"models.{models[0]}.{own[0]}=..."
        )


def _check_machines(hardware: list[Hardware]) -> None:
    for profile in hardware:
        if profile.machines > 1:
            raise BadInput(
                f"hardware.machines = {profile.machines}: a job of a sweep is one machine; leave it at 1, and "
                "hardware.processes is the number of its GPUs"
            )


def _check_names(tasks: list[Task]) -> None:
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
