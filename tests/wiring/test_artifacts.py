"""The files of MLflow's runs are found again when the folder they lie in has been moved."""

import shutil
from pathlib import Path

import pytest
from mlflow import MlflowClient

from beyond_sharpening.wiring.artifacts import settle_artifacts

CONFIGURED = {"name": "beyond_sharpening", "create_experiment_kwargs": {"artifact_location": "mlruns"}}


@pytest.fixture
def moved(tmp_path, with_store):
    """A project with a run that kept a file, under another name than it was made in."""
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    with_store(old)
    client = MlflowClient(f"sqlite:///{old}/mlflow.db")
    experiment = client.create_experiment("beyond_sharpening", artifact_location=(old / "mlruns").as_uri())
    run = client.create_run(experiment).info.run_id
    client.log_text(run, "what was found", "note.txt")
    client._tracking_client.store.engine.dispose()
    shutil.move(old, new)
    return new, run


def settle(project, **changed):
    settle_artifacts({"mlflow_tracking_uri": f"sqlite:///{project}/mlflow.db"}, CONFIGURED | changed, project)
    return MlflowClient(f"sqlite:///{project}/mlflow.db")


def test_they_are_read_from_and_written_to_where_they_are_now(moved):
    project, run = moved
    client = settle(project)
    assert Path(client.download_artifacts(run, "note.txt", str(project))).read_text() == "what was found"
    experiment = client.get_experiment_by_name("beyond_sharpening").experiment_id
    client.log_text(client.create_run(experiment).info.run_id, "later", "later.txt")
    assert {path.name for path in project.glob("mlruns/**/*.txt")} == {"note.txt", "later.txt"}
    assert not (project.parent / "old").exists()


def test_a_run_that_has_kept_nothing_yet_moves_too_but_not_one_whose_files_are_where_they_were(moved):
    project, run = moved
    old, new = (folder / "mlruns" / run for folder in (project.parent / "old", project))
    shutil.copytree(new, old)
    shutil.rmtree(new)
    assert settle(project).get_run(run).info.artifact_uri == (old / "artifacts").as_uri()
    shutil.rmtree(old)
    assert settle(project).get_run(run).info.artifact_uri == (new / "artifacts").as_uri()


def test_a_server_a_bucket_and_a_store_that_is_not_there_are_left_alone(moved):
    project, run = moved
    bucket = {"create_experiment_kwargs": {"artifact_location": "s3://bucket/runs"}}
    assert "/old/" in settle(project, **bucket).get_run(run).info.artifact_uri
    settle_artifacts({"mlflow_tracking_uri": "http://tracking.example:5000"}, CONFIGURED, project)
    settle_artifacts({"mlflow_tracking_uri": f"sqlite:///{project}/none.db"}, CONFIGURED, project)
    assert not (project / "none.db").exists()
