"""The task reward: what the grader says, as a number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from beyond_sharpening.grading import Verdict


@dataclass(frozen=True)
class TaskReward:
    """R of each completion: 1 correct, 0 wrong or without an answer, None where grading did not end in time."""

    grader: Callable[[Sequence[str], Sequence[str]], Sequence[Verdict]]

    def __call__(self, completions: Sequence[str], golds: Sequence[str]) -> list[float | None]:
        verdicts = self.grader(completions, golds)
        return [None if verdict.outcome == "timeout" else float(verdict.correct) for verdict in verdicts]
