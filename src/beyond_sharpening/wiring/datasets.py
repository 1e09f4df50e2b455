"""Kedro datasets of our own: a policy folder, and partitions that may be none."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset, DatasetError
from kedro_datasets.partitions import PartitionedDataset

from beyond_sharpening.models.policy import Policy


class PolicyDataset(AbstractDataset[Policy, Policy]):
    """A ``save_pretrained`` folder; loading it gives a handle and reads no weights.

    Saving takes the folder over: it is moved beside its place and then renamed into it, so that a policy is
    there whole or not at all.

    Args:
        filepath: the folder.
        metadata: for plugins such as Kedro-Viz.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> Policy:
        return Policy(self._filepath)

    def save(self, data: Policy) -> None:
        if data.path == self._filepath:
            return
        if not data.path.is_dir():
            raise DatasetError(f"{data.path} is no folder: there is no policy to save to {self._filepath}")
        incoming = self._filepath.with_name(f".{self._filepath.name}.incoming")
        shutil.rmtree(incoming, ignore_errors=True)
        incoming.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(data.path, incoming)
        shutil.rmtree(self._filepath, ignore_errors=True)
        incoming.rename(self._filepath)
        with suppress(OSError):  # the workspace it came from, once nothing is left in it
            data.path.parent.rmdir()

    def _exists(self) -> bool:
        return (self._filepath / "config.json").is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}


class OptionalPartitions(PartitionedDataset):
    """A ``PartitionedDataset`` that loads as an empty mapping where there is no partition, instead of failing."""

    def load(self) -> dict[str, Callable[[], Any]]:
        return super().load() if self.exists() else {}
