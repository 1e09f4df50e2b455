"""Several short answers in any order: right if they are those of the gold, and scored by how many are."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from beyond_sharpening.grading.short import graded, in_words
from beyond_sharpening.grading.verdict import Verdict


def grade(completions: Sequence[str], golds: Sequence[str], *, workers: int | None = None) -> list[Verdict]:
    """Grade each completion's answer as a set; the score is |A ∩ G| / |A ∪ G| of its items and the gold's.

    A gold is a JSON list, or items joined by commas or semicolons, as an answer is.
    """
    return graded(completions, golds, _judge)


def states_an_answer(gold: str) -> bool:
    """Whether a gold has an item."""
    return bool(_items(gold))


def _judge(text: str, gold: str) -> Verdict:
    answer, right = _items(text), _items(gold)
    score = len(answer & right) / len(answer | right)
    return Verdict("correct" if answer == right else "wrong", ", ".join(sorted(answer)), score)


def _items(text: str) -> frozenset[str]:
    try:
        listed = json.loads(text)
    except ValueError:
        listed = None
    parts = map(str, listed) if isinstance(listed, list) else re.split(r"[,;]|\band\b", text)
    return frozenset(filter(None, map(in_words, parts)))
