"""One run at a time makes a thing: a lock file that says who holds it, on local disks and on network ones.

An owner on this machine is alive while a process of its number and start is. Whether one on another machine is, is told
by its heart-beat: it touches its lock every ``BEAT`` seconds, and a lock that is not touched in ``PATIENCE`` is stale.
No clock is compared with another machine's.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from beyond_sharpening.errors import InUse

BEAT = 10.0  # seconds
PATIENCE = 90.0
"""Seconds; network disks show another machine's touch after 60 at the latest (``acregmax`` of NFS)."""


@dataclass(frozen=True)
class Owner:
    """A process, told from a later one that was given its number.

    Attributes:
        host: its machine.
        process: its number there.
        started: when it began, in seconds since 1970.
    """

    host: str
    process: int
    started: float

    @classmethod
    def current(cls) -> Owner:
        """This process."""
        return cls(socket.gethostname(), os.getpid(), psutil.Process().create_time())

    @property
    def is_here(self) -> bool:
        """Whether it is, or was, a process of this machine."""
        return self.host == socket.gethostname()

    def runs(self) -> bool:
        """Whether a process of this machine still runs."""
        try:
            process = psutil.Process(self.process)
            return abs(process.create_time() - self.started) < 1 and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    def __str__(self) -> str:
        began = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.started))
        return f"process {self.process} on {self.host}, since {began}"


@contextmanager
def held(file: Path, what: str) -> Iterator[None]:
    """Hold a lock; it is removed in the end. A lock that its owner left behind is taken over.

    Args:
        file: the lock; its folder is made.
        what: is made under it, for the message.

    Raises:
        InUse: if another process holds it; the message says which, and what to do.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    _take(file, what)
    stop = threading.Event()
    beat = threading.Thread(target=_beat, args=(file, stop), daemon=True)
    beat.start()
    try:
        yield
    finally:
        stop.set()
        beat.join()
        file.unlink(missing_ok=True)
        with suppress(OSError):  # nothing was made
            file.parent.rmdir()


def _take(file: Path, what: str) -> None:
    from filelock import FileLock

    # Processes of this machine take turns to look; those of several are told apart by which of them makes the file.
    # What they take turns with stays, and is one of sixteen files: cells that share one look one after the other.
    guard = hashlib.sha256(str(file.resolve()).encode()).hexdigest()[0]
    with FileLock(Path(tempfile.gettempdir()) / f"beyond-sharpening-{os.getuid()}-{guard}.lock"):
        if file.exists():
            if not _is_stale(file, owner := _owner(file)):
                raise _in_use(file, what, owner)
            file.unlink(missing_ok=True)
        try:
            with file.open("x") as lock:
                lock.write(json.dumps(asdict(Owner.current())))
        except FileExistsError as error:
            raise _in_use(file, what, _owner(file)) from error


def _in_use(file: Path, what: str, owner: Owner | None) -> InUse:
    return InUse(
        f"{what} is being made by another run ({owner or 'which has not said who it is'}): wait for it, or choose "
        f"another data folder (--params=data=...). If you know that it runs no more, remove {file}"
    )


def _owner(file: Path) -> Owner | None:
    try:
        return Owner(**json.loads(file.read_text()))
    except (OSError, ValueError, TypeError):  # being written, or cut short
        return None


def _is_stale(file: Path, owner: Owner | None) -> bool:
    if owner is not None and owner.is_here:
        return owner == Owner.current() or not owner.runs()
    before, until = _touched(file), time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if _touched(file) != before:
            return False
        time.sleep(BEAT / 10)
    return True


def _touched(file: Path) -> float | None:
    try:
        with file.open() as lock:  # opening asks the file server anew
            return os.fstat(lock.fileno()).st_mtime
    except FileNotFoundError:
        return None


def _beat(file: Path, stop: threading.Event) -> None:
    while not stop.wait(BEAT):
        with suppress(OSError):
            os.utime(file)
