"""What surrounds every run: results are those asked for and say what made them; interruptions fail; runs are tagged."""

from __future__ import annotations

import logging
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.framework.hooks import hook_impl

from beyond_sharpening import interruption
from beyond_sharpening.errors import BadInput
from beyond_sharpening.manifests import commit

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext
    from kedro.io import DataCatalog
    from kedro.pipeline import Pipeline

logger = logging.getLogger(__name__)

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Provenance:
    """Checks what is on disk and the machine before a run, and writes a manifest beside each result as it is made."""

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Validate the parameters before anything else happens: loading them does."""
        self._parameters: dict[str, Any] = context.params
        self._project = Path(context.project_path)

    @hook_impl
    def before_node_run(self) -> None:
        """Bound the threads of torch, which reads them when it is first imported."""
        threads = self._parameters["hardware"]["threads"]
        if threads is not None:
            os.environ["OMP_NUM_THREADS"] = str(threads)
            if torch := sys.modules.get("torch"):
                torch.set_num_threads(threads)

    @hook_impl(tryfirst=True)  # a run that is refused leaves no trace in MLflow
    def before_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        self._catalog = catalog
        self._check_device()
        self._check_manifests(pipeline)

    @hook_impl
    def after_dataset_saved(self, dataset_name: str) -> None:
        from beyond_sharpening.manifests import GUARDED, manifest

        if stage := GUARDED.get(dataset_name):
            self._catalog.save(f"{stage}_manifest", manifest(self._parameters, stage, self._project))

    def _check_device(self) -> None:
        device = self._parameters["hardware"]["device"]
        if device == "cpu" or self._parameters["dry_run"]:  # a plan can be made anywhere
            return
        import torch

        backends = {"cuda": torch.cuda, "mps": torch.backends.mps}
        if not backends[device].is_available():
            raise BadInput(
                f"hardware.device = {device!r}, but torch {torch.__version__} finds no such device here; "
                "run where there is one, or without --env=gpu"
            )

    def _check_manifests(self, pipeline: Pipeline) -> None:
        from beyond_sharpening.manifests import GUARDED, differences, identity

        for stage in dict.fromkeys(GUARDED[name] for name in sorted(pipeline.datasets() & set(GUARDED))):
            name = f"{stage}_manifest"
            if not self._catalog.exists(name):
                continue
            found = self._catalog.load(name)["identity"]
            if faults := differences(found, identity(self._parameters, stage)):
                place = Path(getattr(self._catalog.get(name), "_filepath", name)).parent
                raise BadInput(
                    f"{place} holds results made with other parameters than asked for:\n  "
                    + "\n  ".join(faults)
                    + "\nAsk for those parameters, choose another train_seed or data folder "
                    "(--params=data=...), or remove that folder to make it anew."
                )


class Tracking:
    """Tags the MLflow run, and lets a signal fail it: MLflow would call it finished, or leave it running."""

    def __init__(self) -> None:
        self._handlers: dict[int, Any] = {}

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        self._tags = {
            "model": context.params["model"],
            "env": context.env or "local",
            "commit": commit(Path(context.project_path)),
            **{name: value for name, value in context.params.items() if name.endswith("_seed")},
        }

    @hook_impl(trylast=True)  # the MLflow run is open by then
    def before_pipeline_run(self, run_params: dict[str, Any]) -> None:
        import mlflow

        if mlflow.active_run() is not None:
            mlflow.set_tags({**self._tags, "runtime_params": run_params.get("runtime_params")})
        interruption.reset()
        try:
            self._handlers = {number: signal.signal(number, interruption.interrupt) for number in SIGNALS}
        except ValueError:  # only the main thread of a process may handle signals
            logger.debug("not in the main thread: signals are not handled")

    @hook_impl
    def after_pipeline_run(self) -> None:
        self._release_signals()

    @hook_impl
    def on_pipeline_error(self) -> None:
        self._release_signals()

    def _release_signals(self) -> None:
        while self._handlers:
            number, handler = self._handlers.popitem()
            signal.signal(number, handler)
