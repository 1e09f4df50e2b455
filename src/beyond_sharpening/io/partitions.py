"""Partitions that may be none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kedro_datasets.partitions import PartitionedDataset


class OptionalPartitions(PartitionedDataset):
    """A ``PartitionedDataset`` that loads as an empty mapping where there is no partition, instead of failing."""

    def load(self) -> dict[str, Callable[[], Any]]:
        return super().load() if self.exists() else {}
