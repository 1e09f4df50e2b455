"""Where MLflow keeps a run's files, when the folder that holds them has been moved.

MLflow writes absolute addresses into its database. Where database and files were moved or copied together, those that
lie in the new place are taken from there, and what is added goes there.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse


def settle_artifacts(server: Mapping[str, Any], experiment: Mapping[str, Any], project: Path) -> None:
    """Bring the addresses of a SQLite store up to date with the configuration, where the files are.

    Args:
        server: the block ``server`` of ``mlflow.yml``.
        experiment: its block ``tracking.experiment``; without an ``artifact_location`` in this file system, nothing
            is done.
        project: the folder that a relative location lies in.
    """
    location = experiment.get("create_experiment_kwargs", {}).get("artifact_location")
    address = urlparse(server.get("mlflow_tracking_uri") or "")
    store = Path(unquote(address.path).removeprefix("/"))  # sqlite:////absolute, sqlite:///relative
    if address.scheme != "sqlite" or not store.is_file() or location is None or "://" in location:
        return
    with closing(sqlite3.connect(store, timeout=60)) as database, database:
        _settle(database, experiment["name"], project / location)


def _settle(database: sqlite3.Connection, name: str, folder: Path) -> None:
    """Of an experiment: its address, and those of its runs, except runs whose files lie somewhere else."""
    known = database.execute("select experiment_id, artifact_location from experiments where name = ?", (name,))
    for experiment, location in known.fetchall():
        if location != folder.as_uri():
            move = "update experiments set artifact_location = ? where experiment_id = ?"
            database.execute(move, (folder.as_uri(), experiment))
        elsewhere = "select run_uuid, artifact_uri from runs where experiment_id = ? and artifact_uri not like ?"
        for run, address in database.execute(elsewhere, (experiment, f"{folder.as_uri()}/%")).fetchall():
            if (folder / run).is_dir() or _is_gone(address):
                place = (folder / run / "artifacts").as_uri()
                database.execute("update runs set artifact_uri = ? where run_uuid = ?", (place, run))


def _is_gone(address: str) -> bool:
    """True for a place in this file system that is not there."""
    parsed = urlparse(address)
    return parsed.scheme in ("", "file") and not Path(unquote(parsed.path)).exists()
