"""The MLflow run of a sweep, under which the runs of its cells are nested."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID, MLFLOW_RUN_NAME

from beyond_sharpening.cells.identity import commit
from beyond_sharpening.parameters.sweep import Sweep
from beyond_sharpening.sweep.plan import Plan, dotlist
from beyond_sharpening.wiring.hooks import RUN_TAGS
from beyond_sharpening.wiring.tracking import failures_told, tried

SWEEP = "sweep"
"""The tag by which the same sweep is found again: the hash of its cells and their data folder."""


class ParentRun:
    """The run of a sweep: its grid as parameters, counts as metrics; the same sweep run again goes on with it."""

    def __init__(self, plan: Plan) -> None:
        self._client = MlflowClient()
        self._experiment = mlflow.set_experiment(plan.experiment).experiment_id
        cells = json.dumps([str(plan.data.resolve()), *sorted(task.name for task in plan.tasks)])
        identity = hashlib.sha256(cells.encode()).hexdigest()[:12]
        same = self._client.search_runs([self._experiment], f"tags.{SWEEP} = '{identity}'", max_results=1)
        self.run_id = same[0].info.run_id if same else self._create(identity, plan.options)
        self._client.update_run(self.run_id, status="RUNNING")
        self._client.set_tag(self.run_id, "env", plan.env or "local")
        self._client.set_tag(self.run_id, "commit", commit(plan.project))

    def environment(self, name: str) -> dict[str, str]:
        """The environment variables by which a task's run has this name and is nested under this one."""
        return {RUN_TAGS: json.dumps({MLFLOW_PARENT_RUN_ID: self.run_id, MLFLOW_RUN_NAME: name})}

    def count(self, counts: Mapping[str, int]) -> None:
        """Log how many tasks are in which state."""
        for name, number in counts.items():
            self._client.log_metric(self.run_id, name, number)

    def close(self, status: str) -> None:
        """End it, and what runs beneath it were killed before they could end themselves."""
        for run in tried(lambda: [*self._beneath(self.run_id)]) or []:
            if run.info.status == "RUNNING":
                self._client.set_terminated(run.info.run_id, "KILLED")
        self._client.set_terminated(self.run_id, status)

    def _create(self, identity: str, options: Sweep) -> str:
        run_id = self._client.create_run(self._experiment, run_name="sweep", tags={SWEEP: identity}).info.run_id
        axes: dict[str, Any] = {name: one.given() for name, one in options.objectives.items()}
        for item in dotlist({"models": options.models, "seeds": options.seeds, "objectives": list(axes), **axes}):
            name, _, value = item.partition("=")
            self._client.log_param(run_id, name, value)
        return run_id

    def _beneath(self, run_id: str) -> Iterator[Run]:
        for run in self._client.search_runs([self._experiment], f"tags.`{MLFLOW_PARENT_RUN_ID}` = '{run_id}'"):
            yield run
            yield from self._beneath(run.info.run_id)


@contextmanager
def parent_run(plan: Plan) -> Iterator[ParentRun]:
    """Open the sweep's run; an error, or an interruption, marks it failed. It is for the caller to close otherwise.

    MLflow's failures end nothing once it is open.
    """
    parent = ParentRun(plan)
    with failures_told():
        try:
            yield parent
        except BaseException:
            parent.close("FAILED")
            raise
