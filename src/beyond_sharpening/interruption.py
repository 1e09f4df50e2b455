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
_held = False


class InterruptedRun(ToldError):
    """A run that was told to stop by a signal."""


def interrupt(number: int, frame: FrameType | None) -> None:
    """Signal handler: raise at once, and at the next ``check`` if a library swallows that.

    Within what is held together the first signal waits for its end; a second one does not.
    """
    _received.append(signal.Signals(number))
    if len(_received) > 1:
        let_go()
    check()


def check() -> None:
    """Raise if the run has been told to stop, and nothing is held together."""
    if (told := reason()) and not _held:
        raise InterruptedRun(told)


def hold() -> None:
    """From here to ``let_go`` a signal waits: what is between belongs together, such as a step of an optimiser."""
    global _held
    _held = True


def let_go() -> None:
    """The end of what is held together."""
    global _held
    _held = False


def insisted() -> bool:
    """Whether the run was told a second time, so that nothing may be waited for."""
    return len(_received) > 1


def reason() -> str | None:
    """Why the run stops, if it has been told to."""
    return f"the run was stopped by {_received[0].name}; a rerun goes on where it can" if _received else None


def reset() -> None:
    """Forget what an earlier run of this process was told."""
    _received.clear()
    let_go()


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
