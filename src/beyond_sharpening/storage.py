"""Files and folders that are there whole or not at all, and what is said where the disk is full."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from beyond_sharpening.errors import DiskFull

UNFINISHED = ".unfinished"
ROWS_OF_A_GROUP = 1 << 16
"""Of a table's file: a group can be read by itself, and costs its readers something."""

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_SURELY_FULL = ("No space left on device", "database or disk is full")
"""What safetensors and SQLite say of it."""

_MAYBE_FULL = ("iostream error", "PytorchStreamWriter failed", "unexpected pos")
"""What torch says of a disk that is full, and of any other that fails."""

_NOTHING = 1 << 20  # bytes free on a disk that is full: a library's buffer did not fit


@contextmanager
def written_whole(place: Path) -> Iterator[Path]:
    """Yield a path beside a file or folder; what is written there takes its place at the end.

    It has reached the disk by then. After an error, or where the process is killed, what was there before is there
    still; what a killed one left beside it is removed the next time.

    Raises:
        DiskFull: if there is no room; the message says for what, how much was needed and how much is free.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    beside = place.with_name(f".{place.name}{UNFINISHED}")
    remove(beside)
    _bring_back(place)
    try:
        with told_when_full(beside, place, like=place):
            yield beside
            flush(beside)
            _take_place(beside, place)
    except BaseException:
        remove(beside)
        raise


@contextmanager
def told_when_full(written: Path, place: Path, like: Path | None = None) -> Iterator[None]:
    """Within it, an error of a full disk is told, with what was written by then.

    Args:
        written: what is being written.
        place: where it is going to be.
        like: what is about as large, if it is there.

    Raises:
        DiskFull: in the place of that error.
    """
    try:
        yield
    except Exception as error:
        free = shutil.disk_usage(place.parent).free
        if not _is_full(error, free):
            raise
        before = size(like) if like is not None else 0
        needed = f"It needs about {_told(before)}, as the one before does, or" if before else "It needs"
        raise DiskFull(
            f"the disk is full: {place} could not be written. {needed} more than {_told(size(written))}, which were "
            f"written when it was full, and {_told(free)} are free there. What was there before is kept; make room, or "
            "choose another folder (--params=data=...), and the same command goes on"
        ) from error


def flush(place: Path) -> None:
    """Bring a file, or all of a folder, to the disk, so that no power cut can take it back."""
    for path in [*(sorted(place.rglob("*")) if place.is_dir() else []), place, place.parent]:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def remove(place: Path) -> None:
    """Remove a file or folder, if it is there."""
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)


def size(place: Path) -> int:
    """Bytes of a file, or of all files of a folder; none of what is not there."""
    files = place.rglob("*") if place.is_dir() else [place]
    return sum(file.stat().st_size for file in files if file.is_file())


def _old(place: Path) -> Path:
    return place.with_name(f".{place.name}.old")


def _bring_back(place: Path) -> None:
    """What a killed process had moved away to make room, or had not yet removed."""
    old = _old(place)
    if old.exists() and not place.exists():
        old.rename(place)
    remove(old)


def _take_place(beside: Path, place: Path) -> None:
    if not place.is_dir():
        beside.replace(place)
    else:  # a folder takes no other's place in one step
        old = _old(place)
        place.rename(old)
        beside.rename(place)
        remove(old)
    flush(place.parent)


def _is_full(error: BaseException | None, free: int) -> bool:
    """Libraries wrap the system's error, or tell it in words of their own."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _FULL:
            return True
        if any(words in str(error) for words in _SURELY_FULL):
            return True
        if free < _NOTHING and any(words in str(error) for words in _MAYBE_FULL):
            return True
        error = error.__cause__ or error.__context__
    return False


def _told(count: int) -> str:
    return f"{count / 2**20:,.1f} MiB" if count >= 2**20 else f"{count / 2**10:,.0f} KiB"
