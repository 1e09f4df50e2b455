"""A training in several processes, on one machine or more, under torch's elastic launcher."""

from __future__ import annotations

import logging
import pickle
import shlex
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from beyond_sharpening import interruption
from beyond_sharpening.cells.place import sealed_states
from beyond_sharpening.errors import WorkerFailed

if TYPE_CHECKING:
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    from beyond_sharpening.training.job import Job

logger = logging.getLogger(__name__)

JOB_FILE = "job.pickle"
WHY_KILLED = (
    ". The usual cause of SIGKILL is that the machine's memory was full: lower hardware.processes, "
    "hardware.generation_batch or hardware.train_batch"
)
WORKER = "beyond_sharpening.training.worker"


def train_in_processes(job: Job) -> None:
    """Run the job's workers and wait for them; what they make is in the workspace.

    With several machines, this process starts those of its own machine and says which command starts the others'.

    Raises:
        WorkerFailed: if a worker ends before its time; the others are ended too, and the last state is kept.
        InterruptedRun: if this process is told to stop.
    """
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    hardware, file = job.hardware, job.workspace / JOB_FILE
    file.touch(mode=0o600)  # it knows the tracking server's address, with whatever is secret in it
    file.write_bytes(pickle.dumps(job))
    endpoint = hardware.rendezvous or "localhost:0"
    if hardware.machines > 1:
        logger.warning("waiting for %d other machine(s); on each, run:\n  %s", hardware.machines - 1, _command(job))
    config = LaunchConfig(
        min_nodes=hardware.machines,
        max_nodes=hardware.machines,
        nproc_per_node=hardware.processes,
        run_id=_run_id(job),
        rdzv_backend="c10d",
        rdzv_endpoint=endpoint,
        max_restarts=0,
        monitor_interval=0.5,
    )
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        elastic_launch(config, sys.executable)("-m", WORKER, str(file))
    except ChildFailedError as error:
        raise WorkerFailed(_describe(error, job.workspace)) from error
    except SignalException as error:
        interruption.interrupt(error.sigval, None)
    finally:
        for number, handler in before.items():  # the launcher put its own in their place
            signal.signal(number, handler)
        file.unlink(missing_ok=True)


def _run_id(job: Job) -> str:
    return f"{job.options.objective}-{job.workspace.name}"


def _command(job: Job) -> str:
    """For a shell: what came from parameters is quoted."""
    hardware = job.hardware
    options = {
        "nnodes": hardware.machines,
        "nproc-per-node": hardware.processes,
        "rdzv-backend": "c10d",
        "rdzv-endpoint": hardware.rendezvous,
        "rdzv-id": _run_id(job),
    }
    told = [f"--{name}={value}" for name, value in options.items()]
    return shlex.join(["torchrun", *told, "-m", WORKER, str(job.workspace / JOB_FILE)])


def _describe(error: ChildFailedError, workspace: Path) -> str:
    """Which worker failed first, of what, and what is left."""
    # The launcher ends the others with SIGTERM, within the second that tells the failures' times apart.
    rank, failure = min(
        error.failures.items(), key=lambda item: (item[1].exitcode == -signal.SIGTERM, item[1].timestamp)
    )
    cause = (
        f"was killed by {failure.signal_name()}" if failure.exitcode < 0 else f"failed: {_last_line(failure.message)}"
    )
    steps = sealed_states(workspace)
    kept = f"the state of step {steps[-1]} is kept" if steps else "no state was kept yet"
    told = f"training process {rank} {cause}; {kept}, and the same command goes on from there"
    return told + (WHY_KILLED if failure.exitcode == -signal.SIGKILL else "")


def _last_line(message: str | dict) -> str:
    """A worker's exception, without its traceback."""
    text = str(message.get("message", "")) if isinstance(message, dict) else message
    return next((line for line in reversed(text.splitlines()) if line.strip()), "it left no message")
