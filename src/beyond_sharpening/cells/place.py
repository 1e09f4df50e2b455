"""Where a cell lies: its folder among others of its model, and that of its unfinished training."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any


def place(objective: str, variant: str, seed: int) -> str:
    """The folder of a trained cell below that of its model: ``tilted/alpha2-beta100/seed-0``."""
    return f"{objective}/{variant}/seed-{seed}"


def unfinished(options: dict[str, Any], task: dict[str, Any], train_seed: int, workspace: str) -> Path:
    """Where a training keeps its states: one that was cut off goes on from there, and only the very same one may."""
    cell = hashlib.sha256(json.dumps([options, task, train_seed]).encode()).hexdigest()[:12]
    return Path(workspace) / f"{options['objective']}-{cell}"
