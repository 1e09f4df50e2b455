"""Before a run: what cannot go well is refused; its plan is told where only that is asked for (``dry_run=true``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.framework.hooks import hook_impl
from kedro.io import DatasetError

from beyond_sharpening.errors import BadInput, DryRun
from beyond_sharpening.models.memory import Memory, evaluation_memory, shortage, training_memory
from beyond_sharpening.models.rates import looked_up
from beyond_sharpening.models.shape import Shape, check_targets, linear_layers
from beyond_sharpening.objectives import OBJECTIVES
from beyond_sharpening.parameters import Hardware, HubBase, Parameters, Training
from beyond_sharpening.parameters.sweep import cells
from beyond_sharpening.wiring import cost, dry_run
from beyond_sharpening.wiring.machine import check_machine, forgotten_gpu
from beyond_sharpening.wiring.manifests import file_of
from beyond_sharpening.wiring.to_draw import draws

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext
    from kedro.io import CatalogProtocol, DataCatalog
    from kedro.pipeline import Node, Pipeline
    from transformers import PretrainedConfig

UNKNOWN = "Memory: not known before the model is loaded; base.config gives its shape beforehand"
EVALUATING = {"prepare_base", "evaluate", "judge"}  # the stages that decode outside a training


class Planning:
    """Says what a run would do and need; refuses one whose GPU is too small, or was forgotten."""

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        self._parameters: dict[str, Any] = context.params

    @hook_impl(tryfirst=True)  # a run that is refused, or only planned, leaves no trace in MLflow
    def before_pipeline_run(self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog) -> None:
        parameters = Parameters.model_validate(self._parameters)
        left = nodes_to_run(pipeline, catalog) if run_params["only_missing_outputs"] else pipeline.nodes
        remaining = dry_run.stages(left)
        check_beginning(pipeline, catalog)
        if "judge" in remaining:
            check_policies(parameters)
        if "score" in remaining:
            check_scoring(parameters)
        objectives = [name for name in OBJECTIVES if f"train_{name}" in remaining]
        evaluates, scores = not EVALUATING.isdisjoint(remaining), "score" in remaining
        self._trained = {name: parameters.train[name] for name in objectives}
        config = find_config(parameters, catalog) if objectives or evaluates or scores else None
        if config is not None and not scores:
            check_model(config, parameters, self._trained)
        if self._trained and (problems := _count(catalog, "train_problems")) is not None:
            check_problems(problems, self._trained)
        self._phases = (objectives, evaluates or scores)
        makes_base = "prepare_base" in remaining and not catalog.exists("base_policy")
        if not parameters.dry_run and parameters.hardware.device != "cpu" and parameters.hardware.memory_gib is None:
            return
        shape = None if config is None else Shape.of(config)
        memory = estimate(shape, parameters, *self._phases) if shape else []
        drawn = draws(left, catalog, parameters) if parameters.dry_run else []
        written = cost.disk(parameters, shape, objectives, makes_base, drawn)
        if parameters.dry_run:
            counts = {name: _count(catalog, name) for name in ("train_problems", "benchmark_problems")}
            limit = parameters.hardware.memory_gib
            blocks = [
                dry_run.heading(parameters, shape),
                dry_run.progress(dry_run.stages(pipeline.nodes), remaining),
                dry_run.cells(parameters, objectives, counts["train_problems"]),
                dry_run.evaluation(parameters, remaining, counts["benchmark_problems"], drawn),
                _cost(
                    parameters,
                    config,
                    shape,
                    cost.work(parameters, objectives, counts["train_problems"], drawn),
                    written,
                ),
                UNKNOWN if shape is None and (objectives or evaluates) else dry_run.table(memory, limit),
            ]
            print("\n\n".join(block for block in blocks if block), end="\n\n")
        small = cost.too_small(written, Path(parameters.project, parameters.data))
        if parameters.dry_run and small:  # no fault of a plan, which is made on another machine
            print(f"Here the run would be refused: {small}\n")
        refuse([*shortages(memory, parameters.hardware, shape), *([small] if small and not parameters.dry_run else [])])
        if parameters.dry_run:
            raise DryRun

    @hook_impl
    def after_node_run(self, outputs: dict[str, Any]) -> None:
        """Check the parameters against what is known only now, before it is kept."""
        if "train_problems" in outputs:
            check_problems(len(outputs["train_problems"]), self._trained)
        if "base_policy" in outputs:
            config, parameters = outputs["base_policy"].config(), Parameters.model_validate(self._parameters)
            check_model(config, parameters, self._trained)
            shape = Shape.of(config)
            refuse(shortages(estimate(shape, parameters, *self._phases), parameters.hardware, shape))


def check_beginning(pipeline: Pipeline, catalog: DataCatalog) -> None:
    """Raise a BadInput for a run that begins in the middle, where what it begins with has not been made."""
    from beyond_sharpening.wiring.datasets import OptionalPartitions

    for name in sorted(pipeline.inputs()):
        if name.startswith("param") or isinstance(catalog.get(name), OptionalPartitions) or catalog.exists(name):
            continue
        raise BadInput(
            f"the run begins with {name}, which is not there ({file_of(catalog, name)}): let it begin earlier; without "
            "--from-nodes, --nodes or the like, a run makes what is missing and skips the rest"
        )


def _cost(
    parameters: Parameters,
    config: PretrainedConfig | None,
    shape: Shape | None,
    rows: Sequence[cost.Work],
    written: cost.Disk,
) -> str:
    """Tokens, hours and disk of a plan."""
    rates = None
    if parameters.dry_run == "probe":
        if config is None:
            raise BadInput("dry_run=probe: the model's shape is not known before it is loaded; base.config gives it")
        from beyond_sharpening.speed.probe import probe

        check_machine(parameters.hardware)
        rates = probe(config, parameters.task, parameters.hardware)
    elif shape is not None:
        rates = looked_up(shape.parameters, parameters.hardware.device)
    grid = list(cells(parameters.sweep))
    return cost.told(cost.together(rows), rates, written, len(grid) // len(parameters.sweep.models))


def check_policies(parameters: Parameters) -> None:
    """Raise a BadInput if there is none to judge, or one whose folder is not there."""
    if not parameters.policies:
        raise BadInput("policies: there is none to judge; name one, --params=policies.my_grpo.path=FOLDER_OR_HUB_ID")
    _check_there(parameters)


def check_scoring(parameters: Parameters) -> None:
    """Raise a BadInput if there are no samples to score, or no model of somebody else's to score them with."""
    if not parameters.score.files:
        raise BadInput(
            "score.files: there are no samples to score; name files or folders, --params=score.files=FILE+FILE"
        )
    if not isinstance(parameters.base, HubBase):
        raise BadInput(
            f"model = {parameters.model!r} is made here, and nobody else drew samples from it: name the model that "
            "they were trained from, --params=model=any_model,base.path=FOLDER_OR_HUB_ID"
        )
    _check_there(parameters)


