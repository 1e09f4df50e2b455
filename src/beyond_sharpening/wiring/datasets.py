"""Kedro datasets of our own: files and policies that are there whole or not at all, partitions that may be empty."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from kedro.io import AbstractDataset, DatasetError
from kedro_datasets.json import JSONDataset
from kedro_datasets.pandas import ParquetDataset
from kedro_datasets.partitions import PartitionedDataset
from kedro_datasets.text import TextDataset

from beyond_sharpening.errors import Damaged
from beyond_sharpening.models.policy import Policy, check_files
from beyond_sharpening.storage import written_whole


class _Whole:
    """Writes a file beside its place and renames it; a file that cannot be read is named, with the remedy."""

    _filepath: PurePosixPath
    _beside: PurePosixPath | None = None

    def load(self) -> Any:
        try:
            return super().load()  # type: ignore[misc]
        except Exception as error:
            if not Path(self._filepath).exists():
                raise
            raise Damaged(
                f"{self._filepath} cannot be read; it was cut short or changed ({_cause(error)}). Bring it back from a "
                "copy, or remove it, and the same command makes it anew"
            ) from error

    def save(self, data: Any) -> None:
        with written_whole(Path(self._filepath)) as beside:
            self._beside = PurePosixPath(beside)
            try:
                super().save(data)  # type: ignore[misc]
            finally:
                self._beside = None

    def _get_save_path(self) -> PurePosixPath:
        return self._beside or super()._get_save_path()  # type: ignore[misc]


def _cause(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    return f"{type(error).__name__}: {error}"[:200]


class Table(_Whole, ParquetDataset):
    """A parquet table that is there whole or not at all."""


TEXTS = ("completion", "tokens")
"""The columns of a samples table that grow with the length of completions."""


class _Verdicts(ParquetDataset):
    def load(self) -> Any:
        import pyarrow.parquet as pq

        there = pq.read_schema(self._filepath).names
        kept = [name for name in there if name not in TEXTS]
        return pq.read_table(self._filepath, columns=kept, read_dictionary=kept).to_pandas()


class Verdicts(_Whole, _Verdicts):
    """A samples table without its completions, other texts as categories: what statistics read, in little memory."""


class _Completions(ParquetDataset):
    def load(self) -> Any:
        import pyarrow.parquet as pq

        return _parts_of(pq.ParquetFile(self._filepath))


def _parts_of(file: Any) -> Iterator[np.ndarray]:
    there = [name for name in ("completion",) if name in file.schema_arrow.names]
    for part in file.iter_batches(columns=there):
        yield part.column(0).to_numpy(zero_copy_only=False) if there else np.full(part.num_rows, None)


class Completions(_Whole, _Completions):
    """The completions of a samples table in its rows' order, a part at a time, so that few of many may be picked."""


class Record(_Whole, JSONDataset):
    """A JSON file that is there whole or not at all."""


class Text(_Whole, TextDataset):
    """A text that is there whole or not at all."""


class PolicyDataset(AbstractDataset[Policy, Policy]):
    """A ``save_pretrained`` folder; loading it gives a handle and reads no weights.

    Saving takes the folder over: it is moved beside its place and then renamed into it, so that a policy is
    there whole or not at all. One with a file that is missing or cut short is named when it is loaded.

    Args:
        filepath: the folder.
        metadata: for plugins such as Kedro-Viz.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> Policy:
        if self._exists():  # what reads ahead of a run may ask where it is going to be
            check_files(self._filepath)
        return Policy(self._filepath)

    def save(self, data: Policy) -> None:
        if data.path == self._filepath:
            return
        if not data.path.is_dir():
            raise DatasetError(f"{data.path} is not a folder: there is no policy to save to {self._filepath}")
        with written_whole(self._filepath) as beside:
            shutil.move(data.path, beside)
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
