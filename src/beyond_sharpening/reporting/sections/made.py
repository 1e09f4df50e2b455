"""What was run, by what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from beyond_sharpening.reporting.blocks import Block, Link, Section, Table, warned

if TYPE_CHECKING:
    from collections.abc import Mapping

    from beyond_sharpening.reporting.results import Results, Run

UNKNOWN = "not known: there is no manifest beside this samples table"
ADDRESS = ("http://", "https://")
VERSION = "*A version changes with the problems, with how their answers are read, and with the prompt.*"


def section(results: Results) -> Section | None:
    run = results.run
    if run.read:
        return None
    blocks: list[Block] = []
    blocks += warned(run.differing, "Not all that is compared here was made alike:")
    blocks.append(table(run, results.verdict.rule))
    if results.cards:
        blocks += [benchmarks(results.cards), VERSION]
    return Section("What was run", blocks)


def table(run: Run, rule: Mapping[str, Any]) -> Table:
    """Model, seeds, parameters, the verdict's rule and versions."""
    made = {name: Link(text) if text.startswith(ADDRESS) else text for name, text in run.made.items()}
    rows = [["model", run.model], *_rows(made), *_rows(run.seeds), *_rows(run.parameters)]
    rows += [[name, UNKNOWN] for name in run.unknown]
    rows += rule_rows(rule)
    if run.versions:
        rows.append(["versions", _text(run.versions)])
    return Table(["", ""], rows, n_text=2)


def rule_rows(rule: Mapping[str, Any]) -> list[list[str]]:
    """The numbers that decided, a row each."""
    return [[f"rule: {name}", _text(value)] for name, value in rule.items()]


def _rows(values: Mapping[str, Any]) -> list[list[str]]:
    return [[str(name), _text(value)] for name, value in values.items()]


def _text(value: Any) -> str:
    """Several values in a row, a mapping as ``name: value`` pairs."""
    if isinstance(value, dict):
        value = [f"{key}: {item}" for key, item in value.items()]
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return value if isinstance(value, str) else str(value)


def benchmarks(cards: Mapping[str, Mapping[str, Any]]) -> Table:
    """Each benchmark: its version, its problems and rows dropped, where it comes from, its licence."""
    rows = []
    for name, card in sorted(cards.items()):
        source = card["source"]
        origin = " ".join(str(source[key]) for key in ("path", "generator", "name", "split") if source.get(key))
        counts = [str(card["problems"]), str(len(card["dropped"]))]
        rows.append([name, card["version"], origin, source.get("licence") or "–", *counts])
    return Table(["benchmark", "version", "source", "licence", "problems", "dropped"], rows, n_text=4)
