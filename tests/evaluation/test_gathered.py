"""A table that lies in its parts: what is written is what the parts are together, and none of it is held at once."""

import json
import subprocess
import sys

import pandas as pd
import pytest
from kedro.io import DatasetError

from beyond_sharpening.errors import Damaged
from beyond_sharpening.evaluation import gathered
from beyond_sharpening.evaluation.gathered import Gathered, below
from beyond_sharpening.evaluation.parts import Part
from beyond_sharpening.problems import Problem
from beyond_sharpening.wiring.datasets import Table

COLUMNS = ["problem_id", "difficulty", "answer", "correct", "score", "token_entropy", "tokens"]


def parts_of(folder, *tables: pd.DataFrame, decoder: str = "temperature") -> list[Part]:
    parts = []
    for number, table in enumerate(tables):
        problem = Problem(f"sums-{number}", "sums", "1+1=", "2", None, "benchmark")
        parts.append(Part([problem], f"{decoder}{number}", decoder))
        parts[-1].keep(table, folder)
    return parts


def rows(start: int, count: int, **told) -> pd.DataFrame:
    known = {
        "problem_id": [f"sums-{row}" for row in range(start, start + count)],
        "difficulty": "2",
        "answer": pd.array([f"{row} ≤ “x”" for row in range(count)], dtype="str"),
        "correct": [row % 3 == 0 for row in range(count)],
        "score": [row / 7 for row in range(count)],
        "token_entropy": 0.25,
        "tokens": [list(range(row % 5)) for row in range(count)],
    }
    return pd.DataFrame(known | told)


@pytest.fixture
def table(tmp_path) -> Gathered:
    """In one part a column is null throughout, in another whole numbers."""
    unknown = rows(7, 4, difficulty=None, answer=pd.array([None] * 4, dtype="str"), token_entropy=None)
    whole = rows(11, 5, score=[0, 1, 0, 1, 1])
    return Gathered(parts_of(tmp_path, rows(0, 7), unknown, whole, rows(16, 2)), tmp_path, COLUMNS)


@pytest.mark.parametrize("group", [1, 3, 1 << 16])
def test_what_is_written_is_what_the_parts_are_together(table, group, tmp_path, monkeypatch):
    monkeypatch.setattr(gathered, "ROWS_OF_A_GROUP", group)
    Table(filepath=str(tmp_path / "streamed" / "samples.parquet")).save(table)
    Table(filepath=str(tmp_path / "whole" / "samples.parquet")).save(table.frame())
    streamed, whole = (
        Table(filepath=str(tmp_path / name / "samples.parquet")).load() for name in ("streamed", "whole")
    )
    pd.testing.assert_frame_equal(streamed, whole)
    assert len(streamed) == 18
    assert [*streamed] == COLUMNS


def test_tables_of_one_folder_stand_below_one_another_and_one_decoder_can_be_taken_out(table, tmp_path):
    greedy = Gathered(parts_of(tmp_path, rows(30, 2), decoder="greedy"), tmp_path, COLUMNS)
    both = below([table, greedy])
    pd.testing.assert_frame_equal(both.frame(), pd.concat([table.frame(), greedy.frame()], ignore_index=True))
    pd.testing.assert_frame_equal(both.of_decoder("greedy", ["tokens"]).frame(), greedy.frame()[["tokens"]])
    assert [*both.without("tokens").frame()] == COLUMNS[:-1]


def test_a_part_that_was_cut_short_is_named_and_the_table_that_was_there_stays(table, tmp_path):
    dataset = Table(filepath=str(tmp_path / "samples.parquet"))
    dataset.save(table)
    before = (tmp_path / "samples.parquet").read_bytes()
    file = table.parts[2].file(tmp_path)
    file.write_bytes(file.read_bytes()[:-40])
    with pytest.raises(DatasetError, match=f"{file} cannot be read") as told:
        dataset.save(table)
    assert isinstance(told.value.__cause__, Damaged)
    assert (tmp_path / "samples.parquet").read_bytes() == before
    assert not [*tmp_path.glob(".*")]


PEAK = """
import json, resource, sys
from pathlib import Path
import numpy as np, pandas as pd
from beyond_sharpening.evaluation.gathered import Gathered
from beyond_sharpening.evaluation.parts import Part
from beyond_sharpening.problems import Problem

folder, count = Path(sys.argv[1]), int(sys.argv[2])
problem = Problem("sums-0", "sums", "1+1=", "2", None, "benchmark")
text, tokens = np.random.default_rng(0).integers(65, 91, (512, 120)), [*np.arange(512 * 40).reshape(512, 40)]
rows = pd.DataFrame({"completion": [bytes(row.tolist()).decode() for row in text], "tokens": tokens})
part = Part([problem], "0", "temperature")
part.keep(rows, folder)
Gathered([part], folder, [*rows]).write(folder / "one.parquet")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
Gathered([part] * count, folder, [*rows]).write(folder / "all.parquet")
print(json.dumps(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before))
"""


@pytest.mark.whole
def test_memory_does_not_grow_with_the_number_of_parts(tmp_path):
    """A group of 65,536 rows takes 2**16 * (120 + 40 * 8) bytes = 28 MB, and some copies of it; all rows take 134."""
    told = subprocess.run(
        [sys.executable, "-c", PEAK, str(tmp_path), "600"], capture_output=True, text=True, check=True
    )
    assert json.loads(told.stdout) / 1024 < 100
