"""Stages that are made anew (``--again=STAGE``): what they made counts as missing, and stays until it is replaced."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kedro.framework.hooks import hook_impl
from kedro.io import MemoryDataset

from beyond_sharpening.errors import BadInput
from beyond_sharpening.parameters import ForeignPolicy, Training
from beyond_sharpening.wiring.dry_run import stage_of, stages
from beyond_sharpening.wiring.manifests import GUARDED, is_stale
from beyond_sharpening.wiring.preflight import nodes_to_run

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext
    from kedro.io import DataCatalog
    from kedro.pipeline import Pipeline
    from kedro.pipeline.node import Node

logger = logging.getLogger(__name__)

EVERYTHING = "everything"
"""What ``--again`` means without a stage."""


class Again:
    """Has a run make the stages anew that its parameters name."""

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        self._parameters: dict[str, Any] = context.params

    @hook_impl(tryfirst=True)  # of all hooks: they ask what is there
    def before_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        self._nodes = nodes_anew(pipeline, self._parameters["again"])
        made = {name for node in self._nodes for name in node.outputs}
        if "train_problems" in made and is_stale("problems", catalog, self._parameters):
            for earlier in ("problems_kept", "pretrained_on"):  # which hold to what is no longer asked for
                catalog[earlier] = MemoryDataset({})
        count_as_missing(made, catalog)
        running = {*nodes_to_run(pipeline, catalog)}
        after = pipeline.from_nodes(*(node.name for node in self._nodes)).nodes if self._nodes else []
        if kept := stages([node for node in after if node not in running]):
            logger.warning(
                "kept, though made of what is now made anew: %s; --again=%s makes that anew too",
                *(", ".join(kept), "+".join([*self._parameters["again"], *kept])),
            )

    @hook_impl
    def before_node_run(self, node: Node) -> None:
        """Forget the parts that an evaluation was made of, at the last moment."""
        if node in self._nodes:
            from beyond_sharpening.evaluation.parts import forget

            for cell in _examined(node, self._parameters):
                forget(self._parameters["parts"], *cell)


def count_as_missing(names: Iterable[str], catalog: DataCatalog) -> None:
    """Have data sets of a catalog say that they are not there, though what they hold can be read."""
    for name in filter(catalog.__contains__, names):
        catalog.get(name).exists = lambda: False  # type: ignore[method-assign, union-attr]


def nodes_anew(pipeline: Pipeline, asked: Sequence[str]) -> list[Node]:
    """The nodes of the stages to make anew: ``train`` is all trainings, ``train_tilted`` one of them.

    Raises:
        BadInput: for a stage that the pipeline has not.
    """
    there = stages(pipeline.nodes)
    for name in asked:
        if name != EVERYTHING and not any(_is_of(stage, name) for stage in there):
            known = [*dict.fromkeys(stage.partition("_")[0] for stage in there)]
            raise BadInput(f"--again={name}: no stage of what is to run; those are: {', '.join(known)}")
    return [node for node in pipeline.nodes if any(_is_of(stage_of(node), name) for name in asked)]


def guarded_anew(pipeline: Pipeline, asked: Sequence[str]) -> set[str]:
    """The stages with a manifest that are made anew, as ``manifests.GUARDED`` names them."""
    made = {name for node in nodes_anew(pipeline, asked) for name in node.outputs}
    return {GUARDED[name] for name in made & {*GUARDED}}


def _is_of(stage: str, name: str) -> bool:
    return name == EVERYTHING or stage == name or stage.startswith(f"{name}_")


def _examined(node: Node, parameters: Mapping[str, Any]) -> list[tuple[str, str, int]]:
    """Policy, variant and seed of each cell that a node evaluates."""
    found: list[tuple[str, str, int]] = []
    for policy in (name.removesuffix("_samples") for name in node.outputs if name.endswith("_samples")):
        if policy == "foreign":
            foreign = {name: ForeignPolicy.model_validate(options) for name, options in parameters["policies"].items()}
            found += [(name, "default", seed) for name, one in foreign.items() for seed in range(len(one.paths))]
        elif policy == "base":
            found.append((policy, "default", 0))
        elif policy in parameters["train"]:
            variant = Training.model_validate(parameters["train"][policy]).naming()
            found.append((policy, variant, parameters["train_seed"]))
    return found
