"""Where a cell lies: its folder among others of its model, and that of its unfinished training."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from beyond_sharpening.cells.identity import trained_task


def place(objective: str, variant: str, seed: int) -> str:
    """The folder of a trained cell below that of its model: ``tilted/alpha2-beta100/seed-0``."""
    return f"{objective}/{variant}/seed-{seed}"


def run_folder(model: str, domain: str | None, default: str | None) -> str:
    """The folder of a run's results in every data layer: the model's, or ``{model}@{domain}`` in another domain."""
    return model if domain == default else f"{model}@{domain}"


def unfinished(options: dict[str, Any], task: dict[str, Any], train_seed: int, workspace: str) -> Path:
    """Where a training keeps its states: one that was cut off goes on from there, and only the very same one may."""
    cell = hashlib.sha256(json.dumps([options, trained_task(task), train_seed]).encode()).hexdigest()[:12]
    return Path(workspace) / f"{options['objective']}-{cell}"
