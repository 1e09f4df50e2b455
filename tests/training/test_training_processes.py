"""Several processes train as one would, and one that dies ends the training where it can go on."""

import os
import pickle
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
import torch
from mlflow import MlflowClient
from transformers import AutoModelForCausalLM

from beyond_sharpening.errors import WorkerFailed
from beyond_sharpening.grading import Grader
from beyond_sharpening.training import Job, launch
from beyond_sharpening.training.launch import JOB_FILE
from beyond_sharpening.wiring.tracking import RunMetrics
from training.gradient_worker import take_step
from training.small_cell import HARDWARE, KilledOnce, nowhere, options, task, train, weights

pytestmark = pytest.mark.whole

WORKER = Path(__file__).with_name("gradient_worker.py")
IMPORTED_FROM = os.pathsep.join(filter(None, sys.path))  # the processes import what this one does
PATIENCE = 180


@pytest.fixture(scope="module")
def two_processes(tmp_path_factory) -> Path:
    """What two processes left of their steps."""
    environment = {**os.environ, "PYTHONPATH": IMPORTED_FROM, "OMP_NUM_THREADS": "1"}
    folder = tmp_path_factory.mktemp("two")
    finished = subprocess.run(
        [sys.executable, WORKER, folder], env=environment, capture_output=True, text=True, timeout=PATIENCE
    )
    assert finished.returncode == 0, finished.stderr[-3000:]
    return folder


@pytest.mark.parametrize(
    ("kind", "double", "tolerance"), [("ddp", True, 1e-6), ("fsdp2", False, 1e-5), ("fsdp2_bfloat16", False, 0.05)]
)
def test_two_processes_take_the_step_that_one_takes(two_processes, kind, double, tolerance, tmp_path):
    """The same completions, the same gradient, and the same policy saved; FSDP2 shards each of them.

    Computed in bfloat16 it is the gradient of float32 but for rounding; log-probabilities are float32 all the same.
    """
    two, one = torch.load(two_processes / f"{kind}.pt"), take_step(tmp_path, 1, double)
    assert two["sharded"] == (kind != "ddp")
    assert two["precision"] == torch.float32
    assert set(two["gradient"]) == set(one.found)
    size = sum(part.square().sum() for part in one.found.values()).sqrt()
    apart = sum((part - two["gradient"][name]).square().sum() for name, part in one.found.items()).sqrt()
    assert apart / size < tolerance
    saved = [
        AutoModelForCausalLM.from_pretrained(at / "policy").state_dict() for at in (tmp_path, two_processes / kind)
    ]
    for name, weight in saved[0].items():
        torch.testing.assert_close(saved[1][name], weight, atol=tolerance, rtol=tolerance)


GRADE = Grader("beyond_sharpening.grading:grade", 1)
TWO = HARDWARE.model_copy(update={"processes": 2})


def test_a_killed_process_ends_the_training_and_the_same_command_ends_as_one_process_would(base, tmp_path, monkeypatch):
    """Policies and history are those of a training in one process that nothing interrupted, flips of R included."""
    monkeypatch.setenv("PYTHONPATH", IMPORTED_FROM)
    signal = {"type": "noisy", "false_positive": 0.5}
    asked, two = options("tilted", validate_every=1, signal=signal), tmp_path / "two"
    track = KilledOnce(step=3, marker=tmp_path / "killed")
    told = r"process 0 was killed by SIGKILL; the state of step 2 is kept, and the same .* from there\. The usual cause"
    with pytest.raises(WorkerFailed, match=told):
        train(base, task(GRADE), asked, TWO, 0, two, track)
    resumed = train(base, task(GRADE), asked, TWO, 0, two, track)
    whole = train(base, task(GRADE), asked, HARDWARE, 0, tmp_path / "one", nowhere)
    own = ["step_time", "tokens_per_second"]
    histories = [trained.history.drop(columns=own) for trained in (resumed, whole)]
    pd.testing.assert_frame_equal(*histories, rtol=1e-4, atol=1e-4)
    assert whole.history["signal"].between(0.1, 0.9).all()
    assert (whole.history["task_accuracy"] == 0).all()
    for name, weight in weights(whole.last).items():
        torch.testing.assert_close(weights(resumed.last)[name], weight, atol=1e-4, rtol=1e-4)
    assert resumed.best.path.is_dir()
    assert not (two / JOB_FILE).exists()


def test_a_tracker_writes_into_a_run_from_where_it_is_not_open(tmp_path):
    """As the first of several processes does; whoever opened the run closes it."""
    client = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    run = client.create_run(client.create_experiment("cells")).info.run_id
    track = pickle.loads(pickle.dumps(RunMetrics(client.tracking_uri, run)))
    track({"reward": 0.5, "kl": float("nan")}, 3)
    (point,) = client.get_metric_history(run, "reward")
    assert (point.value, point.step) == (0.5, 3)
    assert set(client.get_run(run).data.metrics) == {"reward"}
    assert client.get_run(run).info.status == "RUNNING"


def test_a_worker_that_fails_says_of_what(tmp_path):
    """Of the worker that failed, not of those that were ended for it; torch tells it with a traceback or without."""
    for told in ("Traceback ...\nFloatingPointError: step 3: nan\n", {"message": "FloatingPointError: step 3: nan"}):
        ended = SimpleNamespace(exitcode=-signal.SIGTERM, timestamp=1, message="")
        error = SimpleNamespace(failures={0: ended, 1: SimpleNamespace(exitcode=1, timestamp=2, message=told)})
        assert launch._describe(error, tmp_path).startswith(
            "training process 1 failed: FloatingPointError: step 3: nan; no state was kept yet"
        )


def test_other_machines_are_told_which_command_joins_them(tmp_path):
    """It starts the same worker on the same job, at the same meeting place."""
    hardware = HARDWARE.model_copy(update={"processes": 8, "machines": 2, "rendezvous": "node0:29500"})
    job = Job(None, task(GRADE), options("tempered"), hardware, 0, tmp_path / "cell", print)
    assert launch._command(job) == (
        "torchrun --nnodes=2 --nproc-per-node=8 --rdzv-backend=c10d --rdzv-endpoint=node0:29500 "
        f"--rdzv-id=tempered-cell -m beyond_sharpening.training.worker {tmp_path}/cell/job.pickle"
    )


def test_nothing_of_the_parameters_reaches_a_shell_unquoted(tmp_path):
    hardware = HARDWARE.model_copy(update={"processes": 1, "machines": 2, "rendezvous": "node0; rm -r ~"})
    job = Job(None, task(GRADE), options("tempered"), hardware, 0, tmp_path / "a cell", print)
    command = shlex.split(launch._command(job))
    assert "--rdzv-endpoint=node0; rm -r ~" in command
    assert command[-1] == str(tmp_path / "a cell" / "job.pickle")
