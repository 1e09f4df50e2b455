"""What a training is told: the source of R, which need not be what is true.

The domain's grader gives a verdict on every completion, and accuracy, validation and the best policy read verdicts
alone (``truth``). A *signal* makes R of whole groups of completions, from their verdicts or from anything else that
``Rollouts`` holds. To add one: a block in ``parameters.signals`` and its union, a function here, and a row in
``docs/signals.md``.

R depends on the seed, the step and a completion's place among those of all processes, and on nothing else of the
machine: it is the same however many processes share a step, and after a resume.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import singledispatch
from typing import TYPE_CHECKING

import torch

from beyond_sharpening.decoding.seeds import derive_seed
from beyond_sharpening.grading import last_boxed
from beyond_sharpening.parameters import signals as named
from beyond_sharpening.training import judges

if TYPE_CHECKING:
    from beyond_sharpening.grading import Verdict

Grade = Callable[..., Sequence["Verdict"]]
"""``(completions, golds)``, and ``columns`` where it asks for them (``problems.columns``), to a verdict on each."""


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
        logp: log π_θ of each completion, EOS included, in nats, (N,).
        entropy: gives the mean over a completion's tokens of the entropy of π_θ's next-token distributions, in nats,
            (N,); called only where it is needed, since it may take a pass of the policy.
        certainty: gives the same mean of KL(uniform ‖ next-token distribution), (N,); takes a pass of the policy.
        batch: completions in one pass of a model that judges.
    """

    questions: Sequence[str]
    completions: Sequence[str]
    verdicts: Sequence[Verdict]
    group_size: int
    seed: int
    step: int
    first: int
    logp: torch.Tensor
    entropy: Callable[[], torch.Tensor]
    certainty: Callable[[], torch.Tensor]
    batch: int


def truth(verdicts: Sequence[Verdict]) -> torch.Tensor:
    """1 correct, 0 wrong or without an answer, NaN where grading did not end in time; (N,)."""
    return torch.tensor(
        [float("nan") if verdict.outcome == "timeout" else float(verdict.correct) for verdict in verdicts]
    )


@singledispatch
def told(signal: named.SignalBlock, rollouts: Rollouts) -> torch.Tensor:
    """R of every completion, (N,); NaN where there is none, which leaves the completion out of its group.

    Raises:
        NotImplementedError: for a signal without a function of its own.
        BadInput: if a judge cannot be loaded, or gives something else than a number in [0, 1] for each.
    """
    raise NotImplementedError(
        f"training/signals.py has no function that makes rewards of {type(signal).__name__}: add one (@told.register)"
    )


@told.register
def _gold(signal: named.Gold, rollouts: Rollouts) -> torch.Tensor:
    """R is the score, 1 for a correct answer: what is told is what is true."""
    scores = torch.tensor([verdict.score for verdict in rollouts.verdicts])
    return scores.where(~truth(rollouts.verdicts).isnan(), math.nan)


