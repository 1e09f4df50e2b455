"""A run that is told to stop, stops: as an error, so that Kedro and MLflow call it failed."""

from __future__ import annotations

import signal
from types import FrameType

_received: list[signal.Signals] = []


class InterruptedRun(Exception):
    """A run that was told to stop by a signal."""


def interrupt(number: int, frame: FrameType | None) -> None:
    """Signal handler: raise at once, and at the next ``check`` if a library swallows that."""
    _received.append(signal.Signals(number))
    check()


def check() -> None:
    """Raise if the run has been told to stop."""
    if told := reason():
        raise InterruptedRun(told)


def reason() -> str | None:
    """Why the run stops, if it has been told to."""
    return f"the run was stopped by {_received[0].name}; a rerun goes on where it can" if _received else None


def reset() -> None:
    """Forget what an earlier run of this process was told."""
    _received.clear()
