"""The last line of a run: what came out, where it lies, what to do next."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.framework.hooks import hook_impl

from beyond_sharpening.parameters import leaves
from beyond_sharpening.reporting.divergences import divergences
from beyond_sharpening.wiring.packaged import in_checkout

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext
    from kedro.io import DataCatalog

Load = Callable[[str], Any]


def _problems(load: Load) -> str:
    found = load("problems_report")
    tested = sum(found["benchmarks"].values())
    return f"{found['train']} problems to train on, {found['validation']} to validate on, {tested} to be tested on"


def _training(load: Load, objective: str) -> str:
    history = load(f"{objective}_history")
    measured = history["validation_accuracy"].dropna()
    kl = f"KL from the start model {history['kl'].iloc[-1]:.2f} nats"
    told = [f"{len(history)} steps"]
    if not measured.empty:
        told.append(f"validation {measured.iloc[0]:.1%} to {measured.iloc[-1]:.1%}")
    return "; ".join([*told, kl, *(f"diverged at step {step} ({what})" for step, what in divergences(history))])


def _samples(load: Load, policy: str) -> str:
    rows = load(f"{policy}_samples")
    plain = rows[(rows["decoder"] == "temperature") & (rows["replicate"] == 0) & (rows["checkpoint"] == "last")]
    right = plain.groupby("benchmark")["correct"].mean()
    return f"{len(rows)} samples; right: " + ", ".join(f"{name} {share:.1%}" for name, share in right.items())


def _theory(load: Load) -> str:
    claims = load("theory_checks")
    return f"{int(claims['holds'].sum())} of {len(claims)} claims hold"


def _validation(load: Load) -> str:
    shares = load("statistics_validated")
    return f"{int(shares['holds'].sum())} of {len(shares)} measured shares are what they should be"


def ending(pipeline: str, load: Load) -> tuple[str, str, str] | None:
    """What came out of a pipeline, the data set that shows where it lies, and the command to run next.

    None for a pipeline that says so itself (``report``, ``benchmark``), or of which nothing is known.
    """
    stage, _, policy = pipeline.partition("_")
    if pipeline == "prepare_data":
        return _problems(load), "train_problems", "kedro run --pipeline=prepare_base"
    if pipeline == "prepare_base":
        return "the start model is ready", "base_policy", "kedro run --pipeline=evaluate_base"
    if stage == "train":
        return _training(load, policy), f"{policy}_policy", f"kedro run --pipeline=evaluate_{policy}"
    if stage == "evaluate" and policy:
        return _samples(load, policy), f"{policy}_samples", "kedro run --pipeline=report"
    if pipeline == "evaluate":
        return _samples(load, "base"), "base_samples", "kedro run --pipeline=report"
    if pipeline == "theory":
        return _theory(load), "theory_checks", "kedro run --pipeline=report"
    if pipeline == "validate_statistics":
        return _validation(load), "statistics_validated", "kedro run --pipeline=report"
    if pipeline == "compare":
        return load("verdict")["headline"], "verdict", "kedro run --pipeline=report"
    return None


def with_options(command: str, run_params: Mapping[str, Any]) -> str:
    """The next command, of the same environment and parameters; outside a checkout the package's own."""
    given = {name: value for name, value in leaves(run_params.get("runtime_params") or {}) if name != "again"}
    told = [
        f"{name}={'+'.join(map(str, value)) if isinstance(value, list) else value}" for name, value in given.items()
    ]
    environment = run_params.get("env")
    options = [f"--env={environment}"] * bool(environment)
    options += [f"--params={shlex.quote(','.join(told))}"] * bool(told)
    return " ".join(
        [command if in_checkout() else command.replace("kedro", "python -m beyond_sharpening", 1), *options]
    )


class Endings:
    """Prints the ending of each pipeline that was run."""

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        self._project = Path(context.project_path)

    @hook_impl(trylast=True)
    def after_pipeline_run(self, run_params: dict[str, Any], catalog: DataCatalog) -> None:
        for pipeline in run_params.get("pipeline_names") or []:
            if (found := ending(pipeline, catalog.load)) is not None:
                result, dataset, following = found
                place, following = self._place(catalog, dataset), with_options(following, run_params)
                print(f"{pipeline}: {result}\nIt lies in {place}; next: {following}")

    def _place(self, catalog: DataCatalog, dataset: str) -> Path:
        place = Path(str(catalog.get(dataset)._filepath)).parent  # type: ignore[union-attr]
        return place.relative_to(self._project) if place.is_relative_to(self._project) else place