def _check_there(parameters: Parameters) -> None:
    from beyond_sharpening.models.foreign import check_there

    for name, options in parameters.policies.items():
        for path in options.paths:
            check_there(name, path)


def check_problems(problems: int, trained: Mapping[str, Training]) -> None:
    """Raise a BadInput for a training whose step wants more problems than there are."""
    for name, options in trained.items():
        if options.prompts_per_step > problems:
            raise BadInput(
                f"train.{name}.prompts_per_step = {options.prompts_per_step} is more than the {problems} training "
                "problems that are left of problems.train; lower it (training.prompts_per_step is that of every "
                "objective), or take a larger source"
            )


def check_model(config: PretrainedConfig, parameters: Parameters, trained: Mapping[str, Training]) -> None:
    """Raise a BadInput if the start model has no layers of the names that adapters ask for, or too short a context."""
    from beyond_sharpening.models.start_model import check_context

    check_context(config, parameters.task, getattr(parameters.base, "path", parameters.model))
    adapted = {name: options.lora for name, options in trained.items() if options.lora is not None}
    for name, lora in adapted.items():
        if lora.targets == "all-linear":
            continue
        check_targets(lora, config, f"train.{name}.lora.targets")
        layers = linear_layers(config)
        if unknown := [target for target in lora.targets if target not in layers]:
            raise BadInput(
                f"train.{name}.lora.targets: {unknown[0]!r} is not a linear layer of the start model; it has: "
                f"{', '.join(layers)} (training.lora.targets is that of every objective)"
            )


def nodes_to_run(pipeline: Pipeline, catalog: DataCatalog) -> list[Node]:
    """The nodes that a run of what is missing would run, in order: Kedro's ``only_missing_outputs``, worked out ahead.

    Those without outputs, those with an output that is not there, and those that make what another of them reads.
    """
    running: list[Node] = []
    for node in reversed(pipeline.nodes):
        read = {name for other in running for name in other.inputs}
        if not node.outputs or any(_is_to_make(name, catalog, read=name in read) for name in node.outputs):
            running.append(node)
    return running[::-1]


def _is_to_make(name: str, catalog: DataCatalog, *, read: bool) -> bool:
    if name not in catalog or getattr(catalog.get(name), "_EPHEMERAL", False):
        return read
    try:
        return not catalog.exists(name)
    except DatasetError:  # metrics of an MLflow run that has not begun
        return True


def find_config(parameters: Parameters, catalog: CatalogProtocol[Any, Any]) -> PretrainedConfig | None:
    """The start model's configuration: from where it is kept, or from its parameters; None where only the hub knows."""
    import torch

    from beyond_sharpening.models.start_model import architecture

    base, kept = parameters.base, catalog.load("base_policy")
    if (kept.path / "config.json").is_file():
        return kept.config()
    if isinstance(base, HubBase):
        return architecture(base) if base.config is not None or Path(base.path).is_dir() else None

    from beyond_sharpening.models.tiny import build_model, build_tokenizer

    with torch.device("meta"):
        return build_model(build_tokenizer(), base, parameters.base_seed).config


def estimate(shape: Shape, parameters: Parameters, objectives: Sequence[str], evaluates: bool) -> list[Memory]:
    """The memory of each phase; objectives differ in nothing that it depends on, unless their batches do."""
    task, hardware = parameters.task, parameters.hardware
    trainings = {
        (options.prompts_per_step, options.completions_per_prompt, str(options.lora)): options
        for options in (parameters.train[name] for name in objectives)
    }
    phases = [memory for options in trainings.values() for memory in training_memory(shape, task, options, hardware)]
    return [*phases, evaluation_memory(shape, task, hardware)] if evaluates else phases


def shortages(memory: Sequence[Memory], hardware: Hardware, shape: Shape | None) -> list[str]:
    """What of it does not fit into the memory that the profile states, or was not meant for a processor, and why."""
    limit = hardware.memory_gib
    if limit is not None:
        return [told for one in memory if (told := shortage(one, limit))]
    told = forgotten_gpu(shape, memory) if shape and hardware.device == "cpu" else None
    return [told] if told else []


def refuse(faults: Sequence[str]) -> None:
    """Refuse to run what does not fit."""
    if faults:
        raise BadInput("this cannot fit, nothing was run:\n  " + "\n  ".join(faults))


def _count(catalog: DataCatalog, name: str) -> int | None:
    return len(catalog.load(name)) if catalog.exists(name) else None
