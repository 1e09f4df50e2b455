"""The files that were named: what each holds at a glance, read with messages for people."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from beyond_sharpening.errors import BadInput

SUFFIXES = (".csv", ".tsv", ".jsonl", ".json", ".parquet", ".eval")


@dataclass(frozen=True)
class File:
    """One file of samples; reading it fails with a ``BadInput`` that names it.

    Attributes:
        path: where it is.
        policy: the policy that all its rows are of, where the command line says so (``NAME=PATH``).
        in_folder: whether the folder it lies in was named, not the file.
    """

    path: Path
    policy: str | None = None
    in_folder: bool = False

    @property
    def suffix(self) -> str:
        return self.path.suffix.lower()

    @cached_property
    def keys(self) -> frozenset[str]:
        """The names of its columns, of its first record's values, or of a JSON object's; of a zip its members."""
        if self.suffix == ".eval":
            return frozenset(self.members().namelist())
        if self.suffix == ".parquet":
            return frozenset(self._read(self._parquet_schema))
        if self.suffix in (".csv", ".tsv"):
            return frozenset(self.table().columns)
        if self.suffix == ".json" and isinstance(self.document, dict):
            return frozenset(self.document)
        return frozenset(next(self.records(), (0, {}))[1])

    @cached_property
    def document(self) -> Any:
        """The whole of a JSON file."""
        return self._read(lambda: json.loads(self.path.read_text("utf-8-sig")))

    def members(self) -> zipfile.ZipFile:
        """A zip, open for reading."""
        opened: zipfile.ZipFile = self._read(lambda: zipfile.ZipFile(self.path))
        return opened

    def records(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Every record of a JSONL or parquet file or a JSON list, with its number, from 1: a line's in JSONL."""
        for number, record in self._numbered():
            if not isinstance(record, dict):
                raise BadInput(f"{self.path}, row {number}: a JSON object with named values is needed, not {record!r}")
            yield number, record

    def _numbered(self) -> Iterator[tuple[int, Any]]:
        if self.suffix == ".parquet":
            yield from enumerate(self._read(self._parquet_records), 1)
            return
        if self.suffix == ".json":
            document = self.document if isinstance(self.document, list) else [self.document]
            yield from enumerate(document, 1)
            return
        for number, line in enumerate(self._read(lambda: self.path.read_text("utf-8-sig")).split("\n"), 1):
            if line.strip():
                try:
                    yield number, json.loads(line)
                except ValueError as error:
                    raise BadInput(
                        f"{self.path}, row {number}: this line is not JSON ({error}): each line is one JSON object; "
                        "was the file cut off?"
                    ) from error

    def table(self) -> pd.DataFrame:
        """A CSV or parquet file as it stands; every value of a CSV file is text, an empty one is ``""``."""
        if self.suffix == ".parquet":
            return self._read(lambda: pd.read_parquet(self.path))
        return self._read(lambda: pd.read_csv(self.path, **self._csv_options()))

    def _csv_options(self) -> dict[str, Any]:
        with self.path.open(encoding="utf-8-sig") as lines:
            header = lines.readline()
        separator = max(",;\t", key=header.count)
        return {"sep": separator, "dtype": str, "keep_default_na": False, "encoding": "utf-8-sig"}

    def _parquet_schema(self) -> list[str]:
        import pyarrow.parquet as pq

        return [str(name) for name in pq.read_schema(self.path).names]

    def _parquet_records(self) -> list[dict[str, Any]]:
        """With lists and dicts as such: pandas would make arrays of them."""
        import pyarrow.parquet as pq

        return pq.read_table(self.path).to_pylist()

    def _read(self, read: Callable[[], Any]) -> Any:
        try:
            return read()
        except UnicodeError as error:
            raise BadInput(f"{self.path} is not text in UTF-8 ({error}): save it as UTF-8") from error
        except (OSError, ValueError, zipfile.BadZipFile) as error:  # pyarrow's and pandas' own are ValueErrors
            told = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise BadInput(
                f"{self.path} cannot be read as {self.suffix[1:]} ({told}): was it cut off, or is its name wrong?"
            ) from error


def find_files(named: Sequence[str]) -> list[File]:
    """The files that ``[NAME=]FILE_OR_FOLDER`` name; folders with all that is in them, hidden files left out.

    Raises:
        BadInput: if a path is not there, or a folder has no file of a kind that may hold samples.
    """
    files: list[File] = []
    for text in named:
        name, path = _split(text)
        if path.is_file():
            files.append(File(path, name))
            continue
        if not path.is_dir():
            raise BadInput(f"{path} is not there: name a file or a folder with samples")
        inside = [inner for inner in sorted(path.rglob("*")) if _may_hold_samples(inner, path)]
        if not inside:
            raise BadInput(f"{path} has no file that could hold samples: {', '.join(SUFFIXES)} are read")
        files += [File(inner, name, in_folder=True) for inner in inside]
    return files


def _split(text: str) -> tuple[str | None, Path]:
    name, separator, rest = text.partition("=")
    whole = Path(text).expanduser()
    if not separator or whole.exists():
        return None, whole
    if not name or not rest:
        raise BadInput(f"{text!r}: write NAME=PATH, as base=runs/base.csv")
    return name, Path(rest).expanduser()


def _may_hold_samples(path: Path, root: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
    return path.is_file() and path.suffix.lower() in SUFFIXES and not hidden
