"""Tables of an evaluation that lie in its parts, of which one at a time is in memory, however many there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from beyond_sharpening.evaluation.parts import Part
from beyond_sharpening.storage import ROWS_OF_A_GROUP

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Gathered:
    """The rows of parts, one part below the other.

    Attributes:
        parts: in the order of the table's rows; all have been made.
        folder: where they are kept.
        columns: of the table.
    """

    parts: Sequence[Part]
    folder: Path
    columns: Sequence[str]

    def __iter__(self) -> Iterator[pd.DataFrame]:
        return (part.read(self.folder, [*self.columns]) for part in self.parts)

    def without(self, column: str) -> Gathered:
        """The same without a column."""
        return replace(self, columns=[name for name in self.columns if name != column])

    def of_decoder(self, decoder: str, columns: Sequence[str]) -> Gathered:
        """These columns of what one decoder drew."""
        return replace(self, parts=[part for part in self.parts if part.name == decoder], columns=columns)

    def frame(self) -> pd.DataFrame:
        """The whole table in memory."""
        return pd.concat(self, ignore_index=True)[[*self.columns]]

    def write(self, file: Path) -> None:
        """Write the table as parquet, a group of rows at a time.

        Raises:
            Damaged: if a part was cut short or changed; the message names it.
        """
        import pyarrow.parquet as pq

        with pq.ParquetWriter(file, schema := self._schema()) as writer:
            for group in self._groups(schema):
                writer.write_table(group)

    def _groups(self, schema: pa.Schema) -> Iterator[pa.Table]:
        import pyarrow as pa

        held = schema.empty_table()  # parts are smaller than a group
        for part in self.parts:
            rows = part.table(self.folder, schema.names).select(schema.names)
            held = pa.concat_tables([held, rows.replace_schema_metadata().cast(schema)])
            while len(held) >= ROWS_OF_A_GROUP:
                yield held[:ROWS_OF_A_GROUP]
                held = held[ROWS_OF_A_GROUP:]
        yield held

    def _schema(self) -> pa.Schema:
        """The types of all parts together: in one of them a column may be null throughout."""
        import pyarrow as pa

        types = {part.schema(self.folder).remove_metadata() for part in self.parts}
        together = pa.unify_schemas([*types], promote_options="permissive")
        return pa.schema([together.field(name) for name in self.columns])


def below(tables: Sequence[Gathered]) -> Gathered:
    """Tables of the same columns and folder, one below the other."""
    return replace(tables[0], parts=[part for table in tables for part in table.parts])
