"""Problems travel between pipeline nodes as tables."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from beyond_sharpening.problems import Problem, problems_from_frame, problems_to_frame

PROBLEMS = [
    Problem("chain-0", "chain", "8+5=", "13", "2", "train"),
    Problem("math-7", "math", "What is $\\frac12$ of $6$?", "025", "", "benchmark"),
]


def test_a_parquet_round_trip_keeps_every_character(tmp_path: Path) -> None:
    problems_to_frame(PROBLEMS).to_parquet(tmp_path / "problems.parquet")
    assert problems_from_frame(pd.read_parquet(tmp_path / "problems.parquet")) == PROBLEMS


def test_what_else_a_source_says_of_a_problem_comes_along(tmp_path: Path) -> None:
    told = [replace(PROBLEMS[0], others='{"tests": ["é"]}'), PROBLEMS[1]]
    problems_to_frame(told).to_parquet(tmp_path / "problems.parquet")
    assert problems_from_frame(pd.read_parquet(tmp_path / "problems.parquet")) == told
    assert told[0].columns == {
        "tests": ["é"],
        "question": "8+5=",
        "id": "chain-0",
        "source": "chain",
        "difficulty": "2",
    }


def test_the_columns_are_the_fields() -> None:
    assert list(problems_to_frame(PROBLEMS)) == ["id", "source", "question", "gold", "difficulty", "split"]
    assert list(problems_to_frame([])) == list(problems_to_frame(PROBLEMS))


def test_the_order_of_the_columns_does_not_matter() -> None:
    frame = problems_to_frame(PROBLEMS)
    assert problems_from_frame(frame[frame.columns[::-1]]) == PROBLEMS


def test_other_columns_are_an_error_that_names_them() -> None:
    with pytest.raises(ValueError, match="'solution'"):
        problems_from_frame(problems_to_frame(PROBLEMS).rename(columns={"gold": "solution"}))
