"""MLflow: its database, and for nodes a nested run with live metrics."""

from __future__ import annotations

import json
import logging
import math
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Metric

from beyond_sharpening import interruption
from beyond_sharpening.errors import Damaged
from beyond_sharpening.locks import Owner
from beyond_sharpening.parameters import leaves
from beyond_sharpening.storage import told_when_full

logger = logging.getLogger(__name__)
T = TypeVar("T")


def make_store(uri: str) -> None:
    """Make the tables of a new SQLite store, whole or not at all; another kind of store, or one that is there, stays.

    Runs that begin together on a fresh clone would make them at the same time, and break one another's.

    Raises:
        DiskFull: if there is no room for them.
    """
    from filelock import FileLock
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
    from sqlalchemy.engine import make_url

    if not uri.startswith("sqlite:") or (name := make_url(uri).database) in (None, ":memory:"):
        return
    file = Path(name)
    if file.exists():
        _check_store(file)
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(file.with_name(f"{file.name}.lock")):
        if file.exists():
            return
        unfinished = file.with_name(f"{file.name}.unfinished")
        unfinished.unlink(missing_ok=True)
        with told_when_full(unfinished, file):
            SqlAlchemyStore(f"sqlite:///{unfinished}", "mlruns").engine.dispose()
        unfinished.rename(file)


def _check_store(file: Path) -> None:
    with file.open("rb") as store:
        if store.read(len(SQLITE)) not in (SQLITE, b""):
            raise Damaged(
                f"{file} is no database of MLflow's: it was cut short or changed. Bring it back from a copy, or move "
                "it away, and runs are recorded in a new one; what the data folder holds stays"
            )


SQLITE = b"SQLite format 3\x00"
"""What a file of SQLite begins with."""

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
    newest = tried(lambda: _newest(run.info.experiment_id, cells)) or []
    for run_id in newest:
        RunMetrics(mlflow.get_tracking_uri(), run_id)(dict(metrics), 0)
    return bool(newest)


def _newest(experiment: str, cells: str) -> list[str]:
    """The last run of each of these cells."""
    own = _own_tags()
    same = [f"tags.{name} = '{own[name]}'" for name in ("model", "domain") if name in own]
    asked = " and ".join([f"tags.{CELL} LIKE '{cells}'", *same])
    newest: dict[str, str] = {}
    for found in MlflowClient().search_runs([experiment], asked):  # the newest first
        newest.setdefault(found.data.tags[CELL], found.info.run_id)
    return [*newest.values()]


def _own_tags() -> dict[str, str]:
    """The tags of the pipeline's run, as they are now."""
    run = mlflow.active_run()
    return {} if run is None else dict(MlflowClient().get_run(run.info.run_id).data.tags)


@contextmanager
def nested_run(name: str, parameters: Mapping[str, Any], cell: str) -> Iterator[RunMetrics]:
    """Open a run inside the pipeline's and yield ``track(metrics, step)``; an error marks it failed.

    Its tags are the pipeline's, so that cells of several models, domains and commits can be told apart, and ``cell``,
    by which ``add_to_cells`` finds it. A parameter that is left open (None, or empty) is not recorded. Where MLflow
    cannot be written, what is tracked goes nowhere, and what runs within goes on.
    """
    told = {key: value for key, value in leaves(parameters) if value not in (None, [], "")}
    run_id = tried(lambda: _open(name, cell)) or ""
    if run_id:
        tried(lambda: mlflow.log_params(told))
    track = RunMetrics(mlflow.get_tracking_uri(), run_id)
    try:
        yield track
    except BaseException:
        _close(track, "FAILED")
        raise
    _close(track, "FINISHED")


def _open(name: str, cell: str) -> str:
    own = {key: value for key, value in _own_tags().items() if not key.startswith("mlflow.")}
    return mlflow.start_run(run_name=name, nested=True, tags={**own, CELL: cell}).info.run_id


def _close(track: RunMetrics, status: str) -> None:
    track.write(now=True)
    if (run := mlflow.active_run()) is not None and run.info.run_id == track.run_id:
        tried(lambda: mlflow.end_run(status))


def tried(write: Callable[[], T]) -> T | None:
    """What writes into MLflow, or a warning: MLflow's failures end nothing else."""
    try:
        return write()
    except Exception as error:
        if interruption.reason():  # raised within MLflow, which makes it an exception of its own
            raise
        _warn(error)
        return None


WRITES = (
    *("log_param", "log_metric", "log_batch", "log_artifact", "log_artifacts", "log_text", "set_tag"),
    *("set_terminated", "update_run"),
)
"""The methods of MLflow's client that its users, kedro-mlflow among them, write by, and whose answers nobody reads."""


