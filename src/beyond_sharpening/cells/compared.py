"""The cells that a comparison finds on disk: what each was made with, by its manifest, and which of them to compare."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from beyond_sharpening.cells.identity import training_identity
from beyond_sharpening.cells.place import variant_at
from beyond_sharpening.objectives import OBJECTIVES, PARAMETERS
from beyond_sharpening.parameters import OWN, leaves

Manifests = Mapping[str, Mapping[str, Any]]
"""The manifest of each samples table, by its cell: ``base``, or ``tilted/alpha2-beta100/seed-0``."""

BY_DESIGN = (
    "train_seed",
    "train.objective",
    "train.signal",
    "train.samples",
    *(f"train.{name}" for name in PARAMETERS),
)
"""In these, and in what is within them, cells of one comparison differ because they are meant to."""


NOT_OF_ALL = {f"train.{name}" for name in OWN}
"""What some objectives take, and others do not have."""


def settings(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """What one cell was made with, by dotted key: ``train.steps``, ``task.prompt``, ``data_seed``.

    Coefficients that the objective ignores are left out.
    """
    identity = dict(manifest["identity"])
    if "train" in identity:
        ((objective, block),) = identity["train"].items()
        identity["train"] = _applicable(objective, block)
    return dict(leaves(identity))


def what_was_run(manifests: Manifests) -> dict[str, Any]:
    """Seeds, parameters and versions, as the report states them, of the cells as their manifests tell.

    Returns:
        ``seeds``: name -> the values there are; ``parameters``: what all cells share of the task, what all trainings
        share, then what is a training's own, by variant; ``versions``: name -> the values; ``differing``: from
        ``differing_settings``.
    """
    cells = {cell: settings(manifest) for cell, manifest in manifests.items()}
    trained = {
        cell: {key.removeprefix("train."): value for key, value in found.items() if key.startswith("train.")}
        for cell, found in cells.items()
        if "train.objective" in found
    }
    every = {key: value for key, value in _shared(trained).items() if not _by_design(f"train.{key}")}
    task = {key.removeprefix("task."): value for key, value in _shared(cells).items() if key.startswith("task.")}
    shared = {"task": task, "every training": every}
    versions = [manifest.get("versions", {}) for manifest in manifests.values()]
    return {
        "seeds": {
            name: _values(cells.values(), name) for name in ("data_seed", "base_seed", "train_seed", "sample_seed")
        },
        "parameters": {name: values for name, values in (shared | _own(trained, every)).items() if values},
        "versions": {
            name: _values(versions, name) for name in dict.fromkeys(name for found in versions for name in found)
        },
        "differing": differing_settings(cells),
    }


def differing_settings(cells: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """A line for each of the ``settings`` that cells differ in though they are not meant to: its values, and whose."""
    lines = []
    for key in sorted({key for found in cells.values() for key in found}):
        block = key.split(".")[0]
        if _by_design(key):
            continue
        having: dict[str, list[str]] = {}
        for cell, found in cells.items():
            if key in NOT_OF_ALL and key not in found:
                continue
            if any(other.split(".")[0] == block for other in found):  # the base was not trained
                having.setdefault(_text(found.get(key, "absent")), []).append(cell)
        if len(having) > 1:
            (most, _), *fewer = sorted(having.items(), key=lambda item: -len(item[1]))
            told = [f"{value} in {', '.join(names)}" for value, names in fewer]
            lines.append(f"{key}: {'; '.join(told)}; {most} in the others")
    return lines


def _by_design(key: str) -> bool:
    return any(f"{key}.".startswith(f"{name}.") for name in BY_DESIGN)


def asking_for(policy: str, variant: str, manifests: Manifests, asked: Mapping[str, Any]) -> str:
    """The ``--params`` that ask for a variant that is there, where ``asked`` is what is asked for now.

    Without a manifest, as a table of another system is, the variant's name alone.
    """
    for cell, manifest in manifests.items():
        if variant_at(cell) == (policy, variant):
            found = dict(leaves(_applicable(policy, manifest["identity"]["train"][policy])))
            now = dict(leaves(asked))
            changed = [
                f"train.{policy}.{key}={_text(value)}"
                for key, value in found.items()
                if key not in now or now[key] != value
            ]
            return f"--params={','.join(changed)}"
    return variant


def _own(trained: Mapping[str, Mapping[str, Any]], every: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What is not shared by every training, by variant; by seed too, where the seeds of a variant differ."""
    own = {
        cell: {key: found[key] for key in found if key not in {*every, "objective"}} for cell, found in trained.items()
    }
    by_variant: dict[str, dict[str, dict[str, Any]]] = {}
    for cell, found in own.items():
        by_variant.setdefault(str(PurePosixPath(cell).parent), {})[cell] = found
    rows: dict[str, dict[str, Any]] = {}
    for variant, seeds in by_variant.items():
        alike = len({_text(found) for found in seeds.values()}) == 1
        rows |= {variant: next(iter(seeds.values()))} if alike else seeds
    return rows


def _shared(cells: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The settings that all cells have alike."""
    first, *others = cells.values() or [{}]
    return {key: value for key, value in first.items() if all(key in found and found[key] == value for found in others)}


def _values(tables: Any, name: str) -> Any:
    """The values that a name has in some of the tables: a list, or the one."""
    values = sorted({table[name] for table in tables if name in table})
    return values[0] if len(values) == 1 else values


def _applicable(objective: str, block: Mapping[str, Any]) -> dict[str, Any]:
    """What made a training, left as it stands where the objective is no longer known."""
    return training_identity(objective, block) if objective in OBJECTIVES else dict(block)


def _text(value: Any) -> str:
    """A value as the command line takes it."""
    if isinstance(value, float):
        return f"{value:.12g}"
    return value if isinstance(value, str) else json.dumps(value)
