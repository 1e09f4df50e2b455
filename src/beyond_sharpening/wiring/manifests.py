"""What is on disk is what was asked for: the manifests beside the data sets that carry one.

What a policy is tested on may change: benchmarks are then prepared anew, and samples put together anew from the parts
of their evaluation, of which only the missing ones are drawn.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from beyond_sharpening.cells.identity import differing, identity, is_growth
from beyond_sharpening.errors import BadInput
from beyond_sharpening.objectives import OBJECTIVES
from beyond_sharpening.parameters import POLICIES

if TYPE_CHECKING:
    from kedro.io import CatalogProtocol
    from kedro.pipeline import Pipeline

GUARDED = {
    "train_problems": "problems",
    "validation_problems": "problems",
    "benchmark_problems": "benchmarks",
    "base_policy": "base",
    "theory_checks": "theory",
    **{f"{objective}_policy": objective for objective in OBJECTIVES},
    **{f"{policy}_samples": f"{policy}_samples" for policy in POLICIES},
}
"""The data sets that carry a manifest, ``{stage}_manifest`` in the catalog, and the stage that makes each."""


def check_manifests(
    pipeline: Pipeline, catalog: CatalogProtocol[Any, Any], parameters: Mapping[str, Any], anew: Collection[str] = ()
) -> list[Path]:
    """Make sure that what the data sets of a pipeline hold on disk, if anything, was made with these parameters.

    Args:
        pipeline: what is to run.
        catalog: where its data sets lie.
        parameters: what is asked for.
        anew: stages whose results are replaced, whatever made them.

    Returns:
        The files that the pipeline has to make anew, since it asks for other benchmarks, decoders or samples than they
        hold.

    Raises:
        BadInput: if they differ in anything else; the message names the folder and what differs.
    """
    outgrown: list[str] = []
    stale: dict[str, list[str]] = {}
    datasets = pipeline.datasets()
    for stage in dict.fromkeys(GUARDED[name] for name in sorted(datasets & set(GUARDED))):
        if stage == "benchmarks" or stage in anew or not catalog.exists(name := f"{stage}_manifest"):
            continue
        faults = differing(catalog.load(name)["identity"], identity(parameters, stage))
        if faults and stage.endswith("_samples") and all(map(is_growth, faults)) and _any_parts(parameters):
            policy = stage.removesuffix("_samples")
            outgrown += (name.format(policy) for name in REGROWN[policy == "base"])
        elif faults:
            stale[stage] = faults
    if stale:
        place = file_of(catalog, f"{next(iter(stale))}_manifest").parent
        raise BadInput(
            f"{place} holds results made with other parameters than asked for:\n  "
            + "\n  ".join(next(iter(stale.values())))
            + "\nAsk for those parameters, choose another train_seed or data folder (--params=data=...), or make it "
            f"anew in its place, with what was made of it: --again={_stages_from(stale)}. What of a training is asked "
            "for by --params gives it a folder of its own."
        )
    if "benchmark_problems" in datasets and catalog.exists("benchmark_problems"):
        told = catalog.exists("benchmarks_manifest")
        found = catalog.load("benchmarks_manifest")["identity"] if told else {}
        if differing(found, identity(parameters, "benchmarks")):
            outgrown.append("benchmark_problems")
    made = [file_of(catalog, name) for name in outgrown if name in pipeline.all_outputs()]
    return [file for file in made if file.is_file()]


def is_stale(stage: str, catalog: CatalogProtocol[Any, Any], parameters: Mapping[str, Any]) -> bool:
    """Whether what a stage made, if it is there, was made with other parameters."""
    name = f"{stage}_manifest"
    return catalog.exists(name) and bool(differing(catalog.load(name)["identity"], identity(parameters, stage)))


ORDER = ("prepare", "train", "evaluate")
"""The stages in order, as ``--again`` names them: what one of them made, the later ones depend on."""


def _stages_from(stale: Collection[str]) -> str:
    """What ``--again`` is to be told to make anew what stages with a manifest made, and what depends on it."""
    if {*stale} == {"theory"}:
        return "theory"
    stages = [_named(stage) for stage in stale if stage != "theory"]
    return "+".join(ORDER[min(map(ORDER.index, stages)) :])


def _named(stage: str) -> str:
    if stage in ("problems", "base"):
        return "prepare"
    return "evaluate" if stage.endswith("_samples") else "train"


REGROWN = {True: ("{}_samples", "base_completions", "sharpening_prediction"), False: ("{}_samples", "{}_base_scores")}
"""What is made of an evaluation: of the base, and of any other policy."""


def _any_parts(parameters: Mapping[str, Any]) -> bool:
    """Whether parts of evaluations were kept, so that nothing is lost with the tables made of them."""
    return any(Path(parameters["parts"]).glob("*.parquet"))


def file_of(catalog: CatalogProtocol[Any, Any], name: str) -> Path:
    """Where a data set lies."""
    return Path(str(getattr(catalog.get(name), "_filepath", name)))
