"""Short questions: each kind's share, the right answers, and what they depend on."""

from typing import get_args

import pytest

from beyond_sharpening.parameters.sources import QuestionKind, QuestionsSource
from beyond_sharpening.problems import Problem, load_problems

KINDS = list(get_args(QuestionKind))


def questions(name: str = "words", seed: int = 0, **changes) -> list[Problem]:
    source = QuestionsSource(type="questions", **{"kinds": KINDS, "size": 40, **changes})
    problems, dropped = load_problems(name, source, seed=seed, split="train")
    assert not dropped
    return problems


def answer(problem: Problem) -> int:
    """By reading the question, not by how it was made."""
    numbers = [int(word.strip(",:?.")) for word in problem.question.split() if word.strip(",:?.").isdigit()]
    if "largest" in problem.question:
        return max(numbers)
    return numbers[0] - numbers[1] if "gives away" in problem.question else sum(numbers)


def test_every_kind_has_its_share_and_every_gold_is_right():
    problems = questions()
    assert len({problem.question for problem in problems}) == len({problem.id for problem in problems}) == 40
    assert [[problem.difficulty for problem in problems].count(kind) for kind in KINDS] == [10] * 4
    assert [int(problem.gold) for problem in problems] == [answer(problem) for problem in problems]
    assert all(int(problem.gold) > 0 for problem in problems)


def test_the_same_seed_and_name_give_the_same_questions_and_no_others_do():
    assert questions() == questions()
    first, others = {p.question for p in questions()}, (questions(seed=1), questions(name="other"))
    assert all(first != {p.question for p in other} for other in others)


def test_more_questions_than_there_are_is_refused():
    with pytest.raises(ValueError, match=r"only \d+ .* of kind three_terms with numbers up to 3, 60 wanted"):
        questions(kinds=["three_terms"], largest_term=3, size=60)
