"""A process that has imported nothing but the grader, and whose worker processes are therefore small and quick to start.

A training has imported torch and more; workers started from it would do so too. It starts this process instead and
speaks with it through a pipe; see :mod:`beyond_sharpening.grading.pool`.
"""

import multiprocessing
import signal
import sys
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from typing import NamedTuple

from pebble import ProcessFuture, ProcessPool

from beyond_sharpening.grading.canonical import canonical
from beyond_sharpening.grading.judge import Claim
from beyond_sharpening.grading.verdict import Verdict
from beyond_sharpening.grading.worker import Failure, start, work

# Seconds that a worker may take for one of computing: it may have to wait for a processor, or compute deaf to signals.
_PATIENCE = 4


class Request(NamedTuple):
    """Claims to judge: by which function, in how many processes, in how many seconds each."""

    function: str
    claims: list[Claim]
    workers: int
    seconds: float


def main(pipe: int) -> None:
    """Serve requests from the pipe of that number until its other end closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupted training closes the pipe
    multiprocessing.get_context("forkserver").set_forkserver_preload(["math_verify", "beyond_sharpening.grading.worker"])
    connection = Connection(pipe)
    pools: dict[tuple[str, int], ProcessPool] = {}
    try:
        sys.path[:] = connection.recv()
        while True:
            connection.send(_answer(connection.recv(), pools))
    except (EOFError, ConnectionError):
        for pool in pools.values():
            pool.stop()
            pool.join()


def _answer(request: Request, pools: dict[tuple[str, int], ProcessPool]) -> list[Verdict | Failure] | None:
    """The verdicts in order; None where no worker can be started."""
    key = (request.function, request.workers)
    if key not in pools:
        context = multiprocessing.get_context("forkserver")
        pools[key] = ProcessPool(request.workers, context=context, initializer=start, initargs=[request.function])
    try:
        futures = [
            pools[key].schedule(
                work, args=[request.function, claim, request.seconds], timeout=_PATIENCE * request.seconds
            )
            for claim in request.claims
        ]
        return [_outcome(claim, future) for claim, future in zip(request.claims, futures, strict=True)]
    except BrokenProcessPool:
        del pools[key]
        return None


def _outcome(claim: Claim, future: ProcessFuture) -> Verdict | Failure:
    try:
        return future.result()
    except TimeoutError:
        return Verdict("timeout", canonical(claim.text) or None)
    except BrokenProcessPool:
        raise
    except Exception as error:  # the worker died
        return Failure(repr(error)[:400])
