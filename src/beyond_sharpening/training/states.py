"""The states that a cut-off training goes on from: each is relied on only if it is whole.

A state is a checkpoint of transformers' trainer (``checkpoint-100``: weights, optimiser, schedule, random numbers,
log). Once all of it has reached the disk it is sealed by a list of its files and their hashes; the state before it goes
only then. A folder without a seal is what a killed run was writing, and is dropped.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from beyond_sharpening.cells.place import SEAL, STATE, sealed_states
from beyond_sharpening.errors import Damaged
from beyond_sharpening.storage import flush, remove, written_whole


def folder(workspace: Path, step: int) -> Path:
    """Where the state of a step lies."""
    return workspace / f"{STATE}{step}"


def seal(workspace: Path, step: int) -> None:
    """Declare the state of a step whole, and drop all others."""
    place = folder(workspace, step)
    flush(place)
    with written_whole(place / SEAL) as beside:
        beside.write_text(json.dumps(_found(place)))
    for other in workspace.glob(f"{STATE}*"):
        if other != place:
            remove(other)


def drop_unsealed(workspace: Path) -> None:
    """Remove what a killed run was writing."""
    for place in workspace.glob(f"{STATE}*"):
        if not (place / SEAL).is_file():
            remove(place)


def last(workspace: Path) -> Path | None:
    """The state to go on from; None where there is none.

    Raises:
        Damaged: if it is no longer what was written.
    """
    sealed = sealed_states(workspace)
    if not sealed:
        return None
    place = folder(workspace, sealed[-1])
    try:
        written = json.loads((place / SEAL).read_text())
    except ValueError:
        written = {SEAL: "unreadable"}
    found = _found(place)
    if faults := sorted(name for name in written if found.get(name) != written[name]):
        raise Damaged(
            f"{place} is no longer the state that was written: {', '.join(faults)} "
            f"{'is' if len(faults) == 1 else 'are'} missing or changed. Bring the folder back from a copy, or remove "
            f"{workspace} to train this cell from its start"
        )
    return place


def _found(place: Path) -> dict[str, str]:
    files = {str(file.relative_to(place)): file for file in sorted(place.rglob("*")) if file.is_file()}
    return {name: _digest(file) for name, file in files.items() if Path(name).name != SEAL and UNSEALED not in name}


UNSEALED = f".{SEAL}"  # a seal that is being written


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
