"""Samples that another system drew: what was read, what was guessed, what is not known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beyond_sharpening.reporting.blocks import Block, Section, Table, plain
from beyond_sharpening.reporting.sections.made import rule_rows

if TYPE_CHECKING:
    from beyond_sharpening.reporting.results import Results


RULE = "The numbers of the rule, written down before anything was looked at:"


def section(results: Results) -> Section | None:
    run = results.run
    if not run.read:
        return None
    blocks: list[Block] = [f"*Base* is {plain(run.model)}, which the others are said to be trained from."]
    blocks.append("\n".join(f"- {plain(line)}" for line in run.read))
    if run.absent:
        lines = "\n".join(f"- {plain(line)}" for line in run.absent)
        blocks += ["Not known, for want of columns:", lines]
    if results.verdict.rule:
        blocks += [RULE, Table(["", ""], rule_rows(results.verdict.rule), n_text=2)]
    return Section("What was read", blocks)
