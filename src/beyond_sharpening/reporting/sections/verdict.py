"""The answer first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beyond_sharpening.reporting.blocks import Section, plain

if TYPE_CHECKING:
    from beyond_sharpening.reporting.results import Results


def section(results: Results) -> Section:
    verdict = results.verdict
    lines = [f"**{plain(verdict.headline)}**", "", *(f"- {plain(line)}" for line in verdict.lines), ""]
    lines.append(f"*{plain(verdict.note)}*")
    return Section("The answer", ["\n".join(f"> {line}".rstrip() for line in lines)])
