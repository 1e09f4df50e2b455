"""The database of MLflow, on a fresh clone."""

import sqlite3
import subprocess
import sys
from types import SimpleNamespace

import pytest

from beyond_sharpening.errors import Damaged
from beyond_sharpening.wiring.tracking import make_store, tracked_at

MAKE = "import sys; from beyond_sharpening.wiring.tracking import make_store; make_store(sys.argv[1])"


@pytest.mark.whole
def test_runs_that_begin_together_find_one_whole_store(tmp_path):
    (tmp_path / "mlflow.db").unlink()
    (tmp_path / "mlflow.db.unfinished").write_bytes(b"what a killed run left")
    address = f"sqlite:///{tmp_path}/mlflow.db"
    both = [subprocess.Popen([sys.executable, "-c", MAKE, address]) for _ in range(2)]
    assert [process.wait(timeout=180) for process in both] == [0, 0]
    with sqlite3.connect(tmp_path / "mlflow.db") as store:
        assert store.execute("select count(*) from experiments").fetchone() == (1,)
    assert {path.name for path in tmp_path.iterdir()} == {"mlflow.db", "mlflow.db.lock"}


def test_what_is_there_or_elsewhere_is_left_alone(tmp_path):
    file = tmp_path / "mlflow.db"
    file.write_bytes(theirs := b"SQLite format 3\0 and somebody's runs")
    make_store(f"sqlite:///{file}")
    make_store("http://tracking.example:5000")
    make_store("sqlite:///:memory:")
    assert file.read_bytes() == theirs
    assert [path.name for path in tmp_path.iterdir()] == ["mlflow.db"]


def test_a_file_that_is_no_database_is_named(tmp_path):
    (tmp_path / "mlflow.db").write_text("no database")
    with pytest.raises(Damaged, match=r"mlflow\.db is no database of MLflow's: .* or move it away"):
        make_store(f"sqlite:///{tmp_path}/mlflow.db")


def test_the_address_of_a_run_holds_no_password(monkeypatch):
    run = SimpleNamespace(info=SimpleNamespace(experiment_id="3", run_id="abc"))
    monkeypatch.setattr("mlflow.active_run", lambda: run)
    monkeypatch.setattr("mlflow.get_tracking_uri", lambda: "https://me:secret@tracking.example:8080/")
    assert tracked_at() == "https://tracking.example:8080/#/experiments/3/runs/abc"
