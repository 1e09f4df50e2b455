"""Jobs through submitit: on this machine, or on a SLURM cluster."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import psutil
import submitit

from beyond_sharpening.errors import BadInput
from beyond_sharpening.parameters.sweep import Slurm, Sweep

UNLIMITED = 60 * 24 * 365  # minutes; submitit stops a local job after some time, two minutes unless told otherwise
PATIENCE = 60  # seconds for cancelled jobs to end in order


def job_places(options: Sweep, gpus: int) -> list[list[int]]:
    """The GPUs of each place for a job, as many places as jobs run at once; SLURM chooses GPUs itself.

    Args:
        options: the executor, and how many jobs run at once.
        gpus: the most that one of the jobs wants.

    Raises:
        BadInput: if there is no SLURM here, or there are fewer GPUs than the jobs want.
    """
    if options.executor == "slurm":
        if submitit.SlurmExecutor.affinity() < 0:
            raise BadInput(
                "sweep.executor = 'slurm': there is no srun here; run this on a node of the cluster that may submit "
                "jobs, or set sweep.executor=local"
            )
        return [[] for _ in range(options.at_once)]
    wanted = options.at_once * gpus
    devices = _visible_gpus() if wanted else []
    if wanted > len(devices):
        raise BadInput(
            f"sweep.at_once = {options.at_once} jobs of hardware.processes = {gpus} want {wanted} GPUs, and there are "
            f"{len(devices)} here: lower one of them, or set sweep.executor=slurm"
        )
    return [devices[place * gpus : (place + 1) * gpus] for place in range(options.at_once)]


def submit(
    run: Callable[[], None], name: str, folder: Path, options: Sweep, gpus: int, place: Sequence[int]
) -> submitit.Job[None]:
    """Start or queue a job.

    Args:
        run: what it does.
        name: of the job; in SLURM two of one name never run at the same time.
        folder: for its log, new for every job.
        options: the executor and what a job asks it for.
        gpus: how many GPUs it uses.
        place: the GPUs that a local job has to itself; it gets the first ones.
    """
    if options.executor == "slurm":
        executor: submitit.Executor = submitit.SlurmExecutor(folder)
        executor.update_parameters(**_asked_of_slurm(name, gpus, options.slurm))
    else:
        executor = submitit.LocalExecutor(folder)
        executor.update_parameters(
            timeout_min=UNLIMITED,
            gpus_per_node=gpus,
            visible_gpus=list(place[:gpus]) or (),
            stderr_to_stdout=True,
        )
    # The terminal's signals are for the launcher, which then cancels its jobs in order; processes inherit the mask.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
    try:
        return executor.submit(run)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def cancel(jobs: Sequence[submitit.Job[None]]) -> None:
    """Cancel jobs; local ones have ended when this returns: those that do not in ``PATIENCE`` are killed."""
    local = [job for job in jobs if isinstance(job, submitit.LocalJob)]
    for job in jobs:
        if job in local:
            os.kill(int(job.job_id), signal.SIGTERM)  # submitit's own way leaves a job a second before it kills it
        else:
            job.cancel(check=False)
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and not all(job.done() for job in local):
        time.sleep(0.1)
    for job in local:
        if not job.done():
            _kill(int(job.job_id))


def _kill(process: int) -> None:
    """A process and all that it has started."""
    with suppress(psutil.NoSuchProcess):
        first = psutil.Process(process)
        for each in [*first.children(recursive=True), first]:
            with suppress(psutil.NoSuchProcess):
                each.kill()


def _asked_of_slurm(name: str, gpus: int, slurm: Slurm) -> dict[str, object]:
    asked = {key: value for key, value in slurm.model_dump().items() if value not in (None, [])}
    if gpus:
        asked["gpus_per_node"] = gpus
    return {**asked, "job_name": name, "dependency": "singleton", "stderr_to_stdout": True}


def _visible_gpus() -> list[int]:
    import torch

    count = torch.cuda.device_count()
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if not visible:
        return list(range(count))
    named = [device.strip() for device in visible.split(",")]
    if not all(device.isdigit() for device in named):
        raise BadInput(f"CUDA_VISIBLE_DEVICES = {visible!r}: local jobs are given GPUs by number, so name them so here")
    return [int(device) for device in named][:count]
