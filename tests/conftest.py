"""Tests run in two processes on two cores: one thread each, or they would wait for one another."""

import gc
import os

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TQDM_DISABLE", "1")


@pytest.fixture(autouse=True, scope="module")
def quick_collections():
    """Trainings end with a garbage collection, and statsmodels makes one a call: what is there need not be searched."""
    gc.freeze()
    yield
    gc.unfreeze()
