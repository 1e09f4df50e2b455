"""The order of a launch, and its MLflow run; ``kedro run`` is a stand-in that does what a task's pipeline is called."""

import os
import signal
import threading
from dataclasses import replace
from pathlib import Path

import mlflow
import psutil
import pytest
from mlflow.tracking import MlflowClient

from beyond_sharpening.errors import BadInput
from beyond_sharpening.interruption import InterruptedRun
from beyond_sharpening.parameters.sweep import Sweep
from beyond_sharpening.sweep.launch import Outcome, launch
from beyond_sharpening.sweep.plan import Plan, State, Task
from sweep.stand_in import stand_in, wait_until_started

pytestmark = pytest.mark.whole


@pytest.fixture(autouse=True)
def tracking(tmp_path):
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    yield
    mlflow.set_tracking_uri(before)


def plan(folder: Path, *tasks: Task, at_once: int = 2) -> Plan:
    stand_in(folder)
    options = {"models": "tiny", "seeds": 0, "objectives": {"tilted": {}}, "slurm": {}, "executor": "local"}
    sweep = Sweep.model_validate({**options, "at_once": at_once})
    return Plan(list(tasks), sweep, [[]] * at_once, folder, folder / "data", None, "sweeps")


def task(name: str, does: str = "well", after: str | None = None, state: State = State.TO_DO) -> Task:
    return Task(name, does, {"model": name}, state, after)


def endings(outcomes) -> dict[str, str]:
    return {name: outcome.ending for name, outcome in outcomes.items()}


def parent():
    (run,) = mlflow.search_runs(search_all_experiments=True, output_format="list")
    return run


def test_a_task_waits_for_the_one_it_needs_and_no_more_run_at_once_than_asked(tmp_path):
    said: list[str] = []
    tasks = [task("base"), *(task(name, after="base") for name in ("one", "two", "three"))]
    assert set(endings(launch(plan(tmp_path, *tasks), said.append)).values()) == {"finished"}
    running = 0
    for line in said:
        running += 1 if line.startswith("started") else -1
        assert running <= 2, said
    assert said[1] == "finished  base"
    assert sorted((tmp_path / "models").read_text().split()) == ["base", "one", "three", "two"]


def test_a_failure_stops_only_what_needs_it_and_a_rerun_goes_on_in_the_same_mlflow_run(tmp_path):
    tasks = [
        task("a", does="fail"),
        task("a/cell", after="a"),
        task("b", state=State.FINISHED),
        task("b/cell", after="b"),
        task("b/done", after="b", state=State.FINISHED),
    ]
    first = launch(plan(tmp_path, *tasks), lambda line: None)
    assert endings(first) == {
        "a": "failed",
        "a/cell": "not run",
        "b": "skipped",
        "b/cell": "finished",
        "b/done": "skipped",
    }
    assert first["a/cell"].log == first["a"].log
    assert first["a"].log.is_file()
    assert first["a"].cause() == "Error: this step cannot be done: neither there nor here"
    failed = parent()
    assert failed.info.status == "FAILED"
    assert failed.data.metrics == {"tasks": 5, "finished": 3, "failed": 2}
    mended = [replace(one, pipeline="well", state=State.TO_DO) for one in tasks[:2]]
    done = [replace(one, state=State.FINISHED) for one in tasks[2:]]
    assert endings(launch(plan(tmp_path, *mended, *done), lambda line: None)) == {
        "a": "finished",
        "a/cell": "finished",
        "b": "skipped",
        "b/cell": "skipped",
        "b/done": "skipped",
    }
    assert parent().info.run_id == failed.info.run_id
    assert parent().info.status == "FINISHED"
    assert parent().data.metrics == {"tasks": 5, "finished": 5, "failed": 0}


def test_what_hangs_is_stopped_after_its_minutes_and_killed_if_it_does_not_stop(tmp_path, monkeypatch):
    monkeypatch.setattr("beyond_sharpening.sweep.executors.PATIENCE", 0.5)
    asked = plan(tmp_path, task("hangs", does="deaf"), task("goes well"), task("dies", does="die"))
    asked = replace(asked, options=asked.options.model_copy(update={"minutes": 4 / 60}))
    said: list[str] = []
    assert endings(launch(asked, said.append)) == {"hangs": "failed", "goes well": "finished", "dies": "failed"}
    assert [line for line in said if line.startswith("stopping")] == [
        "stopping  hangs: it takes more than sweep.minutes = 0.0666667"
    ]
    started = psutil.Process().children(recursive=True)
    assert not [process for process in started if "--pipeline=deaf" in process.cmdline()]


def test_the_cause_of_a_failure_is_the_error_or_else_what_was_said_last(tmp_path):
    log = tmp_path / "log.out"
    log.write_text("Error: early\nloading\nError: late:\n  part\nsubmitit ERROR (now) - failed\nRuntimeError: code 1\n")
    assert Outcome("failed", log).cause() == "Error: late: part"
    log.write_text("step 3\ntorch.OutOfMemoryError: CUDA out of memory\n\nsubmitit ERROR (now) - failed\n")
    assert Outcome("failed", log).cause() == "torch.OutOfMemoryError: CUDA out of memory"
    log.write_text("")
    assert Outcome("failed", log).cause() == Outcome("failed", tmp_path / "none").cause() == ""


def test_what_does_not_fit_is_refused_before_anything_is_submitted(tmp_path):
    short = replace(task("a"), shortages=("qwen3_4b: training forward needs 90 GiB",))
    with pytest.raises(BadInput, match=r"cannot fit, nothing was run:\n  qwen3_4b: training forward needs 90 GiB$"):
        launch(plan(tmp_path, short, replace(short, name="b")), lambda line: None)
    assert not (tmp_path / "starts").exists()
    assert not (tmp_path / "data").exists()


def test_an_interruption_cancels_what_runs_and_closes_what_could_not_close_itself(tmp_path):
    def interrupt() -> None:
        wait_until_started(tmp_path)
        (run,) = mlflow.search_runs(search_all_experiments=True, output_format="list")
        tags = {"mlflow.parentRunId": run.info.run_id}
        killed.append(MlflowClient().create_run(run.info.experiment_id, tags=tags).info.run_id)
        os.kill(os.getpid(), signal.SIGTERM)

    killed: list[str] = []
    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(InterruptedRun, match="stopped by SIGTERM"):
        launch(plan(tmp_path, task("one", does="wait"), task("two"), at_once=1), lambda line: None)
    thread.join()
    assert (tmp_path / "ended_in_order").exists()
    statuses = {
        run.info.run_id: run.info.status
        for run in mlflow.search_runs(search_all_experiments=True, output_format="list")
    }
    assert statuses.pop(killed[0]) == "KILLED"
    assert list(statuses.values()) == ["FAILED"]
