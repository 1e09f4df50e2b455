"""Sections as one Markdown text: what is read in a terminal, on a code host, or by another program."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from beyond_sharpening.reporting.blocks import Block, Browser, Section, Strong, Table, plain
from beyond_sharpening.reporting.charts import Chart

if TYPE_CHECKING:
    from collections.abc import Sequence


def markdown_report(title: str, sections: Sequence[Section]) -> str:
    """The report; its figures are referred to as ``figures/<name>.png``."""
    parts = [f"# {plain(title)}"]
    for section in sections:
        parts += [f"## {section.title}", *map(_block, section.blocks)]
    return "\n\n".join(parts) + "\n"


def _block(block: Block) -> str:
    match block:
        case str():
            return block
        case Table():
            return _table(block)
        case Browser():
            return f"*{len(block.rows)} samples can be looked through in the page `report.html`.*"
        case Chart():
            return f"![{plain(block.title)}](figures/{block.name}.png)"
        case _:
            assert_never(block)


def _table(table: Table) -> str:
    rule = "".join(" --- |" if column < table.n_text else " ---: |" for column in range(len(table.header)))
    rows = [_row(table.header), f"|{rule}", *map(_row, table.rows)]
    return "\n".join(rows)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(_cell, cells))} |"


def _cell(cell: str) -> str:
    return f"**{plain(cell)}**" if isinstance(cell, Strong) else plain(cell)
