"""MLflow's failures end, stall and lose no training; what is missing there is written when it can be."""

import os
import subprocess

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from beyond_sharpening.locks import Owner
from beyond_sharpening.wiring import tracking
from beyond_sharpening.wiring.tracking import (
    RunMetrics,
    add_to_cells,
    failures_told,
    nested_run,
    own_and_close_abandoned,
)


@pytest.fixture
def store(tmp_path, with_store, monkeypatch):
    """An open run in a store of its own."""
    with_store(tmp_path)
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    mlflow.create_experiment("cells", (tmp_path / "artifacts").as_uri())
    mlflow.set_experiment("cells")
    yield mlflow.start_run()
    while mlflow.active_run():
        mlflow.end_run()
    mlflow.set_tracking_uri(None)


class Away:
    """A server that is away until it is back; counts how often it is asked."""

    def __init__(self, monkeypatch) -> None:
        self.asked, self.is_away, self.log_batch = 0, True, MlflowClient.log_batch
        monkeypatch.setattr(MlflowClient, "log_batch", lambda client, *given, **named: self(client, *given, **named))

    def __call__(self, client, *given, **named):
        self.asked += bool(named.get("metrics"))
        if self.is_away:
            raise MlflowException("https://user:secret@server is away")
        return self.log_batch(client, *given, **named)


def test_what_was_missing_is_written_when_the_server_is_back_and_warned_of_once(store, monkeypatch, caplog):
    server = Away(monkeypatch)
    with nested_run("cell", {"steps": 3}, "cell") as track:
        for step in range(1, 100):
            track({"reward": step / 10}, step)
        assert server.asked == 1, "a server that is away is left alone for a while"
        server.is_away = False
    history = MlflowClient().get_metric_history(track.run_id, "reward")
    assert [(point.step, point.value) for point in history] == [(step, step / 10) for step in range(1, 100)]
    assert [record.levelname for record in caplog.records].count("WARNING") == 2, "of parameters, and of metrics"
    assert "secret" not in caplog.text


def test_it_is_tried_again_after_a_while(store, monkeypatch):
    monkeypatch.setattr(tracking, "PAUSE", 0.0)
    server, track = Away(monkeypatch), RunMetrics(mlflow.get_tracking_uri(), store.info.run_id)
    for step in range(3):
        track({"reward": 0.0}, step)
    server.is_away = False
    track({"reward": 0.0}, 3)
    assert (server.asked, track.missing) == (4, [])


@pytest.mark.parametrize("broken", ["start_run", "log_params", "end_run"])
def test_a_run_that_cannot_be_opened_or_closed_ends_nothing(store, monkeypatch, caplog, broken):
    with monkeypatch.context() as patched:
        patched.setattr(mlflow, broken, lambda *given, **named: (_ for _ in ()).throw(OSError("no such server")))
        with nested_run("cell", {"steps": 3}, "cell") as track:
            track({"reward": 0.5}, 1)
            track.keep("history.csv", "step,reward")
    assert "OSError: no such server" in caplog.text


def test_an_artifact_store_that_cannot_be_written_ends_nothing(store, tmp_path, caplog):
    (tmp_path / "artifacts").write_text("a file, where a folder should be")
    with nested_run("cell", {}, "cell") as track:
        track.keep("history.csv", "step,reward")
    assert "could not be written" in caplog.text
    assert MlflowClient().get_run(track.run_id).info.status == "FINISHED"


def test_whoever_writes_to_a_server_that_is_away_goes_on_and_asks_it_once(store, tmp_path, monkeypatch, caplog):
    """kedro-mlflow writes every node's parameters one by one, and the report's files; its run is closed in the end."""
    asked = []

    def away(client, *given, **named):
        asked.append(given)
        raise MlflowException("no server")

    (tmp_path / "report.md").touch()
    with monkeypatch.context() as patched:
        for name in ("log_param", "log_artifact", "set_terminated", "search_runs"):
            patched.setattr(MlflowClient, name, away)
        before = MlflowClient.log_param
        with failures_told():
            for number in range(60):
                mlflow.log_param(f"parameter {number}", number)
            mlflow.log_artifact(str(tmp_path / "report.md"))
            assert not add_to_cells("base", {"accuracy": 1.0}), "it is not known whether there are any"
            mlflow.end_run()
        assert MlflowClient.log_param == before
    assert len(asked) == 2, "what is written, once; and what is read"
    assert mlflow.active_run() is None
    assert caplog.text.count("could not be written") == 2


def test_metrics_are_kept_where_other_failures_are_told(store, monkeypatch):
    server, track = Away(monkeypatch), RunMetrics(mlflow.get_tracking_uri(), store.info.run_id)
    with failures_told():
        track({"reward": 0.5}, 1)
        assert len(track.missing) == 1
        server.is_away = False
        track.write(now=True)
    assert [point.value for point in MlflowClient().get_metric_history(track.run_id, "reward")] == [0.5]


def test_the_runs_of_killed_processes_do_not_stay_running(store):
    with subprocess.Popen(["true"]) as gone:
        pass
    client, experiment = MlflowClient(), store.info.experiment_id
    own_and_close_abandoned()
    mine = client.get_run(store.info.run_id).data.tags["owner"]
    here = Owner.current()
    owners = {
        "killed": mine.replace(f'"process": {os.getpid()}', f'"process": {gone.pid}'),
        "elsewhere": mine.replace(here.host, "elsewhere"),
        "nobody's": "",
    }
    runs = {name: client.create_run(experiment, tags={"owner": tag}).info.run_id for name, tag in owners.items()}
    own_and_close_abandoned()
    status = {name: client.get_run(run).info.status for name, run in (runs | {"mine": store.info.run_id}).items()}
    assert status == {"killed": "KILLED", "elsewhere": "RUNNING", "nobody's": "RUNNING", "mine": "RUNNING"}
