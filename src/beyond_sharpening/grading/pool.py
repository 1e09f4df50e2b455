"""Judging in worker processes, which a process of their own starts: the caller's may hold gigabytes, and threads."""

import logging
import os
import subprocess
import sys
from collections.abc import Sequence
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Lock

from beyond_sharpening.errors import BadInput
from beyond_sharpening.grading.host import Request
from beyond_sharpening.grading.verdict import UNPARSABLE, Claim, Verdict
from beyond_sharpening.grading.worker import Failure

logger = logging.getLogger(__name__)

_TOLD = 200  # characters of an answer in a warning
JUDGE = "beyond_sharpening.grading.judge:judge"

_hosts: dict[int, Connection] = {}  # by process, for a forked one has its parent's
_lock = Lock()


def judge_in_processes(claims: Sequence[Claim], workers: int, timeout: float, function: str = JUDGE) -> list[Verdict]:
    """Judge the claims in worker processes that stay for the next call.

    Args:
        claims: what to judge.
        workers: how many processes.
        timeout: seconds of computing that a claim may take.
        function: ``module:function`` that judges one claim.

    Returns:
        A verdict a claim: ``timeout`` where it takes more time, or more memory, than a worker may; ``unparsable``
        where the function fails on it, or the worker dies, and one warning that names the first of those.

    Raises:
        BadInput: if a grader of the user's fails on every one of several claims.
        RuntimeError: if worker processes cannot be started.
    """
    request = Request(function, _path(), list(claims), workers, timeout)
    with _lock:
        answered = _ask(request)
    if answered is None:
        raise RuntimeError(
            f"The grader's worker processes cannot start, or cannot load {function}: see the error above."
        )
    failures = [
        (claim, outcome.error) for claim, outcome in zip(claims, answered, strict=True) if isinstance(outcome, Failure)
    ]
    if function != JUDGE and len(failures) == len(claims) > 1:
        raise BadInput(
            f"The grader {function} failed on all of {len(claims)} completions, first on {_told(*failures[0])}"
        )
    if failures:
        logger.warning(
            "Grading by %s failed on %d of %d different answers, which count as unparsable; first on %s",
            *(function, len(failures), len(claims), _told(*failures[0])),
        )
    return [UNPARSABLE if isinstance(outcome, Failure) else outcome for outcome in answered]


def try_out(claims: Sequence[Claim], timeout: float, function: str) -> None:
    """Have a grader of the user's judge a few claims, before anything expensive is begun.

    Raises:
        BadInput: with the first claim that it fails on.
        RuntimeError: if worker processes cannot be started.
    """
    with _lock:
        answered = _ask(Request(function, _path(), list(claims), 1, timeout))
    for claim, outcome in zip(claims, answered or [], strict=answered is not None):
        if isinstance(outcome, Failure):
            raise BadInput(
                f"task.grader = {function!r} fails on the completion {claim.text!r} with the gold answer "
                f"{claim.gold!r}: {outcome.error}. It takes lists of completions and of gold answers, and of the "
                "problems' columns that it names, and returns a list with a bool, a score from 0 to 1, None or a "
                "Verdict for each completion"
            )
    if answered is None:
        raise BadInput(f"task.grader = {function!r} cannot be loaded in a process of its own: see the error above")


def _ask(request: Request) -> list[Verdict | Failure] | None:
    """Send a request to the host, which is started when first needed, or when it has died."""
    for attempt in (1, 2):
        if os.getpid() not in _hosts:
            _hosts[os.getpid()] = _start_host()
        host = _hosts[os.getpid()]
        try:
            host.send(request)
            return host.recv()
        except (EOFError, ConnectionError):
            del _hosts[os.getpid()]
            if attempt == 2:
                raise RuntimeError(
                    "The process that starts the grader's workers died twice; is memory short?"
                ) from None
        except BaseException:  # interrupted: what it still sends answers no later request
            _hosts.pop(os.getpid()).close()
            raise
    return None


def _start_host() -> Connection:
    ours, theirs = Pipe()
    program = f"from beyond_sharpening.grading.host import main; main({theirs.fileno()})"
    path = os.pathsep.join(_path())
    command = [sys.executable, "-c", program]
    subprocess.Popen(
        command, pass_fds=[theirs.fileno()], env=os.environ | {"PYTHONPATH": path}, stdin=subprocess.DEVNULL
    )
    theirs.close()
    return ours


def _path() -> list[str]:
    return [place or str(Path.cwd()) for place in sys.path]


def _told(claim: Claim, error: str) -> str:
    told = claim.text if len(claim.text) <= _TOLD else f"{claim.text[:_TOLD]}…"
    return f"{told!r} with the gold answer {claim.gold!r}: {error}"
