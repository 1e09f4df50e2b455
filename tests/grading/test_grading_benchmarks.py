"""The grader on the gold answers of the real benchmarks; ``grading.audit`` does the same for all of them."""

import re

import pytest

from beyond_sharpening.grading import grade
from beyond_sharpening.grading.audit import (
    BENCHMARKS,
    Benchmark,
    Trial,
    gold_answers,
    report,
    run,
    solutions,
    themselves,
    wrong_answers,
)
from beyond_sharpening.grading.canonical import number
from beyond_sharpening.grading.perturb import CHANGES
from beyond_sharpening.grading.verdict import Verdict
from shared_files import SHARED

FOLDER = SHARED / "benchmarks"
pytestmark = [
    pytest.mark.audit,
    pytest.mark.skipif(not FOLDER.is_dir(), reason=f"there are no benchmark files in {FOLDER}"),
]

# A gold that lacks its last brace.
UNBALANCED = r"\frac{2 k n}{n+k-1}-2 \frac{k!n!}{(k+n-1)!"
EVERY = 40  # of the trials that may need computer algebra


def golds() -> list[str]:
    return list(dict.fromkeys(gold for benchmark in BENCHMARKS for gold in gold_answers(FOLDER, benchmark)))


def benchmark(file: str) -> Benchmark:
    return next(benchmark for benchmark in BENCHMARKS if benchmark.file == file)


def test_every_gold_equals_itself() -> None:
    graded = run(themselves(FOLDER), workers=2)
    assert [trial.gold for trial, verdict in graded if not verdict.correct] == []
    assert grade([rf"\boxed{{{UNBALANCED}}}}}"], [UNBALANCED])[0].correct


def test_reference_solutions_are_correct() -> None:
    graded = run(solutions(FOLDER), workers=2)
    assert len(graded) > 14_000
    assert [trial for trial, verdict in graded if not verdict.correct] == []


def test_a_gold_with_one_thing_changed_is_not_correct() -> None:
    """All changes that exact numbers decide are checked, of the others a fixed sample."""
    numbers = [gold for gold in golds() if number(gold) is not None]
    others = [gold for gold in golds() if number(gold) is None]
    rare = [gold for gold in others if "<" in gold][:3] + [gold for gold in others if "cm}" in gold or "i$" in gold][:3]
    complex_ones = [gold for gold in others if re.fullmatch(r"\d+ ?[+-] ?\d+i", gold)][:3]
    exact = [trial for trial in wrong_answers(numbers) if trial.subject not in ("candidate", "equation")]
    sample = [*numbers[::EVERY], *others[::EVERY], *rare, *complex_ones]
    graded = run([*exact, *wrong_answers(sample)], workers=2)
    assert {trial.subject for trial, _ in graded} == set(CHANGES)
    assert [trial for trial, verdict in graded if verdict.correct] == []


def test_two_typesettings_of_one_benchmark_agree() -> None:
    first, second, other = (
        gold_answers(FOLDER, benchmark(file))
        for file in ("aime2025_I.jsonl", "aime2025_II.jsonl", "aime25_mathai.jsonl")
    )
    verdicts = grade([rf"\boxed{{{gold}}}" for gold in other], first + second)  # 336 and 336^\circ among them
    assert all(verdict.correct for verdict in verdicts)


def test_an_integer_stored_as_a_float_is_that_integer() -> None:
    answers = gold_answers(FOLDER, benchmark("amc23_test.jsonl"))
    assert all(
        verdict.correct for verdict in grade([rf"\boxed{{{gold}}}" for gold in answers], [f"{g}.0" for g in answers])
    )


def test_the_report_counts_outcomes_and_lists_exceptions() -> None:
    graded = [
        (Trial("a", r"\boxed{1}", "1"), Verdict("correct", "1")),
        (Trial("b", r"\boxed{2}", "1"), Verdict("wrong", "2")),
    ]
    text = report("Title", graded, expected=True)
    assert "| a | 1 | 1 | 0 | 0 | 0 |" in text
    assert "| all | 2 | 1 | 1 | 0 | 0 |" in text
    assert "Correct: 1 of 2, 50.000 %." in text
    assert "- wrong, b: gold `1`, answer `2`" in text
