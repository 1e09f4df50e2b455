"""reasoning_gym: graded scores by its own scorers, none of which evaluates what a model wrote."""

import json
import random

import pytest
import sympy
from reasoning_gym import create_dataset
from reasoning_gym.factory import DATASETS

from beyond_sharpening.grading.reasoning_gym import _unpacked, expression, gold_text, grade, judge, states_an_answer
from beyond_sharpening.grading.verdict import Claim
from beyond_sharpening.parameters.gym import GYM_TASKS, ReasoningGymSource
from beyond_sharpening.problems.gym import gym_problems

QUICK = ("simple_equations", "spell_backward", "gcd", "bf", "arc_1d", "rearc", "mini_sudoku", "simple_geometry")
QUICK += ("shortest_path", "list_functions", "syllogism", "binary_matrix", "spiral_matrix", "string_insertion")


def problem(task: str, seed: int = 3) -> tuple[dict, str]:
    entry = create_dataset(task, size=1, seed=seed)[0]
    return entry, gold_text(task, {}, entry)


def test_every_task_of_the_ten_categories_is_known():
    there = {
        task: {"arc": "cognition"}.get(cls.__module__.split(".")[1], cls.__module__.split(".")[1])
        for task, (cls, _) in DATASETS.items()
    }
    assert {task: category for category, tasks in GYM_TASKS.items() for task in tasks} == {
        task: category for task, category in there.items() if category not in ("composite", "probability")
    }


@pytest.mark.parametrize("task", QUICK)
def test_a_tasks_own_answer_scores_one_and_nonsense_less(task):
    entry, gold = problem(task)
    assert states_an_answer(gold)
    right, nonsense = (judge(Claim(text, gold)) for text in (str(entry["answer"]), "zzz"))
    assert (right.outcome, right.score) == ("correct", 1.0)
    assert not nonsense.correct
    assert nonsense.score < 0.1


def test_scores_between_are_kept_and_are_not_correct():
    entry, gold = problem("spell_backward")
    verdict = judge(Claim(entry["answer"][:-1] + "#", gold))
    assert 0 < verdict.score < 1
    assert verdict.outcome == "wrong"


def test_the_package_takes_any_text_for_whether_life_halts_and_we_do_not():
    entry, gold = problem("game_of_life_halting")
    assert create_dataset("game_of_life_halting", size=1, seed=3).score_answer("zzz", entry) == 1.0
    assert judge(Claim("zzz", gold)).score == 0.0
    assert judge(Claim(entry["answer"].upper(), gold)).correct
    assert not judge(Claim("False" if entry["answer"] == "True" else "True", gold)).correct


EVALUATING = ("binary_matrix", "spiral_matrix", "string_insertion", "n_queens", "countdown", "puzzle24")
EVALUATING += ("simple_integration", "polynomial_multiplication")


@pytest.mark.parametrize("task", EVALUATING)
def test_nothing_a_model_wrote_is_evaluated(task, tmp_path):
    _, gold = problem(task)
    mark = tmp_path / "evaluated"
    attack = f"__import__('pathlib').Path({str(mark)!r}).touch()"
    for text in (attack, f"[{attack}]", f"1 + {attack}", f"[[{attack}]]"):
        assert judge(Claim(text, gold)).score < 0.1
    assert not mark.exists()


class TestExpressions:
    """What takes the place of sympy's parser, which evaluates."""

    @pytest.mark.parametrize("seed", range(20))
    def test_polynomials_are_what_sympy_reads(self, seed):
        draws = random.Random(seed)
        terms = [f"{draws.randint(-9, 9)}*x**{draws.randint(0, 5)}" for _ in range(4)]
        text = " + ".join(terms) + f" - (y + {draws.randint(1, 9)})^2/3"
        assert sympy.expand(expression(text) - sympy.sympify(text.replace("^", "**"))) == 0

    @pytest.mark.parametrize(
        "text",
        ["x.__class__", "'a'", "x[0]", "lambda: 1", "f(x)", "[1]", "1 if x else 2", "x = 1", "9**9**9", "", "True"],
    )
    def test_nothing_else_is_read(self, text):
        with pytest.raises(ValueError):
            expression(text)


