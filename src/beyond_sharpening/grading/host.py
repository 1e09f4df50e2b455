"""A process that has imported nothing but the grader: its worker processes are small and start quickly.

A training has imported torch and more; workers started from it would do so too. It starts this process instead and
speaks with it through a pipe; see :mod:`beyond_sharpening.grading.pool`.
"""

import multiprocessing
import signal
import sys
from concurrent.futures import wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from typing import NamedTuple

from pebble import ProcessFuture, ProcessPool

from beyond_sharpening.grading.canonical import canonical
from beyond_sharpening.grading.verdict import Claim, Verdict
from beyond_sharpening.grading.worker import Failure, start, work

# Seconds that a worker may take for one of computing: it may have to wait for a processor, or compute deaf to signals.
_PATIENCE = 10


class Request(NamedTuple):
    """Claims to judge: by which function, found where, in how many processes, in how many seconds each."""

    function: str
    path: list[str]
    claims: list[Claim]
    workers: int
    seconds: float


def main(pipe: int) -> None:
    """Serve requests from the pipe of that number until its other end closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupted training closes the pipe
    multiprocessing.get_context("forkserver").set_forkserver_preload(
        ["beyond_sharpening.grading.warm", "beyond_sharpening.grading.worker"]
    )
    connection = Connection(pipe)
    pools: dict[tuple[str, int], ProcessPool] = {}
    try:
        while True:
            connection.send(_answer(connection.recv(), pools, connection))
    except (EOFError, ConnectionError):
        for pool in pools.values():
            pool.stop()
            pool.join()


def _answer(
    request: Request, pools: dict[tuple[str, int], ProcessPool], connection: Connection
) -> list[Verdict | Failure] | None:
    """The verdicts in order; None where no worker can be started.

    Raises:
        EOFError: if who asked is there no more.
    """
    key = (request.function, request.workers)
    if key not in pools:
        sys.path[:] = request.path
        context = multiprocessing.get_context("forkserver")
        pools[key] = ProcessPool(request.workers, context=context, initializer=start, initargs=[request.function])
    try:
        futures = [
            pools[key].schedule(
                work, args=[request.function, claim, request.seconds], timeout=_PATIENCE * request.seconds
            )
            for claim in request.claims
        ]
        for future in futures:
            while wait([future], timeout=1).not_done:
                if connection.poll():  # nothing comes while an answer is due, but the end
                    raise EOFError
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
