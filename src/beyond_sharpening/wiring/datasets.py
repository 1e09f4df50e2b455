"""Kedro datasets of our own: files and policies that are there whole or not at all, partitions that may be empty."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

import pandas as pd
from kedro.io import AbstractDataset, DatasetError
from kedro_datasets.json import JSONDataset
from kedro_datasets.pandas import ParquetDataset
from kedro_datasets.partitions import PartitionedDataset
from kedro_datasets.text import TextDataset

from beyond_sharpening.errors import Damaged
from beyond_sharpening.models.policy import Policy, check_files
from beyond_sharpening.storage import ROWS_OF_A_GROUP, written_whole


@contextmanager
def _damage_told(file: PurePosixPath) -> Iterator[None]:
    """What goes wrong while a file is read is told as its damage, with the remedy; a file that is not there is not."""
    try:
        yield
    except Exception as error:
        if not Path(file).exists():
            raise
        raise Damaged(
            f"{file} cannot be read; it was cut short or changed ({_cause(error)}). Bring it back from a "
            "copy, or remove it, and the same command makes it anew"
        ) from error


class _Whole:
    """Writes a file beside its place and renames it; a file that cannot be read is named, with the remedy."""

    _filepath: PurePosixPath
    _beside: PurePosixPath | None = None

    def load(self) -> Any:
        with _damage_told(self._filepath):
            return super().load()  # type: ignore[misc]

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


class _InGroups(ParquetDataset):
    DEFAULT_SAVE_ARGS: ClassVar[dict[str, Any]] = {"row_group_size": ROWS_OF_A_GROUP}

    def save(self, data: Any) -> None:
        if isinstance(data, pd.DataFrame):
            super().save(data)
        else:  # it lies in parts, and writes itself
            data.write(Path(self._get_save_path()))


class Table(_Whole, _InGroups):
    """A parquet table that is there whole or not at all, in groups of rows of which each can be read by itself.

    What is saved is a frame, or a table that is too large to be one and writes itself (``evaluation.Gathered``).
    """


TEXTS = ("completion", "tokens")
"""The columns of a samples table that grow with the length of completions."""


class _Verdicts(_InGroups):
    def load(self) -> Any:
        import pyarrow.parquet as pq

        there = pq.read_schema(self._filepath).names
        kept = [name for name in there if name not in TEXTS]
        return pq.read_table(self._filepath, columns=kept, read_dictionary=kept).to_pandas()


class Verdicts(_Whole, _Verdicts):
    """A samples table without its completions, other texts as categories: what statistics read, in little memory."""


class FileParts:
    """A parquet file that is read a bounded number of rows at a time; texts that repeat are categories."""

    def __init__(self, file: PurePosixPath) -> None:
        import pyarrow.parquet as pq

        self._file, self._metadata = file, pq.read_metadata(file)
        self.columns: list[str] = self._metadata.schema.to_arrow_schema().names
        self.sizes = [self._metadata.row_group(group).num_rows for group in range(self._metadata.num_row_groups)]

    def read(self, columns: Sequence[str], group: int) -> Iterator[pd.DataFrame]:
        import pyarrow.parquet as pq

        repeat = [name for name in columns if name not in TEXTS]
        options = {"read_dictionary": repeat, "metadata": self._metadata, "buffer_size": 1 << 20}
        with _damage_told(self._file), pq.ParquetFile(self._file, **options) as table:
            for batch in table.iter_batches(row_groups=[group], columns=list(columns)):
                yield batch.to_pandas().reset_index(drop=True)


class _InParts(ParquetDataset):
    def load(self) -> FileParts:
        return FileParts(self._filepath)


class InParts(_Whole, _InParts):
    """A parquet table that stays where it is: loading it gives a handle, of which a part at a time is read."""


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