def test_golds_keep_what_json_would_not():
    entry = {"question": "?", "answer": "1", "metadata": {"grid": ((1, 2), [3]), "edges": {1: "a", 2: "b"}, "n": None}}
    assert json.loads(gold_text("maze", {}, entry), object_hook=_unpacked)["entry"] == entry
    with pytest.raises(ValueError, match="not one of a reasoning_gym source"):
        states_an_answer("42")


@pytest.mark.whole
def test_the_last_answer_in_tags_counts():
    entry, gold = problem("gcd")
    right = entry["answer"]
    told = [f"<answer>0</answer> no: <answer> {right}\n</answer>", right, "<answer></answer>"]
    verdicts = grade(told, [gold] * 3, workers=1)
    assert [verdict.outcome for verdict in verdicts] == ["correct", "unparsable", "unparsable"]
    assert [verdict.answer for verdict in verdicts] == [right, None, None]


class TestSource:
    """Problems by category, in equal shares."""

    def source(self, **given) -> ReasoningGymSource:
        return ReasoningGymSource(type="reasoning_gym", **{"categories": ["geometry", "induction"], "size": 7, **given})

    def test_categories_have_equal_shares_and_so_have_their_tasks(self):
        problems = gym_problems("gym", self.source(), seed=0, split="train")
        assert [problem.difficulty for problem in problems] == ["geometry"] * 4 + ["induction"] * 3
        assert [problem.id for problem in problems][:2] == ["gym-advanced_geometry-0", "gym-simple_geometry-0"]
        assert len({problem.question for problem in problems}) == 7

    def test_the_same_name_and_seed_give_the_same_problems_and_others_none_of_them(self):
        one, again, other, named = (
            [problem.question for problem in gym_problems(name, self.source(), seed=seed, split="train")]
            for name, seed in (("gym", 0), ("gym", 0), ("gym", 1), ("else", 0))
        )
        assert one == again
        assert {*one}.isdisjoint(other)
        assert {*one}.isdisjoint(named)

    def test_sizes_and_difficulties_are_parameters(self):
        easy = self.source(
            categories=["arithmetic"],
            left_out=[*{*GYM_TASKS["arithmetic"]} - {"gcd"}],
            size=5,
            settings={"gcd": {"min_numbers": 3, "max_numbers": 3, "max_value": 9}},
        )
        questions = [problem.question for problem in gym_problems("gym", easy, seed=0, split="train")]
        assert all(question.count(",") == 2 for question in questions)

    @pytest.mark.parametrize(
        ("given", "told"),
        [
            ({"left_out": ["maze"]}, "left_out: 'maze' is no task of geometry, induction; known: advanced_geometry"),
            ({"settings": {"chess": {}}}, "settings: 'chess' is no task of"),
            ({"left_out": [*GYM_TASKS["induction"]]}, "left_out leaves no task of induction"),
            ({"categories": ["poetry"]}, "Input should be 'algebra', 'algorithmic'"),
        ],
    )
    def test_what_is_unknown_is_named_with_what_is_known(self, given, told):
        with pytest.raises(ValueError, match=told):
            self.source(**given)

    def test_several_categories_are_written_with_a_plus_where_there_are_no_lists(self):
        assert self.source(categories="algebra+logic").categories == ["algebra", "logic"]
        with pytest.raises(ValueError, match="Input should be 'algebra', 'algorithmic'"):
            self.source(categories="algebra+poetry")

    def test_settings_that_a_task_does_not_take_are_named(self):
        source = self.source(settings={"simple_geometry": {"wings": 2}})
        with pytest.raises(ValueError, match=r"'gym': the task simple_geometry does not take settings \{'wings': 2\}"):
            gym_problems("gym", source, seed=0, split="train")
