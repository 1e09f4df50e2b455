"""Chains: their value by Python's own arithmetic, what misreading them gives, and every line of a solution true."""

import random
import re

import pytest

from beyond_sharpening.parameters.sources import GeneratorSource
from beyond_sharpening.problems import load_problems
from beyond_sharpening.problems.chains import misread_value, value, worked_solution


def random_chain(draws: random.Random, terms: int, bracketed: bool = True) -> str:
    numbers = [draws.choice("+-") + str(draws.randrange(10)) for _ in range(terms - 1)]
    if bracketed and terms > 2:
        place = draws.randrange(terms - 2)
        numbers[place : place + 2] = [f"-({numbers[place][1:]}{numbers[place + 1]})"]
    return f"{draws.randrange(10)}{''.join(numbers)}="


CHAINS = [random_chain(random.Random(seed), 2 + seed % 6) for seed in range(300)]


def by_python(chain: str) -> int:
    return eval(chain.rstrip("="))


def test_the_value_is_that_of_arithmetic_and_the_misread_one_that_without_brackets():
    assert any("(" in chain for chain in CHAINS)
    for chain in CHAINS:
        assert value(chain) == by_python(chain)
        assert misread_value(chain) == by_python(chain.replace("(", "").replace(")", ""))


def test_solutions_by_hand():
    assert worked_solution("8+5-3+2=") == "13-3=10+2=\\boxed{12}"
    assert worked_solution("1-9+2=") == "-8+2=\\boxed{-6}"
    assert worked_solution("4+5=") == "\\boxed{9}"
    assert worked_solution("8-(5-3)+2=") == "3+3=6+2=\\boxed{8}"
    assert worked_solution("8-(5-3)+2=", misread=True) == "3-3=0+2=\\boxed{2}"
    assert worked_solution("1+9-(4+0)=", misread=True) == "10-4=6+0=\\boxed{6}"


@pytest.mark.parametrize("misread", [False, True])
def test_every_line_of_a_solution_is_true_and_goes_on_from_the_one_before(misread):
    """Each line is worth the number that the next one begins with, and the last the number in the box."""
    for chain in CHAINS:
        *lines, box = worked_solution(chain, misread).split("=")
        results = [int(re.match(r"-?\d+", line)[0]) for line in lines[1:]] + [int(box[len("\\boxed{") : -1])]
        assert [eval(line) for line in lines] == results[: len(lines)]
        assert results[-1] == (misread_value if misread else value)(chain)


def test_without_brackets_nothing_is_misread():
    for chain in (random_chain(random.Random(seed), 6, bracketed=False) for seed in range(50)):
        assert worked_solution(chain, misread=True) == worked_solution(chain)


def generated(**options: float):
    source = GeneratorSource(type="generator", min_terms=3, max_terms=5, size=400, **options)
    return load_problems("chains", source, seed=3, split="train")[0]


def test_the_asked_share_of_generated_chains_has_brackets_that_count():
    """Six standard deviations of a share of one half in 400 are 0.15."""
    problems = generated(brackets=0.5)
    assert len({problem.question for problem in problems}) == 400
    assert all(problem.gold == str(by_python(problem.question)) for problem in problems)
    bracketed = [problem for problem in problems if "(" in problem.question]
    assert 0.35 < len(bracketed) / 400 < 0.65
    assert all(re.search(r"-\(\d[+-]\d\)", problem.question) for problem in bracketed)
    assert all(misread_value(problem.question) != value(problem.question) for problem in bracketed)
    assert {problem.difficulty for problem in bracketed} == {"3", "4", "5"}
    assert all("(" in problem.question for problem in generated(brackets=1))
    assert not any("(" in problem.question for problem in generated())
