"""Graders as users write them: a good one, and those that fail, die, hang, swell or return something else."""

import os
import sys
from collections.abc import Sequence

import numpy as np

from beyond_sharpening.grading import Verdict


class Unsendable(Exception):
    """An exception that holds what no other process can be sent."""

    def __init__(self, message: str) -> None:
        super().__init__(message, lambda: None)


def grade(completions: Sequence[str], golds: Sequence[str], *, workers: int) -> list[Verdict]:
    """Do what the completion says."""
    (completion,), (gold,) = completions, golds
    match completion:
        case "raise":
            raise Unsendable("a lambda")
        case "die":
            os.abort()
        case "exit":
            sys.exit("no grade")
        case "hang":
            while True:
                pass
        case "swell":
            bytearray(8 << 30)
        case "torch?":
            return [Verdict("correct" if "torch" in sys.modules else "wrong", "torch")]
        case "number":
            return [7]  # type: ignore[list-item]
        case "two":
            return [True, True]  # type: ignore[list-item]
    return [Verdict("correct" if completion == gold else "wrong", completion)]


def plain(completions: Sequence[str], golds: Sequence[str], *, workers: int) -> list[object]:
    """What each completion says, as Python has it."""
    known = {"True": True, "False": False, "None": None, "1": 1, "0.25": np.float32(0.25), "0": 0.0}
    return [known[completion] for completion in completions]


def by_question(completions: Sequence[str], golds: Sequence[str], question: list[str], hint: str = "") -> list[bool]:
    """Whether each completion says its question."""
    return [completion == asked for completion, asked in zip(completions, question, strict=True)]


def by_test(completions: Sequence[str], golds: Sequence[str], *, tests: list[list[str]]) -> list[bool]:
    """Whether each completion is among its problem's tests."""
    return [completion in known for completion, known in zip(completions, tests, strict=True)]
