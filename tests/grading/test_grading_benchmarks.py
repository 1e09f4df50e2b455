"""Gold answers of the real benchmarks pass our own grader."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from beyond_sharpening.grading import grade, last_boxed

BENCHMARKS = Path(__file__).parents[2].parent / "shared/benchmarks"
pytestmark = pytest.mark.skipif(not BENCHMARKS.is_dir(), reason="the local copies of the benchmarks are not here")

Reader = Callable[[dict[str, Any]], str]


def answer(row: dict[str, Any]) -> str:
    return row["answer"]


def after_hashes(row: dict[str, Any]) -> str:
    return row["answer"].rpartition("#### ")[2]


def first_answer(row: dict[str, Any]) -> str:
    return row["final_answer"][0]


def boxed(row: dict[str, Any]) -> str:
    return last_boxed(row["solution"]) or ""


GOLDS: dict[str, Reader] = {
    "math500_test.jsonl": answer,
    "gsm8k_test.jsonl": after_hashes,
    "gsm8k_train_500.jsonl": after_hashes,
    "aime_2024.jsonl": answer,
    "aime2025_I.jsonl": answer,
    "aime2025_II.jsonl": answer,
    "aime25_mathai.jsonl": answer,
    "amc23_test.jsonl": answer,
    "hmmt_feb_2025.jsonl": answer,
    "minervamath_test.jsonl": answer,
    "minerva_math_solutions.jsonl": boxed,
    "olympiadbench_oe_to_maths_en_comp.jsonl": first_answer,
    "math_lighteval_train.jsonl.gz": boxed,
    "math_lighteval_test.jsonl.gz": boxed,
    "deepscaler_sample_1209.jsonl": answer,
}
# A brace that never closes: no completion can put it in a box.
UNBALANCED = {r"\frac{2 k n}{n+k-1}-2 \frac{k!n!}{(k+n-1)!"}


def rows(name: str) -> list[dict[str, Any]]:
    path = BENCHMARKS / name
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
        return [json.loads(line) for line in lines]


@pytest.mark.parametrize("name", GOLDS)
def test_every_gold_equals_itself(name: str) -> None:
    golds = [gold for row in rows(name) if (gold := GOLDS[name](row)) and gold not in UNBALANCED]
    verdicts = grade([rf"The answer is $\boxed{{{gold}}}$." for gold in golds], golds)
    assert [gold for gold, verdict in zip(golds, verdicts, strict=True) if not verdict.correct] == []


def test_reference_solutions_are_correct() -> None:
    problems = rows("math500_test.jsonl")
    verdicts = grade([row["solution"] for row in problems], [row["answer"] for row in problems])
    assert all(verdict.correct for verdict in verdicts)


def test_math_verify_agrees_that_a_gold_plus_one_is_wrong() -> None:
    golds = [row["answer"] for row in rows("aime2025_II.jsonl") + rows("amc23_test.jsonl")]
    verdicts = grade([rf"\boxed{{{gold}+1}}" for gold in golds], golds, workers=2, timeout=10)
    assert {verdict.outcome for verdict in verdicts} == {"wrong"}


def test_two_typesettings_of_one_benchmark_agree() -> None:
    ours = [row["answer"] for row in rows("aime2025_I.jsonl") + rows("aime2025_II.jsonl")]
    theirs = [row["answer"] for row in rows("aime25_mathai.jsonl")]
    verdicts = grade([rf"\boxed{{{gold}}}" for gold in theirs], ours, workers=2)  # 336 and 336^\circ among them
    assert all(verdict.correct for verdict in verdicts)
