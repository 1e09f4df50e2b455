"""On a disk that is full the last good state stays; with room again the same training ends as if nothing had been.

The disk is a real one, of some megabytes in memory, where the tests may mount it.
"""

import os
import random
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from beyond_sharpening.errors import DiskFull
from beyond_sharpening.evaluation.parts import Part
from beyond_sharpening.problems import Problem
from reliability.test_training_survives import FAULTS, SEED, assert_same, go_on, leftovers, whole  # noqa: F401
from training.conftest import base  # noqa: F401

pytestmark = pytest.mark.whole

SIZE = 4 * 2**20  # bytes
ENOUGH = 200_000  # bytes: less than the training takes
TOLD = r"disk is full: .*/(best|checkpoint-\d/?.*) could not be written\. It needs .*more than .*B, .*B are free there"


@pytest.fixture(scope="module")
def disk(tmp_path_factory):
    place = tmp_path_factory.mktemp("disk")
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", place], capture_output=True)
    if made.returncode:
        pytest.skip("a small disk cannot be mounted here: that is for root")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def free(disk: Path) -> int:
    told = os.statvfs(disk)
    return told.f_bavail * told.f_frsize


def leave(disk: Path, room: int) -> Path:
    """A file that takes all of the disk but some room."""
    ballast = disk / "ballast"
    ballast.write_bytes(b"\0" * (free(disk) - room))
    return ballast


def test_a_part_of_an_evaluation_that_finds_no_room_says_so_and_leaves_none_half_written(disk):
    part, folder = Part([Problem("1", "sums", "1+1=", "2", "2", "benchmark")], "digest"), disk / "parts"
    ballast = leave(disk, 8192)
    with pytest.raises(DiskFull, match=r"base_scores-sums-digest.parquet could not be written"):
        part.keep(pd.DataFrame({"completion": [str(number) for number in range(9999)]}), folder)
    assert list(folder.iterdir()) == []
    ballast.unlink()


def test_a_training_that_finds_no_room_says_so_and_goes_on_when_there_is_some(base, whole, disk):  # noqa: F811
    draw = random.Random(SEED)
    for room in [draw.randrange(4096, ENOUGH) for _ in range(max(2, FAULTS // 10))]:
        cell = disk / str(room)
        ballast = leave(disk, room)
        with pytest.raises(DiskFull, match=TOLD) as raised:
            go_on(base, cell)
        print(f"seed {SEED}: {room} bytes: {str(raised.value)[:200]}")
        ballast.unlink()
        assert_same(go_on(base, cell), whole)
        assert not leftovers(cell), room
        shutil.rmtree(cell)
