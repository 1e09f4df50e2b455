"""What surrounds every run: results are those asked for and say what made them; interruptions fail; runs are tagged."""

from __future__ import annotations

import atexit
import json
import logging
import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.framework.hooks import hook_impl

from beyond_sharpening import interruption
from beyond_sharpening.cells.identity import commit, manifest
from beyond_sharpening.cells.place import unfinished
from beyond_sharpening.objectives import OBJECTIVES
from beyond_sharpening.parameters import Hardware
from beyond_sharpening.storage import remove
from beyond_sharpening.wiring.again import count_as_missing, guarded_anew
from beyond_sharpening.wiring.artifacts import settle_artifacts
from beyond_sharpening.wiring.locking import locked
from beyond_sharpening.wiring.machine import check_data_folder, check_machine
from beyond_sharpening.wiring.manifests import GUARDED, check_manifests, file_of

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext
    from kedro.io import DataCatalog
    from kedro.pipeline import Pipeline
    from kedro.pipeline.node import Node

logger = logging.getLogger(__name__)

ALLOCATOR = {"PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF"}
"""Environment variables of torch's allocator of GPU memory. Unless they say otherwise its segments grow: rollouts and
batches of all lengths would leave holes in segments of fixed size, which nothing later fits into."""

RUN_TAGS = "BEYOND_SHARPENING_RUN_TAGS"
"""Environment variable with further tags of the MLflow run, as JSON: a sweep names and nests its runs by them."""


PATIENCE = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "20", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"}
"""MLflow's own have a run wait some eight minutes a call for a server that is gone; the environment overrides these."""


class Provenance:
    """Checks what is on disk and the machine before a run, and writes a manifest beside each result as it is made."""

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Validate the parameters before anything else happens: loading them does."""
        self._parameters: dict[str, Any] = context.params
        self._project = Path(context.project_path)
        hardware = Hardware.model_validate(self._parameters["hardware"])
        # vLLM has a pool of its own, which refuses such segments.
        if hardware.device == "cuda" and hardware.vllm is None and not ALLOCATOR & {*os.environ}:
            os.environ["PYTORCH_ALLOC_CONF"] = "expandable_segments:True"

    @hook_impl
    def before_node_run(self, node: Node) -> None:
        """Say which node begins; bound the threads of torch, which reads them when it is first imported."""
        logger.info("%s", node.name)
        threads = self._parameters["hardware"]["threads"]
        if threads is not None:
            os.environ["OMP_NUM_THREADS"] = str(threads)
            if torch := sys.modules.get("torch"):
                torch.set_num_threads(threads)

    def __init__(self) -> None:
        self._locks = ExitStack()
        atexit.register(self._locks.close)  # a run that is refused by a later hook has no other end

    @hook_impl(tryfirst=True)  # a run that is refused leaves no trace in MLflow
    def before_pipeline_run(self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog) -> None:
        self._catalog = catalog
        if not self._parameters["dry_run"]:  # a plan can be made anywhere
            check_machine(Hardware.model_validate(self._parameters["hardware"]))
            check_data_folder(self._project / self._parameters["data"])
        replaced = guarded_anew(pipeline, self._parameters["again"])
        outgrown = check_manifests(pipeline, catalog, self._parameters, replaced)
        if self._parameters["dry_run"]:
            grown = [name for name in pipeline.all_outputs() if file_of(catalog, name) in outgrown]
            count_as_missing(grown, catalog)
        else:
            anew = not run_params.get("only_missing_outputs")
            self._locks.enter_context(locked(pipeline, catalog, outgrown, anew=anew))
            for file in outgrown:  # to be made of the parts that are kept, and of what is new
                logger.info("%s is made anew: something else is tested than it holds", file)
                file.unlink()

    @hook_impl
    def after_pipeline_run(self) -> None:
        self._locks.close()

    @hook_impl
    def on_pipeline_error(self) -> None:
        self._locks.close()

    @hook_impl
    def before_dataset_saved(self, dataset_name: str) -> None:
        """The manifest first: a result is never there without what made it, even if the run is killed here."""
        if stage := GUARDED.get(dataset_name):
            self._catalog.save(f"{stage}_manifest", manifest(self._parameters, stage, self._project))

    @hook_impl
    def after_dataset_saved(self, dataset_name: str) -> None:
        """The last policy is kept last: from then on its training has nothing to resume from."""
        objective = dataset_name.removesuffix("_policy")
        if objective in OBJECTIVES:
            asked = self._parameters
            remove(unfinished(asked["train"][objective], asked["task"], asked["train_seed"], asked["workspace"]))


class Tracking:
    """Tags the MLflow run; a signal fails it, where MLflow would call it finished; MLflow's failures end nothing."""

    def __init__(self) -> None:
        self._signals = ExitStack()

    @hook_impl(tryfirst=True)  # before kedro-mlflow opens the store
    def after_context_created(self, context: KedroContext) -> None:
        from beyond_sharpening.wiring.tracking import make_store

        for name, value in PATIENCE.items():
            os.environ.setdefault(name, value)
        configured = context.config_loader["mlflow"]
        if uri := configured.get("server", {}).get("mlflow_tracking_uri"):
            make_store(uri)
            settle_artifacts(
                configured["server"],
                configured.get("tracking", {}).get("experiment", {}),
                Path(context.project_path),
            )
        self._tags = {
            "model": context.params["model"],
            "domain": context.params["domain"],
            "env": context.env or "local",
            "commit": commit(Path(context.project_path)),
            **{name: value for name, value in context.params.items() if name.endswith("_seed")},
        }

    @hook_impl(trylast=True)  # the MLflow run is open by then
    def before_pipeline_run(self, run_params: dict[str, Any]) -> None:
        import mlflow

        from beyond_sharpening.wiring.tracking import failures_told, own_and_close_abandoned

        if mlflow.active_run() is not None:
            mlflow.set_tags({**self._tags, "runtime_params": run_params.get("runtime_params")})
            mlflow.set_tags(json.loads(os.environ.get(RUN_TAGS, "{}")))
            own_and_close_abandoned()
            self._signals.enter_context(failures_told())
        self._signals.enter_context(interruption.handled())

    @hook_impl(trylast=True)  # the MLflow run is closed by then
    def after_pipeline_run(self) -> None:
        self._signals.close()

    @hook_impl(trylast=True)
    def on_pipeline_error(self) -> None:
        self._signals.close()
