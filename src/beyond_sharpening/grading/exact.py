"""Short text: right if it is the gold, or one of several; case, white space and punctuation around it aside."""

from __future__ import annotations

from collections.abc import Sequence

from beyond_sharpening.grading.gold import acceptable
from beyond_sharpening.grading.short import graded, in_words
from beyond_sharpening.grading.verdict import Verdict


def grade(completions: Sequence[str], golds: Sequence[str], *, workers: int | None = None) -> list[Verdict]:
    """Grade each completion's short answer; ``\\anyof{Paris}{Paname}`` accepts either."""
    return graded(completions, golds, _judge)


def states_an_answer(gold: str) -> bool:
    """Whether a gold holds a word."""
    return all(in_words(each.answer) for each in acceptable(gold))


def _judge(text: str, gold: str) -> Verdict:
    answer = in_words(text)
    right = answer in {in_words(each.answer) for each in acceptable(gold)}
    return Verdict("correct" if right else "wrong", answer)
