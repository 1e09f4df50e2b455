"""Worker processes that judge claims under a time limit each."""

import logging
import multiprocessing
import resource
from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool
from threading import Lock

from pebble import ProcessFuture, ProcessPool

from beyond_sharpening.grading.canonical import canonical
from beyond_sharpening.grading.judge import Claim, judge, warm_up
from beyond_sharpening.grading.verdict import UNPARSABLE, Verdict

logger = logging.getLogger(__name__)

_TOLD = 200  # characters of an answer in a warning
_MEMORY = 2 << 30  # bytes of data in a worker, some forty times what it starts with

_pools: dict[int, ProcessPool] = {}
_pools_lock = Lock()


def judge_in_processes(claims: Sequence[Claim], workers: int, timeout: float) -> list[Verdict]:
    """Judge the claims in worker processes that stay for the next call.

    Args:
        claims: what to judge.
        workers: how many processes.
        timeout: seconds a claim may take; its worker is killed and replaced after that.

    Returns:
        A verdict a claim; one that takes more memory than a worker may is unparsable.

    Raises:
        RuntimeError: if worker processes cannot be started.
    """
    try:
        pool = _pool(workers)
        futures = [pool.schedule(judge, args=[claim], timeout=timeout) for claim in claims]
        try:
            return [_verdict(claim, future) for claim, future in zip(claims, futures, strict=True)]
        finally:
            for future in futures:
                future.cancel()
    except BrokenProcessPool as error:
        with _pools_lock:
            _pools.pop(workers, None)
        raise RuntimeError(
            "The grader's worker processes cannot start. A script that grades while it is being imported must do so "
            'under `if __name__ == "__main__":`, and one read from standard input must be a file, because every worker '
            "imports the main script."
        ) from error


def _pool(workers: int) -> ProcessPool:
    """Return the pool of that size, made on first use.

    Workers come from a fork server: forking a process that runs threads of torch can deadlock.
    """
    with _pools_lock:
        if workers not in _pools:
            context = multiprocessing.get_context("forkserver")
            _pools[workers] = ProcessPool(max_workers=workers, context=context, initializer=_start)
        return _pools[workers]


def _start() -> None:
    """Prepare a worker; what wants more memory than ``_MEMORY``, a power with ten digits, fails in it alone."""
    warm_up()
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY if hard == resource.RLIM_INFINITY else min(_MEMORY, hard), hard))


def _verdict(claim: Claim, future: ProcessFuture) -> Verdict:
    try:
        return future.result()
    except TimeoutError:
        return Verdict("timeout", canonical(claim.text))
    except BrokenProcessPool:
        raise
    except Exception as error:  # sympy raises almost anything, and a killed worker is no verdict on the answer
        told = claim.text if len(claim.text) <= _TOLD else f"{claim.text[:_TOLD]}…"
        logger.warning("Grading failed on %r against %r (%r): counted as unparsable.", told, claim.gold, error)
        return UNPARSABLE
