"""Tests run in two processes on two cores: one thread each, or they would wait for one another."""

import gc
import io
import os
import pickle
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TQDM_DISABLE", "1")


@pytest.fixture(autouse=True, scope="module")
def quick_collections():
    """Trainings end with a garbage collection, and statsmodels makes one a call: what is there need not be searched."""
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True, scope="session")
def parsed_once() -> Iterator[None]:
    """Hundreds of tests load the shipped configuration, and OmegaConf takes a tenth of a second to wrap its values."""
    load, parsed = OmegaConf.load, {}

    def loaded(file: Any) -> Any:
        if not isinstance(file, io.StringIO):  # what Kedro reads files through
            return load(file)
        text = file.getvalue()
        if text not in parsed:
            parsed[text] = pickle.dumps(load(file))
        return pickle.loads(parsed[text])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(OmegaConf, "load", loaded)
        yield


@pytest.fixture(autouse=True, scope="session")
def no_power_cuts() -> Iterator[None]:
    """A whole run waits for the disk some two hundred times; tests of faults put their own in this place."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture(scope="session")
def with_store(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """Puts MLflow's database into a data folder: making its tables takes seconds, a copy of them nothing."""
    from beyond_sharpening.wiring.tracking import make_store

    made = tmp_path_factory.mktemp("store") / "mlflow.db"
    make_store(f"sqlite:///{made}")

    def put(folder: Path) -> Path:
        shutil.copy(made, folder)
        return folder

    return put


@pytest.fixture(autouse=True)
def store_of_whole_runs(request: pytest.FixtureRequest) -> None:
    """A test of a whole run in ``tmp_path`` finds the tables there; how they are made has a test of its own."""
    if request.node.get_closest_marker("whole") and "tmp_path" in request.fixturenames:
        request.getfixturevalue("with_store")(request.getfixturevalue("tmp_path"))
