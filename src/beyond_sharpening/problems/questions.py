"""Short questions in words, of kinds that a small language model solves sometimes, mostly or hardly ever."""

from __future__ import annotations

import random
from collections.abc import Callable

from beyond_sharpening.parameters.sources import QuestionKind, QuestionsSource
from beyond_sharpening.problems.problem import Problem

NAMES = ("Tom", "Anna", "Ben", "Mia", "Sam", "Lily", "Jack", "Emma", "Leo", "Nora")
THINGS = ("apples", "books", "pencils", "coins", "cards", "shells", "stamps", "marbles", "eggs", "cups")
_DRAWS_PER_PROBLEM = 50


def short_questions(name: str, source: QuestionsSource, *, seed: int, split: str) -> list[Problem]:
    """Generate different questions; the kind is their difficulty.

    The same arguments give the same problems; other names or seeds give unrelated ones.

    Raises:
        ValueError: if a kind has too few different questions.
    """
    problems = []
    for place, kind in enumerate(source.kinds):
        wanted = len(range(place, source.size, len(source.kinds)))
        rng = random.Random(f"{name}/{seed}/{kind}")
        drawn: dict[str, str] = {}
        for _ in range(_DRAWS_PER_PROBLEM * wanted):
            if len(drawn) == wanted:
                break
            question, gold = _KINDS[kind](rng, source.largest_term)
            drawn[question] = str(gold)
        if len(drawn) < wanted:
            raise ValueError(
                f"Source {name!r}: only {len(drawn)} different questions of kind {kind} with numbers up to "
                f"{source.largest_term}, {wanted} wanted: lower size, or raise largest_term."
            )
        problems += [
            Problem(f"{name}-{kind}-{row}", name, question, gold, kind, split)
            for row, (question, gold) in enumerate(drawn.items())
        ]
    return problems


def _word_sum(rng: random.Random, largest: int) -> tuple[str, int]:
    first, second = rng.randint(1, largest), rng.randint(1, largest)
    who, what = rng.choice(NAMES), rng.choice(THINGS)
    return f"{who} has {first} {what} and buys {second} more. How many {what} does {who} have now?", first + second


def _word_difference(rng: random.Random, largest: int) -> tuple[str, int]:
    less, more = sorted(rng.sample(range(1, largest + 1), 2))
    who, what = rng.choice(NAMES), rng.choice(THINGS)
    return f"{who} has {more} {what} and gives away {less}. How many {what} does {who} have left?", more - less


def _largest(rng: random.Random, largest: int) -> tuple[str, int]:
    numbers = rng.sample(range(1, max(largest, 4) + 1), 4)
    return f"Which number is the largest: {', '.join(map(str, numbers))}?", max(numbers)


def _three_terms(rng: random.Random, largest: int) -> tuple[str, int]:
    terms = [rng.randint(1, largest) for _ in range(3)]
    return f"What is {' + '.join(map(str, terms))}?", sum(terms)


_KINDS: dict[QuestionKind, Callable[[random.Random, int], tuple[str, int]]] = {
    "word_sum": _word_sum,
    "word_difference": _word_difference,
    "largest": _largest,
    "three_terms": _three_terms,
}
