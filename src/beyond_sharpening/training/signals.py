"""What a training is told: the source of R, which need not be what is true.

The domain's grader gives a verdict on every completion, and accuracy, validation and the best policy read verdicts
alone (``truth``). A *signal* makes R of whole groups of completions, from their verdicts or from anything else that
``Rollouts`` holds. To add one: a block in ``parameters.signals`` and its union, and a function here.

R depends on the seed, the step and a completion's place among those of all processes, and on nothing else of the
machine: it is the same however many processes share a step, and after a resume.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import singledispatch

import torch

from beyond_sharpening.decoding.seeds import derive_seed
from beyond_sharpening.grading import Verdict
from beyond_sharpening.parameters.signals import Gold, Noisy, SignalBlock

Grade = Callable[[Sequence[str], Sequence[str]], Sequence[Verdict]]
"""``(completions, golds)`` to a verdict on each."""


@dataclass(frozen=True, eq=False)
class Rollouts:
    """Whole groups of completions of one step, as a process holds them: N in all, those of a group side by side.

    Attributes:
        questions: what each completion answers, (N,).
        completions: their texts, up to the first EOS, (N,).
        verdicts: of the domain's grader, (N,).
        group_size: completions a group.
        seed: of the training.
        step: of the training, from 0.
        first: place of the first completion among those of all processes.
    """

    questions: Sequence[str]
    completions: Sequence[str]
    verdicts: Sequence[Verdict]
    group_size: int
    seed: int
    step: int
    first: int


def truth(verdicts: Sequence[Verdict]) -> torch.Tensor:
    """1 correct, 0 wrong or without an answer, NaN where grading did not end in time; (N,)."""
    return torch.tensor(
        [float("nan") if verdict.outcome == "timeout" else float(verdict.correct) for verdict in verdicts]
    )


@singledispatch
def told(signal: SignalBlock, rollouts: Rollouts) -> torch.Tensor:
    """R of every completion, (N,); NaN where there is none, which leaves the completion out of its group.

    Raises:
        NotImplementedError: for a signal without a function of its own.
    """
    raise NotImplementedError(f"no function here makes R of {type(signal).__name__}")


@told.register
def _gold(signal: Gold, rollouts: Rollouts) -> torch.Tensor:
    """R is the score, 1 for a correct answer: what is told is what is true."""
    scores = torch.tensor([verdict.score for verdict in rollouts.verdicts])
    return scores.where(~truth(rollouts.verdicts).isnan(), math.nan)


@told.register
def _noisy(signal: Noisy, rollouts: Rollouts) -> torch.Tensor:
    """The truth, flipped: a wrong answer is told to be right with probability f⁺, a right one wrong with f⁻.

    *Drawn* flips are independent of everything: E[R | y] = f⁺ + J·R*(y) with the true R* and Youden's
    J = 1 − f⁺ − f⁻, so the expected gradient is J times that of accuracy. *Fixed* ones belong to an answer of a
    problem, as those of a verifier that is consistently wrong do: the policy is paid in full for such an answer, and
    can learn it.

    Source: Youden (1950), *Index for rating diagnostic tests*; Cai et al. (2025), *Reinforcement learning with
    verifiable yet noisy rewards under imperfect verifiers* (arXiv 2510.00915).
    Known failure: at J = 0 drawn flips teach nothing, and at J < 0 they teach what is wrong.
    """
    true = truth(rollouts.verdicts)
    chances = [
        _uniform(rollouts.seed, "flip", question, str(verdict.answer))
        if signal.flips == "fixed"
        else _uniform(rollouts.seed, "flip", rollouts.step, rollouts.first + row)
        for row, (question, verdict) in enumerate(zip(rollouts.questions, rollouts.verdicts, strict=True))
    ]
    rate = torch.where(true == 1, signal.false_negative, signal.false_positive)
    return torch.where(torch.tensor(chances, dtype=torch.float64) < rate, 1 - true, true)


def _uniform(*parts: int | str) -> float:
    """A number in [0, 1) that depends on the parts alone."""
    return derive_seed(*parts) / 2**63
