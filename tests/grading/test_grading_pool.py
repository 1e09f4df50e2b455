"""What graders may do to their process, and what is said of it; the processes hold nothing but the grader."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from beyond_sharpening.errors import BadInput
from beyond_sharpening.grading import Grader, Verdict, grade, worker
from beyond_sharpening.grading.grader import grade_by
from beyond_sharpening.grading.pool import JUDGE
from beyond_sharpening.grading.verdict import Claim
from beyond_sharpening.problems import Problem, columns_for

GRADER = "user_graders:grade"


@pytest.fixture(autouse=True)
def _finds_the_graders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))


def test_a_grader_of_the_users_grades() -> None:
    assert Grader(GRADER, workers=1)(["7", "8"], ["7", "7"]) == [Verdict("correct", "7"), Verdict("wrong", "8")]


@pytest.mark.parametrize(
    ("fails_on", "told"),
    [
        ("raise", "Unsendable('a lambda'"),
        ("die", "Abnormal termination"),
        ("exit", "SystemExit('no grade')"),
        ("number", "7 is no verdict: return"),
        ("two", "not a list of one"),
    ],
)
def test_a_grader_that_fails_on_some_is_told_in_one_line_with_the_first_and_grades_the_others(
    fails_on: str, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    verdicts = Grader(GRADER, workers=1)([fails_on, "raise", "7"], ["7", "8", "7"])
    assert [verdict.outcome for verdict in verdicts] == ["unparsable", "unparsable", "correct"]
    (line,) = [record.getMessage() for record in caplog.records if record.name.startswith("beyond_sharpening.grading")]
    assert f"failed on 2 of 3 different answers, which count as unparsable; first on '{fails_on}' with the gold" in line
    assert told in line


def test_a_grader_may_say_it_in_bools_and_scores_and_may_not_know() -> None:
    said = ["True", "False", "None", "1", "0.25", "0"]
    verdicts = Grader("user_graders:plain", workers=1)(said, ["7"] * 6)
    assert [verdict.outcome for verdict in verdicts] == ["correct", "wrong", "unparsable", "correct", "wrong", "wrong"]
    assert [verdict.score for verdict in verdicts] == [1, 0, 0, 1, 0.25, 0]


def test_a_grader_is_tried_before_anything_expensive_and_told_what_it_fails_on() -> None:
    Grader(GRADER, workers=1).try_on(["7", "8"])
    with pytest.raises(BadInput, match=r"user_graders:plain' fails on .*boxed\{7\}' with the gold answer '7'"):
        Grader("user_graders:plain", workers=1).try_on(["7", "8"])


PROBLEM = Problem("quiz-0", "quiz", "1+1=", "2", "", "train", others='{"tests": ["3", "4"]}')


def test_a_grader_gets_what_it_asks_for_of_each_problem_by_name() -> None:
    """As lists beside those of completions and golds; what has a default may be missing, and so may workers."""
    other = replace(PROBLEM, question="2+2=", others='{"tests": ["5"]}')
    for name, said in (("by_question", ["1+1=", "1+1="]), ("by_test", ["3", "3"])):
        grader = Grader(f"user_graders:{name}", workers=1)
        verdicts = grader(said, ["2", "2"], *columns_for(grader, [PROBLEM, other]))
        assert [verdict.correct for verdict in verdicts] == [True, False], name
    assert columns_for(Grader(GRADER, workers=1), [PROBLEM]) == [], "one that asks for nothing gets nothing"


def test_a_grader_that_asks_for_what_a_problem_has_not_is_refused_with_what_it_has() -> None:
    told = r"asks for 'tests', and problem quiz-0 has no such column: it has question, id, .*columns\.others"
    with pytest.raises(BadInput, match=told):
        columns_for(Grader("user_graders:by_test", workers=1), [replace(PROBLEM, others="")])


def test_time_and_memory_are_bounded() -> None:
    verdicts = grade_by(GRADER, ["hang", "swell", "7"], ["7"] * 3, workers=1, timeout=0.5)
    assert [verdict.outcome for verdict in verdicts] == ["timeout", "timeout", "correct"]


def test_a_time_that_is_over_as_the_timer_is_stopped_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(timer: int, seconds: float) -> None:
        if not seconds:
            raise worker._OutOfTime

    monkeypatch.setattr(worker.signal, "setitimer", stopped)
    assert worker.work(JUDGE, Claim("x+1", "1+x"), 1).outcome == "timeout"


def test_a_grader_that_fails_on_everything_is_an_error_not_a_score() -> None:
    with pytest.raises(
        BadInput, match=r"failed on all of 2 completions, first on 'raise' with the gold answer '7': .*a lambda"
    ):
        Grader(GRADER, workers=1)(["raise", "raise"], ["7", "8"])


def test_workers_hold_the_grader_alone() -> None:
    """They would hold torch, and take its seconds to start, if they came from a process that does."""
    pytest.importorskip("torch")
    assert "torch" in sys.modules
    assert Grader(GRADER, workers=1)(["torch?"], [""])[0].outcome == "wrong"


def test_an_exception_that_cannot_be_sent_stops_no_other_claim() -> None:
    verdicts = grade(
        [r"\boxed{28 pct}", r"\boxed{x_{}^{}}", r"\boxed{\sqrt{4}}"], [r"28\%", r"\sqrt{3}", "2"], workers=1
    )
    assert verdicts[0].outcome == verdicts[2].outcome == "correct"


def test_what_was_judged_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    first = grade([r"\boxed{\sqrt{50}}"], [r"5\sqrt{2}"], workers=1)
    monkeypatch.setattr("beyond_sharpening.grading.grader.judge_in_processes", None)
    assert grade([r"so \boxed{\sqrt{50}}"], [r"5\sqrt{2}"], workers=1) == first
