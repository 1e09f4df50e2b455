"""A run that is told to stop, stops: as an error, so that Kedro and MLflow call it failed."""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from beyond_sharpening.errors import ToldError

logger = logging.getLogger(__name__)

SIGNALS = (signal.SIGINT, signal.SIGTERM)

_received: list[signal.Signals] = []


class InterruptedRun(ToldError):
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


@contextmanager
def handled(signals: tuple[signal.Signals, ...] = SIGNALS) -> Iterator[None]:
    """Within it, these signals raise ``InterruptedRun``."""
    reset()
    try:
        before = {number: signal.signal(number, interrupt) for number in signals}
    except ValueError:  # only the main thread of a process may handle signals
        logger.debug("not in the main thread: signals are not handled")
        before = {}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
