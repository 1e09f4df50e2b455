"""Jobs through submitit: a ``kedro run`` each, in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import submitit
from submitit.helpers import DelayedSubmission

from beyond_sharpening import interruption
from beyond_sharpening.errors import BadInput
from beyond_sharpening.grid import Slurm, Sweep
from beyond_sharpening.hooks import RUN_TAGS

UNLIMITED = 60 * 24 * 365  # minutes; submitit stops a local job after some time, two minutes unless told otherwise
PATIENCE = 60  # seconds for cancelled jobs to end in order


class KedroRun:
    """One ``kedro run`` as the function of a job.

    Where SLURM's time is up, or it needs the node, submitit queues the job again: the run goes on from its last
    state, as it does whenever it is run again.

    Args:
        arguments: those of ``kedro run``.
        project: root of the Kedro project.
        tags: tags of its MLflow run.
    """

    def __init__(self, arguments: Sequence[str], project: Path, tags: Mapping[str, str]) -> None:
        self.arguments, self.project, self.tags = list(arguments), project, dict(tags)
        self._process: subprocess.Popen[bytes] | None = None

    def __call__(self) -> None:
        """Run it.

        Raises:
            RuntimeError: if it fails; its output says why.
            InterruptedRun: if the job is cancelled.
        """
        if os.environ.get("SUBMITIT_EXECUTOR") == "local":
            signal.signal(signal.SIGTERM, interruption.interrupt)  # which submitit ignores
        print("kedro run " + " ".join(self.arguments), flush=True)
        environment = {**os.environ, RUN_TAGS: json.dumps(self.tags)}
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "kedro", "run", *self.arguments], cwd=self.project, env=environment
            )
            code = self._process.wait()
        finally:
            self._stop()
        if code:
            raise RuntimeError(f"kedro run ended with exit code {code}; what it said of it stands above")

    def checkpoint(self) -> DelayedSubmission:
        """What submitit queues when the job is about to lose its place: the same again."""
        self._stop()
        return DelayedSubmission(KedroRun(self.arguments, self.project, self.tags))

    def _stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait()


def check_executor(options: Sweep) -> list[list[int]]:
    """The GPUs of each place for a job, as many places as jobs run at once; SLURM chooses GPUs itself.

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
    wanted = options.at_once * options.gpus
    devices = _visible_gpus() if wanted else []
    if wanted > len(devices):
        raise BadInput(
            f"sweep.at_once = {options.at_once} jobs of sweep.gpus = {options.gpus} want {wanted} GPUs, and there are "
            f"{len(devices)} here: lower one of them, or set sweep.executor=slurm"
        )
    return [devices[place * options.gpus : (place + 1) * options.gpus] for place in range(options.at_once)]


def submit(run: KedroRun, name: str, folder: Path, options: Sweep, devices: Sequence[int]) -> submitit.Job[None]:
    """Start or queue a job.

    Args:
        run: what it does.
        name: of the job; in SLURM two of one name never run at the same time.
        folder: for its log, new for every job.
        options: the executor and what a job asks it for.
        devices: the GPUs of a local job.
    """
    if options.executor == "slurm":
        executor: submitit.Executor = submitit.SlurmExecutor(folder)
        executor.update_parameters(**_asked_of_slurm(name, options.gpus, options.slurm))
    else:
        executor = submitit.LocalExecutor(folder)
        executor.update_parameters(
            timeout_min=UNLIMITED,
            gpus_per_node=len(devices),
            visible_gpus=list(devices) or (),
            stderr_to_stdout=True,
        )
    # The terminal's signals are for the launcher, which then cancels its jobs in order; processes inherit the mask.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
    try:
        return executor.submit(run)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def cancel(jobs: Sequence[submitit.Job[None]]) -> None:
    """Cancel jobs; local ones have ended, or been given ``PATIENCE`` to, when this returns."""
    local = [job for job in jobs if isinstance(job, submitit.LocalJob)]
    for job in jobs:
        if job in local:
            os.kill(int(job.job_id), signal.SIGTERM)  # submitit's own way leaves a job a second before it kills it
        else:
            job.cancel(check=False)
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and not all(job.done() for job in local):
        time.sleep(0.1)


def _asked_of_slurm(name: str, gpus: int, slurm: Slurm) -> dict[str, object]:
    asked = {key: value for key, value in slurm.model_dump().items() if value not in (None, [])}
    if gpus:
        asked["gpus_per_node"] = gpus
    return {**asked, "job_name": name, "dependency": "singleton", "stderr_to_stdout": True}


def _visible_gpus() -> list[int]:
    import torch

    count = torch.cuda.device_count()
    if visible := os.environ.get("CUDA_VISIBLE_DEVICES"):
        return [int(device) for device in visible.split(",")][:count]
    return list(range(count))
