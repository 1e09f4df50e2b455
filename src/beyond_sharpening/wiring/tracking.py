"""MLflow: its database, and for nodes a nested run with live metrics."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Metric

from beyond_sharpening import interruption
from beyond_sharpening.parameters import leaves


def make_store(uri: str) -> None:
    """Make the tables of a new SQLite store, whole or not at all; another kind of store, or one that is there, stays.

    Runs that begin together on a fresh clone would make them at once, and break one another's.
    """
    from filelock import FileLock
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
    from sqlalchemy.engine import make_url

    if not uri.startswith("sqlite:") or (name := make_url(uri).database) in (None, ":memory:"):
        return
    file = Path(name)
    if file.exists():
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(file.with_name(f"{file.name}.lock")):
        if file.exists():
            return
        unfinished = file.with_name(f"{file.name}.unfinished")
        unfinished.unlink(missing_ok=True)
        SqlAlchemyStore(f"sqlite:///{unfinished}", "mlruns").engine.dispose()
        unfinished.rename(file)


CELL = "cell"
"""The tag that names the cell which a nested run trained."""


def add_to_cells(cells: str, metrics: Mapping[str, float]) -> bool:
    """Metrics that are known later, such as accuracies, beside the training of the cells they belong to.

    Args:
        cells: a cell, ``tilted/alpha2-beta100/seed-0``, or those of every seed, ``tilted/alpha2-beta100/%``.
        metrics: of each of them.

    Returns:
        True if any was trained under this tracker; else there is nothing to add to.
    """
    run = mlflow.active_run()
    if run is None or "'" in cells:  # a name that is not one of ours
        return False
    own = _own_tags()
    same = [f"tags.{name} = '{own[name]}'" for name in ("model", "domain") if name in own]
    asked = " and ".join([f"tags.{CELL} LIKE '{cells}'", *same])
    newest: dict[str, str] = {}
    for found in MlflowClient().search_runs([run.info.experiment_id], asked):  # the newest first
        newest.setdefault(found.data.tags[CELL], found.info.run_id)
    for run_id in newest.values():
        RunMetrics(mlflow.get_tracking_uri(), run_id)(dict(metrics), 0)
    return bool(newest)


def _own_tags() -> dict[str, str]:
    """The tags of the pipeline's run, as they are by now."""
    run = mlflow.active_run()
    return {} if run is None else dict(MlflowClient().get_run(run.info.run_id).data.tags)


@contextmanager
def nested_run(name: str, parameters: Mapping[str, Any], cell: str) -> Iterator[RunMetrics]:
    """Open a run inside the pipeline's and yield ``track(metrics, step)``; an error marks it failed.

    Its tags are the pipeline's, so that cells of several models, domains and commits can be told apart, and ``cell``,
    by which ``add_to_cells`` finds it. What a parameter leaves open (None, or nothing in it) is not told.
    """
    own = {key: value for key, value in _own_tags().items() if not key.startswith("mlflow.")}
    with mlflow.start_run(run_name=name, nested=True, tags={**own, CELL: cell}) as run:
        mlflow.log_params({key: value for key, value in leaves(parameters) if value not in (None, [], "")})
        yield RunMetrics(mlflow.get_tracking_uri(), run.info.run_id)


def tracked_at() -> str | None:
    """The pipeline's run: its address on a server, or its id where runs are kept in a file; None without one."""
    run = mlflow.active_run()
    if run is None:
        return None
    server, place = mlflow.get_tracking_uri(), f"#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}"
    if server.startswith("http"):
        return f"{server.rstrip('/')}/{place}"
    return f"http://127.0.0.1:5000/{place} (while `make mlflow` runs)"


@dataclass(frozen=True)
class RunMetrics:
    """Writes metrics into a run from any process: there it is not the active one, and must not be closed."""

    tracking_uri: str
    run_id: str

    def __call__(self, metrics: dict[str, float], step: int) -> None:
        interruption.check()
        now = int(time.time() * 1000)
        finite = [Metric(name, value, now, step) for name, value in metrics.items() if math.isfinite(value)]
        MlflowClient(self.tracking_uri).log_batch(self.run_id, metrics=finite)

    def keep(self, name: str, text: str) -> None:
        """Keep a text as an artifact of the run."""
        MlflowClient(self.tracking_uri).log_text(self.run_id, text, name)
