"""The shipped sources read the real benchmarks."""

from functools import cache

import pytest
import yaml
from pydantic import TypeAdapter

from beyond_sharpening.grading import grade
from beyond_sharpening.grading.audit import read_rows
from beyond_sharpening.parameters.sources import HubSource, Source
from beyond_sharpening.problems import (
    DroppedRow,
    Problem,
    drop_overlap,
    load_problems,
    normalise_question,
    shared_questions,
)
from shared_files import ROOT, SHARED

FOLDER = SHARED / "benchmarks"
pytestmark = [
    pytest.mark.audit,
    pytest.mark.skipif(not FOLDER.is_dir(), reason=f"there are no benchmark files in {FOLDER}"),
]

SOURCES: dict[str, HubSource] = {
    name: TypeAdapter(Source).validate_python(block)
    for name, block in yaml.safe_load((ROOT / "conf/base/parameters_sources.yml").read_text())["sources"].items()
    if block["type"] == "hub"
}

CARDS: dict[str, tuple[int, str, str]] = {
    # name: rows, first gold, last gold
    "math_train": (7500, "0", "x + 2y - 2z - 9 = 0"),
    "math_test": (5000, "2", r"\begin{pmatrix} 1 \\ -2 \\ -1 \end{pmatrix}"),
    "math_500": (500, r"\left( 3, \frac{\pi}{2} \right)", r"106^\circ"),
    "gsm8k": (1319, "18", "14"),
    "minerva": (272, r"1.6\within{0.05}", r"10.1\within{0.05}"),
    "olympiad_bench": (674, "2", "11"),
    "aime_2024": (30, "204", "902"),
    "aime_2025": (30, "70", "240"),
    "amc_2023": (40, "27", "8"),
    "hmmt_2025": (30, "103", r"\sqrt{\frac{95}{24}}"),
    "deepscaler": (1209, r"\frac{3}{7}", "13"),
}
# Rows without a gold answer, and rows that repeat an earlier question in other typesetting.
EMPTY = {"deepscaler": {265}}
REPEATED = {"math_train": {957, 1224, 3880, 4320, 7371}, "math_test": {2348}, "deepscaler": {780, 899}}


@cache
def load(name: str) -> tuple[list[Problem], list[DroppedRow]]:
    return load_problems(name, SOURCES[name], seed=0, split="benchmark", copies=FOLDER)


def gold(name: str, row: int | str) -> str:
    return next(problem.gold for problem in load(name)[0] if problem.id == f"{name}-{row}")


def test_every_shipped_source_is_here_with_its_licence() -> None:
    assert set(SOURCES) == set(CARDS)
    assert [name for name, source in SOURCES.items() if not source.licence or not source.file] == []


@pytest.mark.parametrize("name", CARDS)
def test_a_benchmark_loads_whole_but_for_the_rows_it_reports(name: str) -> None:
    rows, first_gold, last_gold = CARDS[name]
    problems, dropped = load(name)
    assert len(problems) + len(dropped) == rows
    assert (problems[0].gold, problems[-1].gold) == (first_gold, last_gold)
    assert len({problem.id for problem in problems}) == len(problems)
    assert {row.row for row in dropped if "no gold answer" in row.reason} == EMPTY.get(name, set())
    assert {row.row for row in dropped if "same question" in row.reason} == REPEATED.get(name, set())


@pytest.mark.parametrize(
    ("name", "row", "read"),
    [
        ("math_train", 886, "2"),  # a box without braces
        ("math_train", 5341, "0"),  # an empty box
        ("math_train", 3693, r"\frac{1}{3}, -\frac{5}{2}"),  # several boxes, parts of one answer
        ("math_train", 4251, r"\anyof{(-5, 7)}{(-5, 1)}"),  # either is acceptable
        ("math_train", 7315, r"30^\circ, 75^\circ, 75^\circ"),  # parts in separate sentences
        ("math_test", 333, r"\anyof{-3}{3}"),
        ("olympiad_bench", 2592, r"4.2\%\within{0.1}"),
        ("olympiad_bench", 2419, r"$166$\text{ cm^2}"),
    ],
)
def test_what_to_watch_for(name: str, row: int, read: str) -> None:
    assert gold(name, row) == read


