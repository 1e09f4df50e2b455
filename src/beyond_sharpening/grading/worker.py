"""What runs in a worker process: one claim after another, each under a limit of time, all under one of memory."""

import importlib
import inspect
import json
import resource
import signal
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from beyond_sharpening.grading.canonical import canonical
from beyond_sharpening.grading.judge import warm_up
from beyond_sharpening.grading.verdict import UNPARSABLE, Claim, Verdict

_MEMORY = 2 << 30  # bytes that a worker may map beyond those it starts with


class Failure(NamedTuple):
    """A judge that raised, in words: the exception itself may hold what cannot be sent to another process."""

    error: str


class _OutOfTime(BaseException):
    """No Exception, for computer algebra catches those."""


def start(loaded: str) -> None:
    """Prepare a worker: load the function that it is for, then bound its memory."""
    _function(loaded)
    warm_up()
    statistics = Path("/proc/self/statm")
    mapped = int(statistics.read_text().split()[0]) * resource.getpagesize() if statistics.exists() else 0
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = mapped + _MEMORY if hard == resource.RLIM_INFINITY else min(mapped + _MEMORY, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    signal.signal(signal.SIGPROF, _stop)


def work(function: str, claim: Claim, seconds: float) -> Verdict | Failure:
    """Judge one claim by the function that is called ``module:function``.

    Args:
        function: a judge of ours, which takes a claim, or a grader with the signature of :func:`grade`.
        claim: what to judge.
        seconds: of computing that it may take; waiting for a busy processor is not counted.
    """
    try:
        try:
            signal.setitimer(signal.ITIMER_PROF, seconds)
            return _judged(function, claim)
        finally:  # within what is caught: the time may be over as the timer is stopped
            signal.setitimer(signal.ITIMER_PROF, 0)
    except (_OutOfTime, MemoryError):
        return Verdict("timeout", canonical(claim.text) or None)
    except RecursionError:
        return Failure("nested too deep")
    except BaseException as error:  # sympy raises almost anything, and a grader of the user's may exit
        return Failure(repr(error)[:400])


def _function(name: str) -> Callable[..., Any]:
    module, function = name.split(":")
    return getattr(importlib.import_module(module), function)


def _judged(name: str, claim: Claim) -> Verdict:
    function = _function(name)
    if name.startswith("beyond_sharpening.grading"):
        return function(claim)
    workers = {"workers": 1} if "workers" in inspect.signature(function).parameters else {}
    columns = {name: [value] for name, value in json.loads(claim.columns or "{}").items()}
    returned = function([claim.text], [claim.gold], **workers, **columns)
    try:
        (given,) = returned
    except (TypeError, ValueError):
        raise TypeError(f"{name} returned {returned!r} for a list of one completion, not a list of one") from None
    return as_verdict(given)


def as_verdict(given: Any) -> Verdict:
    """A verdict as a user's function gives it: one of ours, a bool, a score from 0 to 1, or None where it cannot say.

    Only a score of 1 is right.

    Raises:
        TypeError: for anything else.
    """
    if isinstance(given, Verdict):
        return given
    if given is None:
        return UNPARSABLE
    score = given.item() if hasattr(given, "item") else given  # of numpy or torch
    if not isinstance(score, bool | int | float) or not 0 <= score <= 1:
        raise TypeError(f"{given!r} is no verdict: return True or False, a score from 0 to 1, None or a Verdict")
    return Verdict("correct" if score == 1 else "wrong", None, float(score))


def _stop(signal_number: int, frame: FrameType | None) -> None:
    raise _OutOfTime