@contextmanager
def failures_told() -> Iterator[None]:
    """Within it what cannot be written to MLflow is warned of, whoever writes it, and ends nothing.

    MLflow is then left alone for ``PAUSE`` seconds: a server that is away may take half a minute to say so, and a run
    writes its parameters one by one. What would have been written meanwhile is not; its files have it.
    """
    failed = [-math.inf]

    def forgiving(write: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(write)
        def written(*given: Any, **named: Any) -> Any:
            if time.monotonic() - failed[0] < PAUSE:
                return None
            try:
                return write(*given, **named)
            except Exception as error:
                if interruption.reason():
                    raise
                _warn(error)
                failed[0] = time.monotonic()
                return None

        return written

    strict = {name: getattr(MlflowClient, name) for name in WRITES}
    for name, write in strict.items():
        setattr(MlflowClient, name, forgiving(write))
    try:
        yield
    finally:
        for name, write in strict.items():
            setattr(MlflowClient, name, write)


def _warn(error: Exception) -> None:
    logger.warning(
        "MLflow (%s) could not be written (%s): the run goes on without; its files have everything",
        *(_shown(mlflow.get_tracking_uri()), _first_line(error)),
    )


def _shown(uri: str) -> str:
    """An address without what may be secret in it."""
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.hostname or ''}{parts.path}" if parts.scheme else uri


def _first_line(error: Exception) -> str:
    return _without_credentials(f"{type(error).__name__}: {error}".splitlines()[0])[:200]


def _without_credentials(text: str) -> str:
    """A text whose addresses name no user and no password."""
    return re.sub(r"//[^/@\s]*@", "//", text)


OWNER = "owner"
"""The tag that names the process that a run belongs to."""


def own_and_close_abandoned() -> None:
    """Say whose the open run is, and close those whose process, on this machine, no longer runs: they were killed."""
    run, client = mlflow.active_run(), MlflowClient()
    if run is None:
        return
    client.set_tag(run.info.run_id, OWNER, json.dumps(asdict(Owner.current())))
    for other in client.search_runs([run.info.experiment_id], "attributes.status = 'RUNNING'"):
        if (owner := _owner(other.data.tags.get(OWNER))) and owner.is_here and not owner.runs():
            client.set_terminated(other.info.run_id, "KILLED")


def _owner(text: str | None) -> Owner | None:
    try:
        return Owner(**json.loads(text or ""))
    except (ValueError, TypeError):
        return None


def tracked_at() -> str | None:
    """The pipeline's run: its address on a server, or its id where runs are kept in a file; None without one."""
    run = mlflow.active_run()
    if run is None:
        return None
    server, place = mlflow.get_tracking_uri(), f"#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}"
    if server.startswith("http"):
        return f"{_without_credentials(server).rstrip('/')}/{place}"
    return f"http://127.0.0.1:5000/{place} (while `make mlflow` runs)"


PAUSE = 60.0
"""Seconds before MLflow, where it could not be written, is tried again."""

BATCH = 1000
"""Metrics that MLflow takes at once."""


@dataclass(frozen=True)
class RunMetrics:
    """Writes metrics into a run from any process: there it is not the active one, and must not be closed.

    What cannot be written is warned of once, kept, and written when MLflow can be: a training waits for it no longer
    than the time that MLflow's own tries take, once in ``PAUSE`` seconds.
    """

    tracking_uri: str
    run_id: str
    missing: list[Metric] = field(default_factory=list, compare=False, repr=False)
    failed: list[float] = field(default_factory=list, compare=False, repr=False)

    def __call__(self, metrics: dict[str, float], step: int) -> None:
        interruption.check()
        now = int(time.time() * 1000)
        self.missing.extend(Metric(name, value, now, step) for name, value in metrics.items() if math.isfinite(value))
        self.write()

    def write(self, *, now: bool = False) -> None:
        """Write what is not written yet, unless that failed a short while ago."""
        if not self.run_id or (self.failed and not now and time.monotonic() - self.failed[-1] < PAUSE):
            return
        try:
            client = MlflowClient(self.tracking_uri)
            while self.missing:
                log_batch = getattr(
                    client.log_batch, "__wrapped__", MlflowClient.log_batch
                )  # which fails where it does
                log_batch(client, self.run_id, metrics=self.missing[:BATCH])
                del self.missing[:BATCH]
        except Exception as error:
            if interruption.reason():
                raise
            if not self.failed:
                logger.warning(
                    "MLflow (%s) could not be written (%s): the training goes on, its history has every metric, and "
                    "what is missing in MLflow is written when that can be",
                    *(_shown(self.tracking_uri), _first_line(error)),
                )
            self.failed.append(time.monotonic())

    def keep(self, name: str, text: str) -> None:
        """Keep a text as an artifact of the run."""
        if self.run_id:
            tried(lambda: MlflowClient(self.tracking_uri).log_text(self.run_id, text, name))