def test_alternatives_of_deepscaler_are_split() -> None:
    alternatives = [problem.gold for problem in load("deepscaler")[0] if problem.gold.startswith(r"\anyof")]
    assert alternatives[0] == r"\anyof{\frac{2015 \cdot 2013}{4}}{\frac{4056195}{4}}"
    assert len(alternatives) == 2


def test_levels_and_own_ids_are_kept() -> None:
    levels = {problem.id: problem.difficulty for problem in load("math_train")[0]}
    assert (levels["math_train-0"], levels["math_train-2772"]) == ("Level 5", "Level ?")
    first = load("math_500")[0][0]
    assert (first.id, first.difficulty) == ("math_500-test/precalculus/807.json", "2")


def test_golds_read_from_math_are_the_answers_stated_in_math_500() -> None:
    """Two readings of 500 answers: the boxes of the solutions, and the column that people made."""
    read = {normalise_question(problem.question): problem.gold for problem in load("math_test")[0]}
    stated = load("math_500")[0]
    golds = [read[normalise_question(problem.question)] for problem in stated]
    verdicts = grade([rf"\boxed{{{problem.gold}}}" for problem in stated], golds, workers=2)
    assert all(verdict.correct for verdict in verdicts)


@pytest.mark.parametrize(
    ("name", "told_in_several_places"),
    [("math_test", {2152, 2656, 4562}), ("math_train", {6920, 7221, 7315, 5341, 5343})],
)
def test_solutions_of_math_give_the_golds_read(name: str, told_in_several_places: set[int]) -> None:
    rows = read_rows(FOLDER / str(SOURCES[name].file))
    problems = {int(problem.id.rpartition("-")[2]): problem.gold for problem in load(name)[0]}
    verdicts = grade([rows[row]["solution"] for row in problems], list(problems.values()), workers=2)
    assert {
        row for row, verdict in zip(problems, verdicts, strict=True) if not verdict.correct
    } == told_in_several_places


def test_solutions_of_minerva_give_the_golds_of_its_other_release() -> None:
    solutions = [row["solution"] for row in read_rows(FOLDER / "minerva_math_solutions.jsonl")]
    verdicts = grade(solutions, [problem.gold for problem in load("minerva")[0]], workers=2)
    assert all(verdict.correct for verdict in verdicts)


def test_overlap_is_found_across_typesettings() -> None:
    train, test, math_500, olympiad_bench, deepscaler = (
        load(name)[0] for name in ("math_train", "math_test", "math_500", "olympiad_bench", "deepscaler")
    )

    def overlap(train: list[Problem], benchmark: list[Problem]) -> set[str]:
        return {found.benchmark.id for found in drop_overlap(train, benchmark)[1]}

    assert overlap(train, test) == {f"math_test-{row}" for row in (119, 311, 1038, 3023, 4656)}
    assert overlap(train, olympiad_bench) == {f"olympiad_bench-{key}" for key in (2644, 2791, 2890, 2895)}
    assert overlap(test, math_500) == {problem.id for problem in math_500}
    assert shared_questions({"math_test": test, "math_500": math_500})["math_test"] == {"math_500": 500}
    assert overlap(deepscaler, test) == {f"math_test-{row}" for row in (2331, 2624, 2909)}
    assert overlap(deepscaler, olympiad_bench) == {"olympiad_bench-1930"}
    assert len(drop_overlap(deepscaler, train)[1]) == 236


def test_what_overlaps_has_the_same_answer() -> None:
    """A match by mistake would join problems with different answers."""
    train, test, olympiad_bench, deepscaler = (
        load(name)[0] for name in ("math_train", "math_test", "olympiad_bench", "deepscaler")
    )
    pairs = ((train, test), (train, olympiad_bench), (test, olympiad_bench), (deepscaler, test), (deepscaler, train))
    found = [overlap for one, other in pairs for overlap in drop_overlap(one, other)[1]]
    answers = [rf"\boxed{{{overlap.benchmark.gold}}}" for overlap in found]
    verdicts = grade(answers, [overlap.train.gold for overlap in found], workers=2)
    assert [overlap for overlap, verdict in zip(found, verdicts, strict=True) if not verdict.correct] == []