@told.register
def _noisy(signal: named.Noisy, rollouts: Rollouts) -> torch.Tensor:
    """The truth, flipped: a wrong answer is told to be right with probability f⁺, a right one wrong with f⁻.

    *Drawn* flips are independent of everything: E[R | y] = f⁺ + J·R*(y) with the true R* and Youden's
    J = 1 − f⁺ − f⁻, so the expected gradient is J times that of accuracy. *Fixed* ones belong to an answer of a
    problem, as those of a verifier that is consistently wrong do: the policy is paid in full for such an answer, and
    can learn it. No answer at all is one answer.

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


@told.register
def _random(signal: named.Random, rollouts: Rollouts) -> torch.Tensor:
    """A coin for each completion: R ~ Bernoulli(p), whatever was answered. Its expected gradient is zero.

    Source: Shao et al. (2025), *Spurious rewards* (arXiv 2506.10947), where it raises the accuracy of one family of
    models and not of others. Known failure: it knows nothing; what it changes comes from the estimator (clipping, the
    optimiser's noise) or from what the start model prefers already.
    """
    places = range(rollouts.first, rollouts.first + len(rollouts.completions))
    coins = [_uniform(rollouts.seed, "coin", rollouts.step, place) < signal.probability for place in places]
    return torch.tensor(coins).float()


@told.register
def _format(signal: named.Form, rollouts: Rollouts) -> torch.Tensor:
    """R = 1 for an answer in its form, whatever it says.

    Source: Shao et al. (2025, arXiv 2506.10947). Known failure: once every completion has the form, nothing is left
    to learn; a model that always had it is not changed.
    """
    if signal.form == "box":
        return torch.tensor([float(bool(last_boxed(text))) for text in rollouts.completions])
    return torch.tensor([float(verdict.answer is not None) for verdict in rollouts.verdicts])


@told.register
def _inverted(signal: named.Inverted, rollouts: Rollouts) -> torch.Tensor:
    """R = 1 − R*: the gradient of accuracy, downhill. Noisy at J = −1.

    Source: Shao et al. (2025, arXiv 2506.10947), who reward wrong answers alone. Known failure: that is what it is.
    """
    return 1 - truth(rollouts.verdicts)


@told.register
def _majority(signal: named.Majority, rollouts: Rollouts) -> torch.Tensor:
    """R = 1 for the answer that most of the group give, of as many the one given first; 0 without an answer.

    R depends on the group, so no one reward of a completion alone has this gradient: in expectation it raises the
    answers that tend to win the vote, and the more so the less certain they are to.

    Source: Zuo et al. (2025), *TTRL: Test-time reinforcement learning* (arXiv 2504.16084).
    Known failure: accuracy is bounded by that of the start model's vote; where most are wrong it learns the wrong
    answer, and a policy that always gives one answer has all of the reward.
    """
    answers = [verdict.answer for verdict in rollouts.verdicts]
    rewards: list[float] = []
    for start in range(0, len(answers), rollouts.group_size):
        group = answers[start : start + rollouts.group_size]
        votes = Counter(answer for answer in group if answer is not None)
        winner = votes.most_common(1)[0][0] if votes else None
        rewards += [float(answer is not None and answer == winner) for answer in group]
    return torch.tensor(rewards)


@told.register
def _self_certainty(signal: named.SelfCertainty, rollouts: Rollouts) -> torch.Tensor:
    """R = 1/T Σ_t KL(U ‖ π_θ(·|x, y_<t)) = −1/(T·V) Σ_t Σ_v log(V·π_θ(v|x, y_<t)), held fixed in the gradient.

    Source: Zhao et al. (2025), *Learning to reason without external rewards* (Intuitor, arXiv 2505.19590); the measure
    is Kang et al.'s (2025, arXiv 2502.18581).
    Known failure: it rises without bound as the policy becomes deterministic, right or wrong; late in training
    completions get short, or end in something that the policy is certain of.
    """
    return rollouts.certainty()


@told.register
def _token_entropy(signal: named.TokenEntropy, rollouts: Rollouts) -> torch.Tensor:
    """R = −1/T Σ_t H(π_θ(·|x, y_<t)), held fixed in the gradient.

    Source: Prabhudesai et al. (2025), *Maximizing confidence alone improves reasoning* (RENT, arXiv 2505.22660).
    Known failure: every deterministic policy has its largest value, 0, whatever it answers: it collapses.
    """
    return -rollouts.entropy()


@told.register
def _sequence_entropy(signal: named.SequenceEntropy, rollouts: Rollouts) -> torch.Tensor:
    """R = log π_θ(y|x), held fixed in the gradient: E[R] = −H(π_θ), and the gradient is that of −H.

    It is the reward's last coefficient with c < 0, which ``Objective`` refuses, because there is no optimum to give:
    −H is convex, its only stationary point in the interior is its *minimum*, the uniform distribution, and each
    deterministic policy is a maximum, whichever completion it gives. Where it ends is a matter of where it starts.

    Source: Agarwal et al. (2025), *The unreasonable effectiveness of entropy minimization in LLM reasoning*
    (EM-RL-sequence, arXiv 2505.15134).
    Known failure: it collapses to one completion, and among completions prefers short ones.
    """
    return rollouts.logp


@told.register
def _judge(signal: named.Judge, rollouts: Rollouts) -> torch.Tensor:
    """R is what a function of the user's says of the question and the completion, in [0, 1].

    Known failure: what it likes beside the truth is learned as well: its error is a fixed one.
    """
    return judges.scores_of_function(signal, rollouts.questions, rollouts.completions)


@told.register
def _reward_model(signal: named.RewardModel, rollouts: Rollouts) -> torch.Tensor:
    """R is the σ of a reward model's score, or its probability of a label.

    Source: Ouyang et al. (2022, arXiv 2203.02155). Known failure: over-optimisation, the score rises while quality
    falls (Gao et al. 2022, arXiv 2210.10760).
    """
    asked = (rollouts.questions, rollouts.completions, rollouts.logp.device, rollouts.batch)
    return judges.scores_of_reward_model(signal, *asked)


@told.register
def _yes_no(signal: named.YesNo, rollouts: Rollouts) -> torch.Tensor:
    """R = P(yes) / (P(yes) + P(no)) of a language model that is asked whether the answer is right.

    Source: Zhang et al. (2024), *Generative verifiers* (arXiv 2408.15240). Known failure: empty phrases and mere
    openings of a solution please it (Zhao et al. 2025, *One token to fool LLM-as-a-judge*, arXiv 2507.08794).
    """
    return judges.scores_of_yes(signal, rollouts.questions, rollouts.completions, rollouts.logp.device, rollouts.batch)


def _uniform(*parts: int | str) -> float:
    """A number in [0, 1) that depends on the parts alone."""
    return derive_seed(*parts) / 2**63
