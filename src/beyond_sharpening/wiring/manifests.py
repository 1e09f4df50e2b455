"""What is on disk is what was asked for: the manifests beside the data sets that carry one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from beyond_sharpening.cells.identity import differing, identity
from beyond_sharpening.errors import BadInput
from beyond_sharpening.objectives import OBJECTIVES
from beyond_sharpening.parameters import POLICIES

if TYPE_CHECKING:
    from kedro.io import CatalogProtocol

GUARDED = {
    "train_problems": "problems",
    "validation_problems": "problems",
    "benchmark_problems": "problems",
    "base_policy": "base",
    "theory_checks": "theory",
    **{f"{objective}_policy": objective for objective in OBJECTIVES},
    **{f"{policy}_samples": f"{policy}_samples" for policy in POLICIES},
}
"""The data sets that carry a manifest, ``{stage}_manifest`` in the catalog, and the stage that makes each."""


def check_manifests(
    datasets: Collection[str], catalog: CatalogProtocol[Any, Any], parameters: Mapping[str, Any]
) -> None:
    """Make sure that what these data sets hold on disk, if anything, was made with these parameters.

    Raises:
        BadInput: if not; the message names the folder and what differs.
    """
    for stage in dict.fromkeys(GUARDED[name] for name in sorted(set(datasets) & set(GUARDED))):
        name = f"{stage}_manifest"
        if not catalog.exists(name):
            continue
        if faults := differing(catalog.load(name)["identity"], identity(parameters, stage)):
            place = Path(getattr(catalog.get(name), "_filepath", name)).parent
            raise BadInput(
                f"{place} holds results made with other parameters than asked for:\n  "
                + "\n  ".join(faults)
                + "\nAsk for those parameters, choose another train_seed or data folder (--params=data=...), or remove "
                "that folder to make it anew. What of a training is asked for by --params gives it a folder of its own."
            )
