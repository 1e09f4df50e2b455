"""A sweep of the small model by submitit's local executor: two cells at once, one that fails, one interrupted."""

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
from mlflow.tracking import MlflowClient

from beyond_sharpening.cli import cli

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.whole, pytest.mark.filterwarnings("ignore:register_new_resolver", "ignore:.*type hints")]
PATIENCE = 180  # seconds until a small run trains, on a machine that is busy with other things
SHARED, GOOD, TEMPERED = "tiny/base", "tiny/task_reward/default/seed-0", "tiny/tempered/alpha2/seed-0"
BAD, ENDLESS = "tiny/tempered/alpha2-trl.optim_no_such/seed-0", "tiny/tempered/alpha2-steps1000000/seed-0"


@pytest.fixture(scope="module")
def data(tmp_path_factory, with_store) -> Path:
    return with_store(tmp_path_factory.mktemp("data"))


def sweep(data: Path, *parameters: str, only_list: bool = False) -> Result:
    bootstrap_project(ROOT)
    asked = f"--params={','.join([f'data={data}', *parameters])}"
    return CliRunner().invoke(cli, ["sweep", "--env=test", asked, *(["--list"] if only_list else [])])


@pytest.fixture(scope="module")
def one_failed(data) -> Result:
    """Tempered asks for an optimiser that there is not, which TRL says when the training starts."""
    return sweep(data, "train.tempered.trl.optim=no_such")


def runs(data: Path) -> list[Run]:
    client = MlflowClient(f"sqlite:///{data}/mlflow.db")
    return client.search_runs([experiment.experiment_id for experiment in client.search_experiments()])


def beneath(data: Path, parent: Run) -> dict[str, Run]:
    """The latest run of each name."""
    nested = [run for run in runs(data) if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id]
    return {run.info.run_name: run for run in sorted(nested, key=lambda run: run.info.start_time)}


def table(result: Result) -> dict[str, str]:
    """How each task ended, by the table printed last."""
    lines = result.output[result.output.rindex("\n\n") :].splitlines()
    return {name: ending for ending, name, *_ in (line.split() for line in lines if "tiny/" in line)}


def parent_of(data: Path) -> Run:
    """The run of the last sweep."""
    return max((run for run in runs(data) if run.info.run_name == "sweep"), key=lambda run: run.info.start_time)


def test_bad_input_is_the_last_line_without_a_traceback_and_nothing_is_launched(tmp_path):
    refused = sweep(tmp_path, "sweep.executor=pbs")
    assert refused.exit_code == 1
    assert "Error: invalid parameters, nothing was run:\n  --params: sweep.executor = 'pbs': Input" in refused.output
    assert "Traceback" not in refused.output
    assert "started" not in refused.output


def test_a_cell_that_fails_stops_no_other_and_fails_the_sweep(data, one_failed):
    assert one_failed.exit_code == 1
    assert table(one_failed) == {SHARED: "finished", GOOD: "finished", BAD: "failed"}
    assert one_failed.output.splitlines()[-1].startswith("Error: 1 of 3 did not finish: read their logs")
    (line,) = [line for line in one_failed.output.splitlines() if line.startswith("failed") and ".out" in line]
    told = "ValueError: no_such is not a valid OptimizerNames, please select one of"
    assert told in Path(line.split()[-1]).read_text()
    lines = one_failed.output.splitlines()
    assert told in lines[lines.index(line) + 1], "the cause stands below the log"


def test_a_dry_run_lists_the_cells_and_makes_nothing(tmp_path):
    planned = sweep(tmp_path, "dry_run=true")
    assert planned.exit_code == 0, planned.output
    assert planned.output.splitlines()[-3:] == [f"to do{' ' * 19}{name}" for name in (SHARED, GOOD, TEMPERED)]
    assert not (tmp_path / "08_reporting").exists()
    assert runs(tmp_path) == []


def test_two_cells_run_at_once(one_failed):
    lines = [line.split()[:2] for line in one_failed.output.splitlines() if line.startswith(("started", "finished"))]
    assert [line[0] for line in lines[:4]] == ["started", "finished", "started", "started"]
    assert lines[0][1].startswith(SHARED), "what cells share is made first"


def test_the_cells_are_nested_in_one_mlflow_run(data, one_failed):
    parent = parent_of(data)
    cells = beneath(data, parent)
    assert {name: run.info.status for name, run in cells.items()} == {
        SHARED: "FINISHED",
        GOOD: "FINISHED",
        BAD: "FAILED",
    }
    assert parent.info.status == "FAILED"
    assert parent.data.params == {
        "models": '["tiny"]',
        "seeds": "[0]",
        "objectives": '["task_reward", "tempered"]',
        "tempered.alpha": "[2.0]",
        "tempered.normalisation": '["sum"]',
    }
    assert (parent.data.metrics["finished"], parent.data.metrics["failed"]) == (2, 1)
    (training,) = beneath(data, cells[GOOD]).values()
    assert "reward" in training.data.metrics


def test_an_interrupted_sweep_cancels_its_jobs_and_leaves_what_it_can_go_on_from(data, one_failed):
    """The terminal's Ctrl-C reaches every process of the group; what is finished is not touched."""
    endless = "train.tempered.steps=1000000"
    process = subprocess.Popen(
        [sys.executable, "-m", "kedro", "sweep", "--env=test", f"--params=data={data},{endless}"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        wait_for_a_state(process, data)
        os.killpg(process.pid, signal.SIGINT)
        output, _ = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    assert process.returncode == 1
    assert output.splitlines()[-1] == "Error: the run was stopped by SIGINT; a rerun goes on where it can"
    assert leaves_no_process(process.pid)
    parent = parent_of(data)
    assert parent.info.status == beneath(data, parent)[ENDLESS].info.status == "FAILED"
    listed = sweep(data, endless, only_list=True).output.splitlines()
    assert listed[-2:] == [f"finished                {GOOD}", f"half-trained            {ENDLESS}"]


def leaves_no_process(group: int) -> bool:
    """Helpers of the jobs' processes notice within seconds that these have ended."""
    for _ in range(100):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


def test_what_is_finished_is_skipped(data, one_failed):
    again = sweep(data, "sweep.objectives.tempered=null")
    assert again.exit_code == 0, again.output
    assert again.output.splitlines()[-2:] == [f"skipped   {SHARED}", f"skipped   {GOOD}"]
    assert "started" not in again.output


def wait_for_a_state(process: subprocess.Popen, data: Path) -> None:
    """Until the training has saved a state to resume from."""
    until = time.monotonic() + PATIENCE
    while not list(data.glob("06_models/tiny/workspace/tempered-*/checkpoint-*/trainer_state.json")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until, "no training within the time allowed"
        time.sleep(0.1)
