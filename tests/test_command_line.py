"""The command line: bad input is told plainly, and a signal fails the run instead of finishing it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from kedro.framework.startup import bootstrap_project
from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from beyond_sharpening import interruption
from beyond_sharpening.cli import cli

ROOT = Path(__file__).resolve().parents[1]
pytestmark = [pytest.mark.whole, pytest.mark.filterwarnings("ignore:register_new_resolver", "ignore:.*type hints")]
PATIENCE = 120  # seconds until a small run trains, on a machine that is busy with other things


def kedro_run(data: Path, *arguments: str) -> Result:
    bootstrap_project(ROOT)
    return CliRunner().invoke(cli, ["run", "--env=test", f"--params=data={data}", *arguments])


def tracked(data: Path) -> list[Run]:
    client = MlflowClient(f"sqlite:///{data}/mlflow.db")
    return client.search_runs([experiment.experiment_id for experiment in client.search_experiments()])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--params=data={data},model=gpt5"], "--params: model = 'gpt5': unknown; known: any_model, llama32_3b, "),
        (["--params=data={data},train.tilted.alpha=-1"], "--params: train.tilted.alpha = -1: Input should be "),
        (["--env=cluster"], "--env=cluster: there is no folder conf/cluster; known: base, gpu, gpu24, laptop, "),
        (["--pipeline=train_grpo"], "--pipeline=train_grpo: unknown; known: __default__, benchmark, compare, "),
        (["--runner=ParallelRunner"], "--runner=ParallelRunner: MLflow's data sets cannot be shared between processes"),
        (["--pipeline=train_tilted", "--from-nodes=train"], "Did you mean: ['train_and_evaluate.train_tilted.train']?"),
        (["--pipeline=train_tilted", "--nodes=train_and_evaluate.train_tilted.train"],
         "the run begins with base_policy, which is not there ("),
        (["--env=gpu"], "hardware.device = 'cuda', but torch"),
    ],
)  # fmt: skip
def test_bad_input_is_the_last_line_without_a_traceback_and_nothing_is_made(tmp_path, monkeypatch, arguments, told):
    """Also in a process whose last command was stopped by a signal."""
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr(interruption, "_received", [signal.SIGTERM])
    result = kedro_run(tmp_path, *(argument.format(data=tmp_path) for argument in arguments))
    assert result.exit_code == 1
    error = result.output[result.output.index("Error: ") :]
    assert told in error
    assert len(error.splitlines()) <= 2
    assert "Traceback" not in result.output
    assert not (tmp_path / "05_model_input").exists()


def test_every_params_is_heard(tmp_path):
    """click alone would keep the last one."""
    result = kedro_run(tmp_path, "--params=train_seed=x", "--params=sample_seed=y,train_seed=z")
    assert "--params: sample_seed = 'y': " in result.output
    assert "--params: train_seed = 'z': " in result.output, "the last word is its"


@pytest.fixture(scope="module")
def data(tmp_path_factory, with_store) -> Path:
    """One folder for both runs: the second finds what it trains from."""
    return with_store(tmp_path_factory.mktemp("data"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_fails_the_run_and_its_cell_and_says_so(data, number):
    """SIGINT reaches the whole process group, as from a keyboard; SIGTERM the process alone, as from a scheduler."""
    seed = str(int(number))
    endless = f"--params=data={data},train_seed={seed},train.task_reward.steps=1000000"
    process = subprocess.Popen(
        [sys.executable, "-m", "kedro", "run", "--env=test", "--pipeline=train_task_reward", endless],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "TQDM_DISABLE": "1"},  # nobody reads the pipe while it trains
        start_new_session=True,
    )
    try:
        wait_for_a_state(process, data)
        if number == signal.SIGINT:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        output, _ = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    assert process.returncode == 1
    assert output.splitlines()[-1] == f"Error: the run was stopped by {number.name}; a rerun goes on where it can"
    runs = tracked(data)
    asked = [run for run in runs if run.data.tags.get("train_seed") == seed]
    (parent,) = [run for run in asked if "mlflow.parentRunId" not in run.data.tags]
    (cell,) = [run for run in runs if run.data.params.get("train_seed") == seed and run is not parent]
    assert parent.info.status == cell.info.status == "FAILED"
    assert cell.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert "reward" in cell.data.metrics, "what was made stays"
    assert not list(data.glob(f"06_models/tiny/task_reward/*/seed-{seed}/*")), "nothing unfinished looks finished"


def test_what_a_library_made_of_the_signal_is_told_as_the_signal(monkeypatch):
    """MLflow turns whatever is raised while it writes into an exception of its own."""

    def stopped_while_mlflow_wrote(**options):
        try:
            interruption.interrupt(signal.SIGINT, None)
        except interruption.InterruptedRun as error:
            raise MlflowException("wrapped") from error

    monkeypatch.setattr("beyond_sharpening.cli.kedro_run.callback", stopped_while_mlflow_wrote)
    monkeypatch.setattr(interruption, "_received", [])
    result = CliRunner().invoke(cli, ["run"])
    assert result.exit_code == 1
    assert result.output.splitlines()[-1] == "Error: the run was stopped by SIGINT; a rerun goes on where it can"


def wait_for_a_state(process: subprocess.Popen, data: Path) -> None:
    """Until the training has saved a state to resume from that was not there before."""
    pattern, until = (
        "06_models/tiny/workspace/task_reward-*/checkpoint-*/trainer_state.json",
        time.monotonic() + PATIENCE,
    )
    before = {path.parts[-3] for path in data.glob(pattern)}
    while {path.parts[-3] for path in data.glob(pattern)} == before:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until, "no training within the time allowed"
        time.sleep(0.1)
