"""The trainer's own gradient estimates, and how far their mean may be from the exact gradient."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from scipy.stats import norm
from transformers import TrainerCallback

from beyond_sharpening.exact.gradient import objective_gradient, rloo_moments, scores
from beyond_sharpening.theory.enumerable import EnumerableTask, build_trainer
from beyond_sharpening.training.trainer import ObjectiveTrainer

if TYPE_CHECKING:
    from pathlib import Path

    from transformers import PreTrainedModel

    from beyond_sharpening.objectives import Objective

FALSE_ALARM = 1e-6


class GradientRecorder(TrainerCallback):
    """Keeps the gradient that reaches the optimiser, as one vector."""

    def on_pre_optimizer_step(self, args, state, control, **kwargs):
        self.gradient = torch.cat([part.grad.flatten().double() for part in kwargs["model"].parameters()])


def estimated_gradient(
    task: EnumerableTask,
    objective: Objective,
    policy: PreTrainedModel,
    folder: Path,
    *,
    groups: int,
    group_size: int,
    trainer: type[ObjectiveTrainer] = ObjectiveTrainer,
    **options: object,
) -> torch.Tensor:
    """The ascent direction that one step of training follows, (P,): the mean over ``groups`` groups a question.

    The step is a real one, with two accumulated micro-batches; nothing is clipped. A mean over tokens is multiplied by
    the mean length of the step's completions, which it has been divided by.
    """
    recorder = GradientRecorder()
    built = build_trainer(
        task,
        objective,
        policy,
        folder,
        groups=groups,
        group_size=group_size,
        learning_rate=0.0,
        trainer=trainer,
        max_steps=1,
        max_grad_norm=0.0,
        per_device_train_batch_size=len(task.prompts) * groups * group_size // 2,
        gradient_accumulation_steps=2,
        **options,
    )
    built.add_callback(recorder)
    built.train()
    tokens = 2 * built._tokens_a_batch if options.get("loss") == "tokens" else len(task.prompts) * groups * group_size
    return -recorder.gradient * tokens / (len(task.prompts) * groups * group_size)


@dataclass(frozen=True, eq=False)
class Comparison:
    """How far an estimate is from the exact gradient along each direction, in units of what is allowed."""

    excess: torch.Tensor  # (directions,)

    @property
    def agrees(self) -> bool:
        return bool((self.excess <= 1).all())


def compare(
    task: EnumerableTask,
    objective: Objective,
    policy: PreTrainedModel,
    estimate: torch.Tensor,
    *,
    groups: int,
    group_size: int,
) -> Comparison:
    """Compare along the exact gradient and the score ∇log π(y) of every completion, which span all estimates.

    With X questions and n groups each, the estimate is the mean of nX independent leave-one-out estimates, each of
    exactly known variance (``rloo_moments``), so each projection's error is Gaussian with a known deviation. What is
    allowed is the two-sided quantile at FALSE_ALARM, shared among the directions (Bonferroni).
    """
    exact_policy = copy.deepcopy(policy).double()
    _, parts = objective_gradient(exact_policy, task.prompts, task.completions, objective, task.correct, task.log_p)
    exact = torch.cat([part.flatten().double() for part in parts.values()])
    log_q = task.log_probabilities(exact_policy)
    rewards = objective.reward(task.correct.double(), task.log_p, log_q, task.completions.lengths)
    score = torch.stack([scores(exact_policy, prompt, task.completions) for prompt in task.prompts]).double()
    directions = torch.nn.functional.normalize(torch.cat([exact[None], score.flatten(0, 1)]), dim=1)
    quantile = float(norm.isf(FALSE_ALARM / (2 * len(directions))))
    variance = sum(
        torch.tensor(
            [rloo_moments(log_q_x, reward, (score_x @ direction)[:, None], group_size)[1] for direction in directions]
        )
        for log_q_x, reward, score_x in zip(log_q, rewards, score, strict=True)
    )
    deviation = (variance / groups).sqrt() / len(task.prompts)
    return Comparison((directions @ (estimate - exact)).abs() / (quantile * deviation))
