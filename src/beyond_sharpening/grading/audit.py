"""How well the grader grades real gold answers: ``python -m beyond_sharpening.grading.audit FOLDER``.

FOLDER holds the benchmarks as JSON lines. Three rates are measured: gold answers that equal themselves, reference
solutions that are correct, and wrong answers (gold answers with one thing changed) that are taken for right.
"""

import argparse
import gzip
import json
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from beyond_sharpening.grading.grader import grade
from beyond_sharpening.grading.perturb import perturbed
from beyond_sharpening.grading.reading import marked_answer
from beyond_sharpening.grading.verdict import Verdict

Row = dict[str, Any]
Reader = Callable[[Row], str]


def _column(name: str) -> Reader:
    return lambda row: str(row[name])


def _first(name: str) -> Reader:
    return lambda row: str(row[name][0])


def _marked(name: str) -> Reader:
    return lambda row: marked_answer(row[name]) or ""


@dataclass(frozen=True)
class Benchmark:
    """A file: how its gold answer is read, and where a reference solution stands, if it has any."""

    file: str
    gold: Reader
    solution: Reader | None = None


BENCHMARKS = (
    Benchmark("math_lighteval_test.jsonl.gz", _marked("solution"), _column("solution")),
    Benchmark("math_lighteval_train.jsonl.gz", _marked("solution"), _column("solution")),
    Benchmark("math500_test.jsonl", _column("answer"), _column("solution")),
    Benchmark("gsm8k_test.jsonl", _marked("answer"), _column("answer")),
    Benchmark("gsm8k_train_500.jsonl", _marked("answer"), _column("answer")),
    Benchmark("minervamath_test.jsonl", _column("answer")),
    Benchmark("minerva_math_solutions.jsonl", _marked("solution"), _column("solution")),
    Benchmark("olympiadbench_oe_to_maths_en_comp.jsonl", _first("final_answer"), _first("solution")),
    Benchmark("aime_2024.jsonl", _column("answer"), _column("solution")),
    Benchmark("aime2025_I.jsonl", _column("answer")),
    Benchmark("aime2025_II.jsonl", _column("answer")),
    Benchmark("aime25_mathai.jsonl", _column("answer")),
    Benchmark("amc23_test.jsonl", _column("answer")),
    Benchmark("hmmt_feb_2025.jsonl", _column("answer")),
    Benchmark("deepscaler_sample_1209.jsonl", _column("answer")),
)


@dataclass(frozen=True)
class Trial:
    """An answer held against a gold answer, and what it is to show."""

    subject: str
    completion: str
    gold: str


def read_rows(path: Path) -> list[Row]:
    """Return the rows of a file of JSON lines, gzipped or not."""
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def gold_answers(folder: Path, benchmark: Benchmark) -> list[str]:
    """Return the gold answers of a benchmark that are not empty."""
    return [gold for row in read_rows(folder / benchmark.file) if (gold := benchmark.gold(row))]


def themselves(folder: Path) -> Iterator[Trial]:
    """Each gold answer in a box, against itself."""
    for benchmark in BENCHMARKS:
        for gold in gold_answers(folder, benchmark):
            yield Trial(benchmark.file, rf"The answer is $\boxed{{{gold}}}$.", gold)


def solutions(folder: Path) -> Iterator[Trial]:
    """Each reference solution that marks an answer, against the gold answer of its row."""
    for benchmark in BENCHMARKS:
        if benchmark.solution is None:
            continue
        for row in read_rows(folder / benchmark.file):
            solution, gold = benchmark.solution(row), benchmark.gold(row)
            if gold and marked_answer(solution) is not None:
                yield Trial(benchmark.file, solution, gold)


def wrong_answers(golds: Iterable[str]) -> Iterator[Trial]:
    """Each gold answer with one thing changed, against itself; equal gold answers once."""
    for gold in dict.fromkeys(golds):
        for change, wrong in perturbed(gold):
            yield Trial(change, rf"\boxed{{{wrong}}}", gold)


def run(trials: Iterable[Trial], workers: int | None = None) -> list[tuple[Trial, Verdict]]:
    """Grade every trial."""
    every = list(trials)
    verdicts = grade([trial.completion for trial in every], [trial.gold for trial in every], workers=workers)
    return list(zip(every, verdicts, strict=True))


def report(title: str, graded: Iterable[tuple[Trial, Verdict]], expected: bool) -> str:
    """Return Markdown: outcomes by subject, the rate of correct verdicts, and every trial that is not as expected."""
    graded = list(graded)
    outcomes = ("correct", "wrong", "unparsable", "timeout")
    lines = [f"### {title}", "", f"| | trials | {' | '.join(outcomes)} |", "|---|---|---|---|---|---|"]
    subjects = dict.fromkeys(trial.subject for trial, _ in graded)
    for subject in (*subjects, "all"):
        count: Counter[str] = Counter(verdict.outcome for trial, verdict in graded if subject in (trial.subject, "all"))
        lines.append(f"| {subject} | {count.total()} | {' | '.join(str(count[outcome]) for outcome in outcomes)} |")
    correct = sum(verdict.correct for _, verdict in graded)
    lines += ["", f"Correct: {correct} of {len(graded)}, {100 * correct / max(len(graded), 1):.3f} %."]
    odd = [(trial, verdict) for trial, verdict in graded if verdict.correct is not expected]
    if expected or odd:
        lines += [f"Exceptions: {len(odd)}.", ""]
    shown = [
        f"- {verdict.outcome}, {trial.subject}: gold `{trial.gold}`, answer `{marked_answer(trial.completion)}`"
        for trial, verdict in odd
    ]
    return "\n".join([*lines, *shown, ""])


def main() -> None:
    """Print the three rates and their exceptions."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="folder with the benchmarks as JSON lines")
    parser.add_argument("--workers", type=int, default=None, help="worker processes; by default one a CPU core")
    options = parser.parse_args()
    logging.getLogger("beyond_sharpening").setLevel(logging.ERROR)  # the tables tell what failed
    golds = [gold for benchmark in BENCHMARKS for gold in gold_answers(options.folder, benchmark)]
    for title, trials, expected in (
        ("Gold answers against themselves", themselves(options.folder), True),
        ("Reference solutions that mark an answer", solutions(options.folder), True),
        ("Wrong answers made from gold answers", wrong_answers(golds), False),
    ):
        print(report(title, run(trials, options.workers), expected), flush=True)


if __name__ == "__main__":
    main()
