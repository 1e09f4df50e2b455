"""What a run is going to make, no other makes at the same time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from beyond_sharpening.locks import held
from beyond_sharpening.wiring.manifests import GUARDED

if TYPE_CHECKING:
    from kedro.io import CatalogProtocol
    from kedro.pipeline import Pipeline

LOCK = ".lock"


@contextmanager
def locked(
    pipeline: Pipeline, catalog: CatalogProtocol[Any, Any], outgrown: Sequence[Path] = (), *, anew: bool
) -> Iterator[None]:
    """Hold the folders of all that carries a manifest and is to be made.

    Args:
        pipeline: what runs.
        catalog: where its data sets lie.
        outgrown: files that are to be made anew.
        anew: make what is there too.

    Raises:
        InUse: if another run makes one of them.
    """
    with ExitStack() as locks:
        for folder in sorted(_to_make(pipeline, catalog, anew) | {file.parent for file in outgrown}):
            locks.enter_context(held(folder / LOCK, str(folder)))
        yield


def _to_make(pipeline: Pipeline, catalog: CatalogProtocol[Any, Any], anew: bool) -> set[Path]:
    folders = set()
    for node in pipeline.nodes:
        stages = {GUARDED[name] for name in node.outputs if name in GUARDED}
        if stages and (anew or not all(catalog.exists(name) for name in node.outputs)):
            folders |= {Path(catalog.get(f"{stage}_manifest")._filepath).parent for stage in stages}  # type: ignore
    return folders
