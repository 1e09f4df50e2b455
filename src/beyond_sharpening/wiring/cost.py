"""What a run takes before it has run: tokens by stage, hours, and what is written on disk."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from beyond_sharpening.models.memory import BYTES, FLOAT32, GIB, training_lengths
from beyond_sharpening.models.shape import Shape
from beyond_sharpening.parameters import HubBase, Parameters
from beyond_sharpening.parameters.decoders import PoolDecoder

if TYPE_CHECKING:
    from beyond_sharpening.models.rates import Rates
    from beyond_sharpening.wiring.to_draw import Draw

STATES, KEPT = 3, 2
"""Policies' worth of a training's state while it runs, and policies that it keeps (last and best)."""

ROW_BYTES, TOKEN_BYTES = 400, 8
"""Of a completion in a samples table, in parquet: numbers and names, and the text and ids of each token, at most."""


@dataclass(frozen=True)
class Work:
    """Tokens of one stage, at most.

    Attributes:
        stage: ``train_tilted``, or ``base`` with the decoder ``greedy``.
        drawn: generated one after the other.
        scored: passed through a model at once, a training's prompts included, once for all of their completions.
        trained: passed through it in an update, in the same way.
    """

    stage: str
    drawn: int
    scored: int = 0
    trained: int = 0

    def hours(self, rates: Rates) -> float:
        """At these rates."""
        return (self.drawn / rates.drawn + self.scored / rates.scored + self.trained / rates.trained) / 3600


def work(parameters: Parameters, objectives: Sequence[str], problems: int | None, draws: Sequence[Draw]) -> list[Work]:
    """What trainings and evaluations do, at the longest completions.

    Args:
        parameters: of the run.
        objectives: those that are trained.
        problems: how many there are to train on, where that is known.
        draws: what is to be drawn; those of unknown problems are left out.
    """
    return [*_trainings(parameters, objectives, problems), *_evaluations(parameters, draws)]


def _trainings(parameters: Parameters, objectives: Sequence[str], problems: int | None) -> Iterator[Work]:
    prompt, length = training_lengths(parameters.task)
    for name in objectives:
        options = parameters.train[name]
        steps = options.steps if problems is None else options.steps_on(problems)
        completions = steps * options.prompts_per_step * options.completions_per_prompt
        asked = (1 + steps // options.validate_every) * parameters.problems.validation_size
        validated = asked * options.validation_samples
        passed = completions * length + steps * options.prompts_per_step * prompt
        yield Work(f"train_{name}", (completions + validated) * length, passed, passed)


def _evaluations(parameters: Parameters, draws: Sequence[Draw]) -> Iterator[Work]:
    length, decoders = parameters.task.evaluated_tokens, parameters.evaluate.decoders
    shared: set[tuple[object, ...]] = set()
    for draw in draws:
        decoder = decoders[draw.decoder]
        if draw.completions is None:
            continue
        drawn = draw.completions // decoder.samples * decoder.drawn
        if isinstance(decoder, PoolDecoder):
            pool = (draw.policy, draw.benchmark, decoder.n, decoder.samples, decoder.temperature)
            drawn = 0 if pool in shared else drawn
            shared.add(pool)
        scored = 0 if draw.policy == "base" else 2 * draw.completions * length  # under the base, and the base's own
        yield Work(f"{draw.policy} {draw.decoder}", drawn * length, scored)


def together(rows: Sequence[Work]) -> list[Work]:
    """One row a stage, in order."""
    sums: dict[str, Work] = {}
    for row in rows:
        of = sums.get(row.stage, Work(row.stage, 0))
        numbers = (of.drawn + row.drawn, of.scored + row.scored, of.trained + row.trained)
        sums[row.stage] = Work(row.stage, *numbers)
    return list(sums.values())


@dataclass(frozen=True)
class Disk:
    """Bytes that a run leaves, and those that it takes in passing.

    Attributes:
        start: the start model, where it is still to be made.
        policies: of all cells that are still to be trained.
        states: of one training, removed when it has ended.
        samples: tables and the parts that they are made of.
    """

    start: int
    policies: int
    states: int
    samples: int

    @property
    def peak(self) -> int:
        """All of it at once."""
        return self.start + self.policies + self.states + self.samples


def disk(
    parameters: Parameters, shape: Shape | None, objectives: Sequence[str], makes_base: bool, draws: Sequence[Draw]
) -> Disk:
    """What a run writes; of models of unknown shape only samples are counted."""
    weights = 0 if shape is None else shape.parameters
    dtype = parameters.base.dtype if isinstance(parameters.base, HubBase) else "float32"
    completions = sum(draw.completions or 0 for draw in draws)
    row = ROW_BYTES + TOKEN_BYTES * parameters.task.evaluated_tokens
    return Disk(
        start=BYTES.get(dtype, FLOAT32) * weights if makes_base else 0,  # auto: at most that
        policies=KEPT * FLOAT32 * weights * len(objectives),
        states=STATES * FLOAT32 * weights if objectives else 0,
        samples=2 * completions * row,
    )


def too_small(needed: Disk, folder: Path) -> str | None:
    """Why the disk of a folder cannot hold it, and what to do; nothing where it can."""
    there = next(place for place in [folder, *folder.parents] if place.exists())
    free = shutil.disk_usage(there).free
    if needed.peak <= free:
        return None
    return (
        f"the disk of {folder} has {free / GIB:.1f} GiB free, and the run writes up to {needed.peak / GIB:.1f}: "
        f"policies {needed.policies / GIB:.1f}, the state of a training {needed.states / GIB:.1f}, the start model "
        f"{needed.start / GIB:.1f}, samples {needed.samples / GIB:.1f}; make room, choose another folder "
        "(--params=data=...), or run fewer objectives at a time (--pipelines)"
    )


def told(rows: Sequence[Work], rates: Rates | None, needed: Disk, cells: int) -> str:
    """Tokens, hours and disk in words.

    Args:
        rows: what is done, stage by stage.
        rates: tokens a second, if any are known.
        needed: on disk.
        cells: of the sweep that the parameters describe.
    """
    if not rows:
        return ""
    lines = [f"  {'':<28}{'drawn':>15}{'scored':>15}{'trained':>15}{'hours':>10}"]
    for row in rows:
        hours = f"{row.hours(rates):.2f}" if rates else "?"
        lines.append(f"  {row.stage:<28}{row.drawn:>15,}{row.scored:>15,}{row.trained:>15,}{hours:>10}")
    if rates:
        lines += [f"  together {sum(row.hours(rates) for row in rows):.2f} h: {rates.source}", *_savings(rows, rates)]
    else:
        lines.append("  hours: no rate has been measured for such a model; dry_run=probe measures some")
    parts = {
        "start model": needed.start,
        "policies": needed.policies,
        "state of a training": needed.states,
        "samples": needed.samples,
    }
    lines.append(
        f"  on disk up to {needed.peak / GIB:.2f} GiB: "
        + ", ".join(f"{name} {size / GIB:.2f}" for name, size in parts.items() if size)
    )
    return "\n".join(["Tokens by stage, at the longest completions", *lines, *_sweep(rows, rates, needed, cells)])


def _savings(rows: Sequence[Work], rates: Rates) -> list[str]:
    """What leaving out each of the three dearest decoders would save."""
    whole = sum(row.hours(rates) for row in rows)
    decoders: dict[str, float] = {}
    for row in rows:
        name = row.stage.partition(" ")[2]
        if name and name != "temperature":
            decoders[name] = decoders.get(name, 0) + row.hours(rates)
    dearest = sorted(decoders.items(), key=lambda item: -item[1])[:3]
    return [
        f"  without evaluate.decoders.{name}: {hours:.2f} h less ({hours / whole:.0%})"
        for name, hours in dearest
        if hours
    ]


def _sweep(rows: Sequence[Work], rates: Rates | None, needed: Disk, cells: int) -> list[str]:
    trained = [row for row in rows if row.trained]
    if not trained:
        return []
    each = f", {cells * sum(row.hours(rates) for row in trained) / len(trained):.1f} h of training" if rates else ""
    kept = cells * needed.policies / len(trained)
    return [f"  a sweep of this model as it is set up has {cells} cells: policies {kept / GIB:.1f} GiB{each}"]
