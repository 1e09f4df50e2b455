"""Jobs: where they run, what they ask for, and how they end. A stand-in for ``kedro run`` keeps them to a second."""

import os
import signal
import time
from pathlib import Path

import psutil
import pytest
import submitit

from beyond_sharpening.errors import BadInput
from beyond_sharpening.parameters.sweep import Sweep
from beyond_sharpening.sweep.executors import cancel, job_places, submit
from beyond_sharpening.sweep.job import KedroRun
from sweep.stand_in import stand_in, wait_until_started


def options(**changed) -> Sweep:
    shipped = {"models": "tiny", "seeds": 0, "objectives": {"tilted": {}}, "at_once": 2, "slurm": {}}
    return Sweep.model_validate({**shipped, "executor": "local", **changed})


def start(folder: Path, *arguments: str, gpus: int = 0, place: tuple[int, ...] = ()) -> submitit.Job[None]:
    stand_in(folder)
    run = KedroRun(arguments, folder, {"TOLD": "of the sweep"})
    return submit(run, "tiny/tilted", folder / "jobs", options(), gpus, place)


def test_a_job_runs_kedro_with_its_arguments_environment_and_gpus(tmp_path):
    job = start(tmp_path, "--pipeline=evaluate_tilted", gpus=2, place=(4, 5, 6, 7))
    assert job.exception() is None
    log = job.paths.stdout.read_text()
    assert "['run', '--pipeline=evaluate_tilted'] of the sweep 4,5\n" in log


def test_a_run_that_fails_fails_its_job(tmp_path):
    assert "kedro run ended with exit code 1" in str(start(tmp_path, "--pipeline=fail").exception())


def test_a_cancelled_job_lets_its_run_end_in_order(tmp_path):
    job = start(tmp_path, "--pipeline=wait")
    wait_until_started(tmp_path)
    cancel([job])
    assert job.done()
    assert (tmp_path / "ended_in_order").exists()
    assert "stopped by SIGTERM" in str(job.exception())


def test_a_job_that_loses_its_place_is_queued_again_and_its_run_goes_on(tmp_path):
    job = start(tmp_path, "--pipeline=wait")
    wait_until_started(tmp_path)
    (task,) = psutil.Process(int(job.job_id)).children()
    task.send_signal(signal.SIGUSR2)  # as SLURM does where time is up or the node is wanted
    assert job.exception() is None
    assert (tmp_path / "starts").read_text() == "++"
    assert (tmp_path / "ended_in_order").exists()


def test_the_terminal_reaches_the_launcher_alone(tmp_path):
    job = start(tmp_path, "--pipeline=wait")
    wait_until_started(tmp_path)
    os.kill(int(job.job_id), signal.SIGINT)
    time.sleep(2)  # submitit would give up its job within one
    assert not job.done()
    cancel([job])


@pytest.fixture
def eight_gpus(monkeypatch):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 8)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def test_each_place_has_gpus_of_its_own(eight_gpus, monkeypatch):
    assert job_places(options(at_once=8), gpus=1) == [[0], [1], [2], [3], [4], [5], [6], [7]]
    assert job_places(options(at_once=2), gpus=4) == [[0, 1, 2, 3], [4, 5, 6, 7]]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "6,7")
    assert job_places(options(at_once=2), gpus=1) == [[6], [7]]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-8932f937")
    with pytest.raises(BadInput, match="local jobs are given GPUs by number"):
        job_places(options(), gpus=1)


def test_more_gpus_than_there_are_is_refused(eight_gpus):
    with pytest.raises(
        BadInput, match=r"at_once = 3 jobs of hardware.processes = 4 want 12 GPUs, and there are 8 here"
    ):
        job_places(options(at_once=3), gpus=4)


def test_without_slurm_here_it_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BadInput, match=r"sweep\.executor = 'slurm': there is no srun here"):
        job_places(options(executor="slurm"), gpus=4)


def test_slurm_is_asked_for_what_the_parameters_say(monkeypatch, tmp_path):
    """``sbatch`` and ``srun`` are scripts here: the first keeps what it was given."""
    for name, body in {"srun": "", "sbatch": f"cp $1 {tmp_path}/asked; echo Submitted batch job 7"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    slurm = {"partition": "gpu", "time": 600, "cpus_per_task": 16, "setup": ["module load cuda"]}
    asked = options(executor="slurm", slurm=slurm)
    assert job_places(asked, gpus=4) == [[], []]
    job = submit(KedroRun([], tmp_path, {}), "tiny/tilted/seed-0", tmp_path / "jobs", asked, 4, [])
    assert job.job_id == "7"
    lines = (tmp_path / "asked").read_text().splitlines()
    asked_for = [line.removeprefix("#SBATCH --") for line in lines if line.startswith("#SBATCH --")]
    flags = dict(flag.split("=", 1) for flag in asked_for)
    assert {key: flags[key] for key in ("partition", "time", "cpus-per-task", "gpus-per-node", "dependency")} == {
        "partition": "gpu",
        "time": "600",
        "cpus-per-task": "16",
        "gpus-per-node": "4",
        "dependency": "singleton",
    }
    assert flags["job-name"] == "tiny/tilted/seed-0"
    assert "account" not in flags
    assert "module load cuda" in lines
