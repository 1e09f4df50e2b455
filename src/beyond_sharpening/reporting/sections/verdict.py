"""The answer first: what was decided, what it costs, and what stands against it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beyond_sharpening.reporting.blocks import Block, Section, plain
from beyond_sharpening.reporting.sections import goals, price

if TYPE_CHECKING:
    from beyond_sharpening.reporting.results import Results


def section(results: Results) -> Section:
    verdict, short = results.verdict, goals.stopped_short(results)
    headline = f"**{plain(verdict.headline)}**"
    if short:
        trained = results.estimates.loc[results.estimates["policy"] != "base", ["policy", "variant"]]
        who = "no" if len(short) == len(trained.drop_duplicates()) else "not every"
        headline += f" **But {who} training reached its goal: {plain(', '.join(short))}.**"
    lines = [headline, "", *(f"- {plain(line)}" for line in verdict.lines), "", f"*{plain(verdict.note)}*"]
    blocks: list[Block] = ["\n".join(f"> {line}".rstrip() for line in lines)]
    if short:
        blocks.append(
            "What is said of a training that stopped short is said of that training; its objective might do better, or "
            "worse, if it were trained to its end."
        )
    if advice := price.advice(results):
        blocks += ["**Is it worth its price?**", "\n".join(f"- {plain(line)}" for line in advice)]
    return Section("The answer", blocks)
