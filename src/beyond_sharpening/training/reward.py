"""The task reward: what the grader says, as a number."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from beyond_sharpening.grading import Verdict


def task_reward(
    grader: Callable[[Sequence[str], Sequence[str]], Sequence[Verdict]],
) -> Callable[[Sequence[str], Sequence[str]], list[float | None]]:
    """R of each completion: 1 correct, 0 wrong or without an answer, None where grading did not end in time."""

    def reward(completions: Sequence[str], golds: Sequence[str]) -> list[float | None]:
        verdicts = grader(completions, golds)
        return [None if verdict.outcome == "timeout" else float(verdict.correct) for verdict in verdicts]

    return reward
