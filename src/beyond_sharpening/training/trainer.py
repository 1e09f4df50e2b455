"""The trainer of every objective: TRL's REINFORCE leave-one-out with the composed reward.

A thin subclass of ``RLOOTrainer``. It changes where three numbers come from and leaves the rest of TRL
(advantages, loss, accumulation, optimiser, distribution) alone:

* completions come from the project's own sampling loop, which returns log π_θ with them, so that no second
  pass over the sampled completions is needed;
* the pass that TRL makes there scores them under π_ref instead, once;
* the reward is ``Objective.reward`` of the task reward and those two sums.

TRL's own KL term stays off (``beta`` = 0), advantages are not divided by a standard deviation (a scale per
prompt would change the optimum), and there is one update a batch. The probability ratio in TRL's loss is
then the importance weight between sampler and trainer, 1 but for rounding; ``epsilon`` and ``epsilon_high``
are set so that it is only truncated, at 20.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import torch
from accelerate.utils import gather
from datasets import Dataset
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import Sampler
from transformers import PreTrainedModel
from trl import RLOOConfig, RLOOTrainer
from trl.models import unwrap_model_for_generation
from trl.trainer.utils import RepeatSampler, add_fused_lm_head

from beyond_sharpening.decoding import Completion, SamplingOptions, sample
from beyond_sharpening.decoding.text import answer_texts
from beyond_sharpening.objectives import Objective
from beyond_sharpening.seeds import derive_seed

TaskReward = Callable[[Sequence[str], Sequence[str]], Sequence[float | None]]

# The cap of the importance weights, and the share of the learning rate that warm-up starts from: the paper's.
IMPORTANCE_CAP = 20.0
WARMUP_START = 0.1

ESTIMATOR: dict[str, Any] = {
    "temperature": 1.0,
    "top_p": 1.0,
    "top_k": 0,
    "beta": 0.0,
    "normalize_advantages": False,
    "num_iterations": 1,
    "epsilon": 1.0,
    "epsilon_high": IMPORTANCE_CAP - 1.0,
}
"""The arguments of ``RLOOConfig`` that make its gradient that of E[r]: pass them to every configuration."""


def _named_in_logs(*_: Any, **__: Any) -> list[float | None]:
    raise AssertionError("the reward is composed in ObjectiveTrainer._calculate_rewards")


_named_in_logs.__name__ = "composed"


class ObjectiveTrainer(RLOOTrainer):
    """RLOO on r = a·R + b·s(log π_ref) − c·log π_θ, one class for all objectives.

    Args:
        model: the policy, trained in place.
        reference: π_ref, frozen; a separate copy of the start model.
        objective: the three coefficients.
        task_reward: ``(completions, golds)`` → R of each; None where a completion cannot be scored, which
            takes it out of the baseline and gives it no gradient.
        args: built with ``ESTIMATOR``.
        reward_scale: multiplies the composed reward (the optimum stays, the clipped gradient does not).
        fixed_length: generate through EOS to the length limit; the answer is read up to the first EOS.
        generation_batch: completions generated together.
        **trl: what else ``RLOOTrainer`` takes; the data set has the columns ``prompt`` (chat messages) and
            ``gold``.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        reference: PreTrainedModel,
        objective: Objective,
        task_reward: TaskReward,
        args: RLOOConfig,
        *,
        reward_scale: float = 1.0,
        fixed_length: bool = False,
        generation_batch: int = 256,
        **trl: Any,
    ) -> None:
        self.objective: Objective = objective
        self.task_reward = task_reward
        self.reward_scale = reward_scale
        self.generation_batch = generation_batch
        self._rollouts: list[Completion] = []
        # TRL wants a function to name in its logs; `_calculate_rewards` composes the reward itself.
        super().__init__(model=model, reward_funcs=[_named_in_logs], args=args, **trl)
        self.sampling = SamplingOptions(
            cast(int, args.max_completion_length), self.eos_token_ids, ignore_eos=fixed_length
        )
        add_fused_lm_head(reference)
        self.reference = self.accelerator.prepare_model(reference.eval().requires_grad_(False), evaluation_mode=True)

    def rollouts(self, prompt_ids: Sequence[list[int]], samples: int, *purpose: int | str) -> list[list[Completion]]:
        """Completions of each prompt at the current policy, seeded by the purpose and the prompt's place."""
        seeds = [
            derive_seed(self.args.seed, *purpose, self.accelerator.process_index, place)
            for place in range(len(prompt_ids))
        ]
        chunk = max(1, self.generation_batch // samples)
        completions: list[list[Completion]] = []
        with unwrap_model_for_generation(self.model_wrapped, self.accelerator) as model, self.accelerator.autocast():
            for start in range(0, len(prompt_ids), chunk):
                part = slice(start, start + chunk)
                completions += sample(model, prompt_ids[part], self.sampling, samples, seeds[part])
        return completions

    def _generate_single_turn(self, prompt_ids: list[list[int]], *unused: Any) -> list[list[int]]:
        """One completion for each prompt given; TRL repeats a prompt for each member of its group."""
        group = cast(int, self.num_generations)
        grouped = all(ids == prompt_ids[row - row % group] for row, ids in enumerate(prompt_ids))
        samples = group if grouped and len(prompt_ids) % group == 0 else 1
        completions = self.rollouts(prompt_ids[::samples], samples, "rollout", self.state.global_step)
        self._rollouts = [completion for group_ in completions for completion in group_]
        return [completion.tokens for completion in self._rollouts]

    def _get_per_token_logps_and_entropies(
        self,
        model: PreTrainedModel,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        logits_to_keep: int,
        *args: Any,
        **kwargs: Any,
    ) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor | None]:
        """With gradients, TRL's pass for the loss; without, the pass over new rollouts: π_ref's, not π_θ's.

        The sampler has summed log π_θ already. TRL sums what is returned here over the tokens, so the sum
        stands at the first token, (B, T).
        """
        compute = super()._get_per_token_logps_and_entropies
        if torch.is_grad_enabled():
            return compute(model, input_ids, attention_mask, logits_to_keep, *args, **kwargs)
        per_token, _, _ = compute(self.reference, input_ids, attention_mask, logits_to_keep, *args, **kwargs)
        self._logp_reference = (per_token * attention_mask[:, -logits_to_keep:]).sum(1)
        sampled = torch.zeros_like(per_token)
        sampled[:, 0] = self._of_rollouts("logp")
        return sampled, None, None

    def _calculate_rewards(self, inputs: list[dict[str, Any]], *unused: Any) -> torch.Tensor:
        """The composed reward of every rollout of every process, (N, 1)."""
        texts = answer_texts(self._tokenizer, self._rollouts, self.eos_token_ids)
        scores = self.task_reward(texts, [row["gold"] for row in inputs])
        task = torch.tensor([float("nan") if score is None else float(score) for score in scores])
        n_tokens = torch.tensor([float(len(rollout.tokens)) for rollout in self._rollouts])
        local = torch.stack([task, n_tokens]).to(self.accelerator.device)
        rows = torch.stack([*local, self._logp_reference, self._of_rollouts("logp")], dim=1)  # (B, 4)
        task, n_tokens, logp_reference, logp_policy = gather(rows).T
        self._record(
            task_accuracy=task.nanmean(),
            unscored=task.isnan().float().mean(),
            log_reference=logp_reference.mean(),
            log_policy=logp_policy.mean(),
            kl=(logp_policy - logp_reference).mean(),
        )
        if self.objective.task == 0:
            task = torch.zeros_like(task)  # an unscorable answer is no reason to skip where R does not count
        reward = self.objective.reward(task, logp_reference, logp_policy, n_tokens)
        return self.reward_scale * reward[:, None]

    def _get_train_sampler(self, dataset: Dataset | None = None) -> Sampler[int]:
        return EpochOrder(cast(RepeatSampler, super()._get_train_sampler(dataset)), self)

    def create_scheduler(self, num_training_steps: int, optimizer: Optimizer | None = None) -> LambdaLR:
        """Linear warm-up from ``WARMUP_START`` of the learning rate, constant afterwards."""
        warmup = self.args.warmup_steps

        def factor(step: int) -> float:
            return 1.0 if step >= warmup else WARMUP_START + (1.0 - WARMUP_START) * step / warmup

        self.lr_scheduler = LambdaLR(cast(Optimizer, optimizer or self.optimizer), factor)
        return self.lr_scheduler

    def _of_rollouts(self, attribute: str) -> torch.Tensor:
        values = [getattr(rollout, attribute) for rollout in self._rollouts]
        return torch.tensor(values, device=self.accelerator.device)

    def _record(self, **metrics: torch.Tensor) -> None:
        for name, value in metrics.items():
            self._metrics["train"][name].append(value.item())


class EpochOrder(Sampler[int]):
    """TRL's sampler with the order of each epoch drawn from the seed and the epoch alone.

    TRL's own draws an order from where the one before it stopped: a resumed training would meet the problems of its
    first epoch again.
    """

    def __init__(self, sampler: RepeatSampler, trainer: ObjectiveTrainer) -> None:
        self.sampler, self.trainer = sampler, trainer

    def __len__(self) -> int:
        return len(self.sampler)

    def __iter__(self) -> Iterator[int]:
        steps_an_epoch = self.sampler.num_samples // self.sampler.batch_size
        epoch = self.trainer.state.global_step // steps_an_epoch
        self.sampler.generator.manual_seed(derive_seed(self.trainer.args.seed, "order", epoch))
        return iter(self.sampler)
