"""What surrounds every run: finished work is the work asked for, interruptions fail, runs are tagged."""

from __future__ import annotations

import logging
import signal
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from kedro.framework.hooks import hook_impl

from beyond_sharpening.errors import BadInput

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext
    from kedro.io import DataCatalog
    from kedro.pipeline import Pipeline

logger = logging.getLogger(__name__)

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class InterruptedRun(Exception):
    """A run that was told to stop. An ``Exception``, so that Kedro and MLflow mark the run as failed."""


class ExperimentHooks:
    """The hooks of the project, one object for all runs of a process."""

    def __init__(self) -> None:
        self._parameters: dict[str, Any] = {}
        self._project = Path()
        self._handlers: dict[int, Any] = {}

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Validate the parameters before anything else happens: loading them does."""
        self._parameters = context.params
        self._project = Path(context.project_path)

    @hook_impl(trylast=True)  # the MLflow run is open by then
    def before_pipeline_run(self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog) -> None:
        self._catch_signals()
        self._check_manifests(pipeline, catalog)
        self._tag(run_params)

    @hook_impl
    def after_dataset_saved(self, dataset_name: str) -> None:
        """Write the manifest of a result that has just been made."""
        from beyond_sharpening.manifests import GUARDED, manifest

        if stage := GUARDED.get(dataset_name):
            self._catalog.save(f"{stage}_manifest", manifest(self._parameters, stage, self._project))

    @hook_impl
    def after_pipeline_run(self) -> None:
        self._release_signals()

    @hook_impl
    def on_pipeline_error(self) -> None:
        self._release_signals()

    def _check_manifests(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        from beyond_sharpening.manifests import GUARDED, differences, identity

        self._catalog = catalog
        for stage in dict.fromkeys(GUARDED[name] for name in sorted(pipeline.datasets() & set(GUARDED))):
            name = f"{stage}_manifest"
            if not catalog.exists(name):
                continue
            found = catalog.load(name)["identity"]
            if faults := differences(found, identity(self._parameters, stage)):
                place = Path(getattr(catalog.get(name), "_filepath", name)).parent
                raise BadInput(
                    f"{place} holds results made with other parameters than asked for:\n  "
                    + "\n  ".join(faults)
                    + "\nAsk for those parameters, choose another train_seed or data folder "
                    "(--params=data=...), or remove that folder to make it anew."
                )

    def _tag(self, run_params: dict[str, Any]) -> None:
        import mlflow

        from beyond_sharpening.manifests import commit

        if mlflow.active_run() is None:
            return
        seeds = {name: value for name, value in self._parameters.items() if name.endswith("_seed")}
        tags = {"model": self._parameters["model"], "env": run_params.get("env") or "local", **seeds}
        mlflow.set_tags({**tags, "commit": commit(self._project), "runtime_params": run_params.get("runtime_params")})

    def _catch_signals(self) -> None:
        try:
            self._handlers = {number: signal.signal(number, _interrupt) for number in SIGNALS}
        except ValueError:  # only the main thread of a process may handle signals
            logger.debug("not in the main thread: signals are not handled")

    def _release_signals(self) -> None:
        while self._handlers:
            number, handler = self._handlers.popitem()
            signal.signal(number, handler)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise InterruptedRun(f"the run was stopped by {signal.Signals(number).name}; a rerun goes on where it can")
