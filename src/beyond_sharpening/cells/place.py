"""Where a cell lies: its folder among others of its model, and that of its unfinished training."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from beyond_sharpening.cells.identity import trained_task, training_identity
from beyond_sharpening.parameters import Training


def place(objective: str, variant: str, seed: int) -> str:
    """The folder of a trained cell below that of its model: ``tilted/alpha2-beta100/seed-0``."""
    return f"{objective}/{variant}/seed-{seed}"


def run_folder(model: str, domain: str | None, default: str | None) -> str:
    """The folder of a run's results in every data layer: the model's, or ``{model}@{domain}`` in another domain."""
    return model if domain == default else f"{model}@{domain}"


def place_of(options: Mapping[str, Any] | Training, seed: int) -> str:
    """The place of the cell that a training's parameters make."""
    training = options if isinstance(options, Training) else Training.model_validate(options)
    return place(training.objective, training.naming(), seed)


def variant_at(cell: str) -> tuple[str, str]:
    """Objective and variant of a cell at a place; of the base, ``("base", "")``."""
    objective, *rest = PurePosixPath(cell).parts
    return objective, rest[0] if rest else ""


def unfinished(options: dict[str, Any], task: dict[str, Any], train_seed: int, workspace: str) -> Path:
    """Where a training keeps its states: one that was cut off goes on from there, and only the very same one may."""
    made_by = [training_identity(options["objective"], options), trained_task(task), train_seed]
    cell = hashlib.sha256(json.dumps(made_by, sort_keys=True).encode()).hexdigest()[:12]
    return Path(workspace) / f"{options['objective']}-{cell}"


STATE = "checkpoint-"
"""How the folder of a state begins in an unfinished training; the step follows (transformers' own name)."""

SEAL = "whole.json"
"""In a state's folder: the files of it and their hashes, written when all of them have reached the disk."""


def sealed_states(folder: Path) -> list[int]:
    """The steps of which an unfinished training has a whole state, the last one last."""
    return sorted(int(seal.parent.name.removeprefix(STATE)) for seal in folder.glob(f"{STATE}*/{SEAL}"))
