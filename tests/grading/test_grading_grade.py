"""The one door: completions and golds in, verdicts out."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from beyond_sharpening.grading import Verdict, grade, pool
from beyond_sharpening.grading.verdict import Claim

NEVER_ENDS = r"9^{9^{9^{9}}}"


def grade_one(completion: str, gold: str, timeout: float = 10.0) -> Verdict:
    return grade([completion], [gold], workers=1, timeout=timeout)[0]


@pytest.fixture
def no_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a worker process was asked for")

    monkeypatch.setattr(pool, "_ask", refuse)


@pytest.mark.usefixtures("no_processes")
@pytest.mark.parametrize(
    ("completion", "gold", "verdict"),
    [
        (r"The sum is \boxed{025}.", "25", Verdict("correct", "25")),
        (r"\boxed{2,125}", "2125", Verdict("correct", "2125")),
        (r"\boxed{\frac12}", "0.5", Verdict("correct", "1/2")),
        (r"\boxed{4.5 \times 10^{33}}", "4.5e33", Verdict("correct", str(45 * 10**32))),
        (r"\boxed{24}", "25", Verdict("wrong", "24")),
        (r"\boxed{25}, no: \boxed{24}", "25", Verdict("wrong", "24")),
        (r"\boxed{\left(1, 2\right)}", "(1,2)", Verdict("correct", "(1,2)")),
        (" 4\n", "4", Verdict("correct", "4")),
        ("-4", "4", Verdict("wrong", "-4")),
        (r"\boxed{}", "4", Verdict("unparsable", None)),
        ("", "4", Verdict("unparsable", None)),
    ],
)
def test_numbers_and_equal_strings_need_no_worker(completion: str, gold: str, verdict: Verdict) -> None:
    assert grade([completion], [gold]) == [verdict]


@pytest.mark.parametrize(
    ("completion", "gold", "outcome"),
    [
        (r"\boxed{\frac{1}{\sqrt{3}}}", r"\frac{\sqrt{3}}{3}", "correct"),
        (r"\boxed{0.333333}", r"\frac13", "correct"),
        (r"\boxed{10}", r"10\%", "correct"),
        (r"\boxed{5}", r"5\text{ cm}", "correct"),
        (r"\boxed{336}", r"336^\circ", "correct"),
        (r"\boxed{2, 1}", "1,2", "correct"),
        (r"\boxed{(2, 1)}", "(1,2)", "wrong"),
        (r"\boxed{(-\infty, 3]}", r"(-\infty,3)", "wrong"),
        (r"\boxed{x=5}", "5", "correct"),
        (r"\boxed{\text{saturday}}", "Saturday", "correct"),
        ("The answer is 1/2.", "0.5", "correct"),
        ("8+5=13, 13-3=10", "10", "correct"),
        ("I cannot say.", "10", "unparsable"),
        (r"it is \boxed{5", "5", "unparsable"),  # truncated inside the box
    ],
)
def test_the_rest_is_decided_by_math_verify(completion: str, gold: str, outcome: str) -> None:
    assert grade_one(completion, gold).outcome == outcome


@pytest.mark.parametrize(
    ("answer", "gold", "correct"),
    [
        # equations: one is a multiple of the other, not both without a solution that could be found
        ("2y = 4x + 6", "y = 2x + 3", True),
        ("4x + 6 - 2y = 0", "y = 2x + 3", True),
        ("xy = 1", r"y = \frac{1}{x}", True),
        ("y^2 + 5 = 0", "x^2 + 1 = 0", False),
        ("x^3 = 0", "x^2 = 0", False),
        ("z = 2x + 3", "y = 2x + 3", False),
        # derivatives are not zero, primes are not nothing, a gamma is no number
        (r"b v + m \frac{dv}{dt} = f", r"m \frac{d v}{d t}+b v=f", True),
        ("b v = f", r"m \frac{d v}{d t}+b v=f", False),
        (r"\frac{dy}{dx} = -3y", r"\frac{dy}{dx} = 3y", False),
        ("y' + ry = 0", r"y^{\prime} + r y = 0", True),
        ("y + ry = 0", r"y^{\prime} + r y = 0", False),
        (r"(\gamma^2 - 1) m c^2", r"m c^{2}\left(\gamma^{2}-1\right)", True),
        (r"(\gamma^2 - 3) m c^2", r"m c^{2}\left(\gamma^{2}-1\right)", False),
        # no part of an answer is the answer
        (r"(-\frac18, \frac12) - 7", r"(-\frac18, \frac12)", False),
        (r"\begin{aligned} \frac{3}{4} \\ 7 \end{aligned}", r"\frac34", False),
        (r"\begin{vmatrix} 1 & 2 \\ 3 & 4 \end{vmatrix}", r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}", False),
        # numbers as the data write them
        (r"\sqrt{7.569 \times 10^{17}}", "8.7e8", True),
        ("4350 + 4350", "8.7e3", True),
        (r"\angle ABC = 14,400", "14400", True),
    ],
)
def test_what_math_verify_would_misread(answer: str, gold: str, correct: bool) -> None:
    assert grade_one(rf"\boxed{{{answer}}}", gold).correct is correct


def test_the_answer_depends_on_the_completion_alone() -> None:
    verdicts = grade([r"\boxed{\sqrt 3}"] * 2, [r"3^{1/2}", "7"], workers=1)
    assert [verdict.answer for verdict in verdicts] == [r"\sqrt{3}"] * 2
    assert [verdict.correct for verdict in verdicts] == [True, False]


def test_a_timeout_is_an_outcome_and_the_others_are_still_graded() -> None:
    completions = [rf"\boxed{{{NEVER_ENDS}}}", r"\boxed{\sqrt{4}}"]
    verdicts = grade(completions, ["5", "2"], workers=1, timeout=0.5)
    assert [verdict.outcome for verdict in verdicts] == ["timeout", "correct"]
    assert verdicts[0].answer == "9^{9^{9^9}}"
    assert not verdicts[0].correct


@pytest.mark.parametrize("answer", [r"\frac{1}", r"\sqrt", r"x^^2", r"\geq \frac34", r"\frac14 \implies \frac34"])
def test_an_answer_that_cannot_be_read_whole_is_unparsable(answer: str) -> None:
    verdicts = grade([rf"\boxed{{{answer}}}", "2"], [r"\frac34", "2"], workers=1)
    assert [verdict.outcome for verdict in verdicts] == ["unparsable", "correct"]


def test_a_degenerate_answer_stops_nothing() -> None:
    nested = "(" * 1500 + "1" + ")" * 1500
    verdicts = grade([rf"\boxed{{{nested}}}", r"\boxed{2}"], ["3", "2"], workers=1)
    assert [verdict.outcome for verdict in verdicts] == ["unparsable", "correct"]


def test_repeated_claims_are_judged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[Claim] = []

    def judge_here(claims: list[Claim], *_: object) -> list[Verdict]:
        judged.extend(claims)
        return [Verdict("wrong", claim.text) for claim in claims]

    monkeypatch.setattr("beyond_sharpening.grading.grader.judge_in_processes", judge_here)
    verdicts = grade([r"\boxed{a}", r"\boxed{1}", r"so \boxed{a}", r"\boxed{b}"], ["x", "1", "x", "x"])
    assert judged == [Claim("a", "x"), Claim("b", "x")]
    assert [verdict.answer for verdict in verdicts] == ["a", "1", "a", "b"]


def test_works_from_several_threads_at_once() -> None:
    with ThreadPoolExecutor(4) as threads:
        verdicts = threads.map(lambda n: grade_one(rf"\boxed{{\sqrt{{{n * n}}}}}", str(n)), range(2, 10))
    assert all(verdict.correct for verdict in verdicts)


@pytest.mark.parametrize("gold", ["", "  ", "$$", r"\text{ }", None, 5])
def test_a_bad_gold_is_an_error_that_names_it(gold: object) -> None:
    with pytest.raises(ValueError, match=r"position 1 is not a text with an answer") as error:
        grade(["1", "1"], ["1", gold])  # type: ignore[list-item]
    assert repr(gold) in str(error.value)


def test_bad_options_are_errors() -> None:
    with pytest.raises(ValueError, match="2 completions for 1 gold"):
        grade(["1", "2"], ["1"])
    with pytest.raises(ValueError, match="workers=0"):
        grade(["1"], ["1"], workers=0)
    with pytest.raises(ValueError, match="timeout=0"):
        grade(["1"], ["1"], timeout=0)


def test_what_is_no_list_of_texts_is_named() -> None:
    with pytest.raises(TypeError, match="completions='3': give a list of texts, not one text"):
        grade("3", "3")
    with pytest.raises(TypeError, match="The completion at position 1 is no text: None"):
        grade(["1", None], ["1", "1"])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="timeout=nan: give a positive number of seconds"):
        grade(["1"], ["1"], timeout=float("nan"))


def test_nothing_to_grade() -> None:
    assert grade([], []) == []


def test_a_script_needs_no_main_guard(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from beyond_sharpening.grading import grade\n"
        "print(grade([r'\\boxed{\\sqrt4}'], ['2'], workers=1)[0].outcome)\n"
    )
    run = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120)
    assert run.stdout == "correct\n"
