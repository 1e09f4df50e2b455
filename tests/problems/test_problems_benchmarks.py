"""The real benchmarks load through a column mapping."""

from pathlib import Path

import pytest

from beyond_sharpening.problems import DroppedRow, LocalSource, Problem, drop_overlap, load_problems

BENCHMARKS = Path(__file__).parents[2].parent / "shared/benchmarks"
pytestmark = pytest.mark.skipif(not BENCHMARKS.is_dir(), reason="the local copies of the benchmarks are not here")

GSM8K = {"gold_reader": "after_hashes"}
MATH = {"question": "problem", "gold": "solution", "gold_reader": "boxed", "difficulty": "level"}
MATH_500 = {"question": "problem", "difficulty": "level", "id": "unique_id"}
OLYMPIAD = {"gold": "final_answer", "gold_reader": "first_of_list", "id": "id"}
PROBLEM = {"question": "problem"}
MINERVA = {"question": "problem", "gold": "solution", "gold_reader": "boxed", "difficulty": "type", "id": "idx"}
HMMT = {"question": "problem", "id": "problem_idx"}

CARDS: dict[str, tuple[list[str], dict[str, str], int, str, str]] = {
    # name: files, columns, rows, first gold, last gold
    "gsm8k": (["gsm8k_test.jsonl"], GSM8K, 1319, "18", "14"),
    "gsm8k_train": (["gsm8k_train_500.jsonl"], GSM8K, 500, "72", "20"),
    "math_train": (["math_lighteval_train.jsonl.gz"], MATH, 7500, "0", "x + 2y - 2z - 9 = 0"),
    "math_test": (
        ["math_lighteval_test.jsonl.gz"],
        MATH,
        5000,
        "2",
        r"\begin{pmatrix} 1 \\ -2 \\ -1 \end{pmatrix}",
    ),
    "math500": (["math500_test.jsonl"], MATH_500, 500, r"\left( 3, \frac{\pi}{2} \right)", r"106^\circ"),
    "minerva": (["minervamath_test.jsonl"], {}, 272, "1.6", "10.1"),
    "minerva_solutions": (["minerva_math_solutions.jsonl"], MINERVA, 272, "1.6", "10.1"),
    "olympiad": (["olympiadbench_oe_to_maths_en_comp.jsonl"], OLYMPIAD, 674, "2", "11"),
    "aime24": (["aime_2024.jsonl"], PROBLEM | {"id": "id"}, 30, "204", "902"),
    "aime25": (["aime2025_I.jsonl", "aime2025_II.jsonl"], {}, 30, "70", "240"),
    "aime25_mathai": (["aime25_mathai.jsonl"], PROBLEM | {"id": "id"}, 30, "70", "240"),
    "amc23": (["amc23_test.jsonl"], {"id": "id"}, 40, "27", "8"),
    "hmmt": (["hmmt_feb_2025.jsonl"], HMMT, 30, "103", r"\sqrt{\frac{95}{24}}"),
    "deepscaler": (["deepscaler_sample_1209.jsonl"], PROBLEM, 1209, r"\frac{3}{7}", "13"),
}
# Rows without a gold answer, and rows that repeat an earlier question in other typesetting.
EMPTY = {"math_train": {5341, 5343}, "deepscaler": {265}}
REPEATED = {"math_train": {957, 1224, 3880, 4320, 7371}, "math_test": {2348}, "deepscaler": {780, 899}}


def load(name: str) -> tuple[list[Problem], list[DroppedRow]]:
    files, columns, *_ = CARDS[name]
    source = LocalSource.model_validate(
        {"type": "local", "path": [BENCHMARKS / file for file in files], "columns": columns}
    )
    return load_problems(name, source, seed=0, split="benchmark")


@pytest.mark.parametrize("name", CARDS)
def test_a_benchmark_loads_whole_but_for_the_rows_it_reports(name: str) -> None:
    _, _, rows, first_gold, last_gold = CARDS[name]
    problems, dropped = load(name)
    assert len(problems) + len(dropped) == rows
    assert (problems[0].gold, problems[-1].gold) == (first_gold, last_gold)
    assert len({problem.id for problem in problems}) == len(problems)
    assert {row.row for row in dropped if "no gold answer" in row.reason} == EMPTY.get(name, set())
    assert {row.row for row in dropped if "same question" in row.reason} == REPEATED.get(name, set())


def test_boxes_without_braces_are_read() -> None:
    golds = {problem.id: problem.gold for problem in load("math_train")[0]}
    assert (golds["math_train-886"], golds["math_train-1009"]) == ("2", "9")


def test_levels_and_own_ids_are_kept() -> None:
    levels = {problem.id: problem.difficulty for problem in load("math_train")[0]}
    assert (levels["math_train-0"], levels["math_train-2772"]) == ("Level 5", "Level ?")
    first = load("math500")[0][0]
    assert (first.id, first.difficulty) == ("math500-test/precalculus/807.json", "2")


def test_overlap_is_found_across_typesettings() -> None:
    train, test, math500, deepscaler = (load(name)[0] for name in ("math_train", "math_test", "math500", "deepscaler"))

    def benchmark_ids(train: list[Problem], benchmark: list[Problem]) -> set[str]:
        return {overlap.benchmark.id for overlap in drop_overlap(train, benchmark)[1]}

    assert benchmark_ids(train, test) == {f"math_test-{row}" for row in (311, 1038, 3023, 4656)}
    assert benchmark_ids(test, math500) == {problem.id for problem in math500}
    assert benchmark_ids(deepscaler, test) == {"math_test-2624", "math_test-2909"}
    assert len(benchmark_ids(deepscaler, train)) >= 234
