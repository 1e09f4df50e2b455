"""The trainer of every objective: TRL's REINFORCE leave-one-out with the composed reward.

A thin subclass of ``RLOOTrainer``. It changes where three numbers come from and leaves the rest of TRL
(advantages, accumulation, optimiser, distribution) alone:

* completions come from an engine (``engines``), with their log-probabilities under what drew them; the project's own
  loop draws from the training weights, so that these are log π_θ and no second pass is needed;
* the pass that TRL makes over new rollouts scores them under π_ref instead, once;
* the reward is ``Objective.reward`` of what the signal tells (``signals``) and those two sums.

TRL's own KL term stays off (``beta`` = 0), advantages are not divided by a standard deviation (a scale per
prompt would change the optimum), and there is one update a batch. The loss (``loss``) is REINFORCE's, each token or
completion weighted by π_θ / π_engine, truncated; TRL's clipped ratio would cut only the good completions' weights.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import torch
from accelerate.utils import gather
from datasets import Dataset
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import Sampler
from transformers import PreTrainedModel, PreTrainedTokenizerBase
from trl import RLOOConfig, RLOOTrainer
from trl.models import prepare_deepspeed
from trl.trainer.utils import RepeatSampler, add_fused_lm_head

from beyond_sharpening.cells.place import sealed_states
from beyond_sharpening.decoding import Completion, SamplingOptions
from beyond_sharpening.decoding.packing import sums_of
from beyond_sharpening.decoding.seeds import derive_seed
from beyond_sharpening.decoding.text import answer_texts
from beyond_sharpening.errors import BadInput
from beyond_sharpening.objectives import Objective
from beyond_sharpening.parameters import EngineName
from beyond_sharpening.parameters.signals import GOLD, Samples, SignalBlock
from beyond_sharpening.storage import told_when_full, written_whole
from beyond_sharpening.training import states
from beyond_sharpening.training.arguments import on_one_gpu
from beyond_sharpening.training.batches import Batch, EpochOrder, taken, together
from beyond_sharpening.training.certainty import token_statistics
from beyond_sharpening.training.engines import Engine, PagedBatching, SamplingLoop, Vllm, serving_copy, whole_weights
from beyond_sharpening.training.loss import IMPORTANCE_CAP, Level, effective_share, moments, policy_loss
from beyond_sharpening.training.mismatch import check_engine
from beyond_sharpening.training.passes import passes
from beyond_sharpening.training.precision import FSDP2_BFLOAT16, compute_as_float32_weights
from beyond_sharpening.training.signals import Grade, Rollouts, told, truth

WARMUP_START = 0.1
"""The share of the learning rate that warm-up starts from: the paper's."""

CONSTANT_BASELINES = {"positive": 0.0, "negative": 1.0, "rejection": 0.0}
"""What R is compared with, in the place of the group's others, where one kind of samples alone moves the policy.

With 0 wrong completions weigh nothing, with 1 right ones. As E[∇log π] = 0, the expected gradient of the policy's own
is still that of accuracy: they differ from it, and from one another, by the noise of a finite batch and by what
clipping and the optimiser make of it. Source: Zhu et al. (2025), *The surprising effectiveness of negative
reinforcement in LLM reasoning* (RLVR-Decomposed, arXiv 2506.01347), who find that the right ones alone cost diversity.

``rejection`` draws from the start model at every step. Its gradient is that of E_{π_ref}[R · log π_θ]: maximum
likelihood of what the start model gets right, rejection-sampling fine-tuning (Yuan et al. 2023, arXiv 2308.01825) on
samples that are never seen twice. Its optimum is π_ref given R = 1: elicitation in its plainest form.
"""


def _named_in_logs(*_: Any, **__: Any) -> list[float | None]:
    raise AssertionError("the reward is composed in ObjectiveTrainer._calculate_rewards")


_named_in_logs.__name__ = "composed"


class ObjectiveTrainer(RLOOTrainer):
    """RLOO on r = a·R + (b − c)·s(log π_ref) + c·(log π_ref − log π_θ), one class for all objectives.

    Args:
        model: the policy, trained in place.
        reference: π_ref, frozen, a separate copy of the start model; None with an adapter (``peft_config``), where
            it is the policy with the adapter off.
        objective: the three coefficients.
        grade: ``(completions, golds)``, and ``columns`` where it asks for them → a verdict on each: what is true.
        args: built with ``ESTIMATOR``.
        signal: what the training is told in the place of R; a completion of which it tells nothing is taken out of
            the baseline and has no gradient.
        samples: which of them move the policy, where R alone is the reward; ``CONSTANT_BASELINES``.
        reward_scale: multiplies the composed reward (the optimum stays, the clipped gradient does not).
        loss: what is weighted and averaged: tokens of all completions of a step, or its completions.
        fixed_length: generate through EOS to the length limit; the answer is read up to the first EOS.
        context: tokens that a prompt and its completion share; none bounds a completion by its own limit alone.
        generation_batch: completions generated together by the sampling loop.
        engine: what draws the rollouts; those of vLLM need ``use_vllm`` in ``args``.
        **trl: what else ``RLOOTrainer`` takes; the data set has the columns ``prompt`` (chat messages), ``gold``, and
            ``columns`` (a JSON object) where the grader asks for more of a problem.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        reference: PreTrainedModel | None,
        objective: Objective,
        grade: Grade,
        args: RLOOConfig,
        *,
        signal: SignalBlock = GOLD,
        samples: Samples = "all",
        reward_scale: float = 1.0,
        loss: Level = "sequences",
        fixed_length: bool = False,
        context: int | None = None,
        generation_batch: int = 256,
        engine: EngineName = "transformers",
        **trl: Any,
    ) -> None:
        self.objective: Objective = objective
        self.grade, self.signal, self.samples = grade, signal, samples
        self._something_was_told = False
        self.reward_scale = reward_scale
        self.loss_level: Level = loss
        self._moments = torch.zeros(3)
        self._rollouts: list[Completion] = []
        self._tokens_a_batch = math.nan
        served = serving_copy(model, torch.bfloat16 if args.bf16 else model.dtype) if engine == "paged" else None
        self.passes = passes(self, [model] if reference is None else [model, reference])
        # TRL wants a function to name in its logs; `_calculate_rewards` composes the reward itself.
        super().__init__(model=model, reward_funcs=[_named_in_logs], args=on_one_gpu(args), **trl)
        if self.is_fsdp_enabled and args.bf16:
            self.accelerator.state.fsdp_plugin.mixed_precision_policy = FSDP2_BFLOAT16
        limit = cast(int, args.max_completion_length)
        self.sampling = SamplingOptions(limit, self.eos_token_ids, ignore_eos=fixed_length, context=context)
        if served is not None:
            self.engine: Engine = PagedBatching(self, self.sampling, served)
        elif engine == "transformers":
            self.engine = SamplingLoop(self, self.sampling, generation_batch)
        else:
            self.engine = Vllm(self, self.sampling, self.vllm_generation)
        self._start_model = SamplingLoop(self, self.sampling, generation_batch, self._start_weights)
        self.reference = reference
        if reference is not None:
            add_fused_lm_head(reference)
            reference.eval().requires_grad_(False)
            # Whole on every process, however the policy is sharded: it has no gradients and no optimiser. Only ZeRO-3,
            # whose gathering knows no plain weights, shares it out as well.
            if self.is_deepspeed_enabled:
                self.reference = prepare_deepspeed(reference, self.accelerator)
            else:
                reference.to(self.accelerator.device)
                if args.bf16 and not self.is_fsdp_enabled:  # shards of the policy are gathered in bfloat16
                    compute_as_float32_weights(reference)

    def rollouts(
        self, prompt_ids: Sequence[list[int]], samples: int, *purpose: int | str, first: int = 0
    ) -> list[list[Completion]]:
        """Completions of each prompt at the current policy, seeded by the purpose (``_seeds``)."""
        return self.engine.rollouts(prompt_ids, samples, self._seeds(len(prompt_ids), *purpose, first=first))

    def _seeds(self, count: int, *purpose: int | str, first: int) -> list[int]:
        """By the purpose and the prompt's place among those of all processes, which ``first`` tells.

        A batch is the same however many processes share it.
        """
        return [derive_seed(self.args.seed, *purpose, place) for place in range(first, first + count)]

    def _generate_single_turn(self, prompt_ids: list[list[int]], *unused: Any) -> list[list[int]]:
        """One completion for each prompt given; TRL repeats a prompt for each member of its group."""
        group = cast(int, self.num_generations)
        grouped = all(ids == prompt_ids[row - row % group] for row, ids in enumerate(prompt_ids))
        samples = group if grouped and len(prompt_ids) % group == 0 else 1
        first = self.accelerator.process_index * len(prompt_ids) // samples
        prompts = prompt_ids[::samples]
        seeds = self._seeds(len(prompts), "rollout", self.state.global_step, first=first)
        source = self._start_model if self.samples == "rejection" else self.engine
        completions = source.rollouts(prompts, samples, seeds)
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
        """TRL's pass over new rollouts, which is under π_ref here.

        A pass under π_θ is made as well where something else drew them. What is returned, (B, T), TRL sums
        over the tokens and keeps for the loss: the engine's log-probability, which stands at the first token.
        """
        parts = {"prompt": slice(-logits_to_keep), "completion": slice(-logits_to_keep, None)}
        batch = {f"{part}_ids": input_ids[:, columns] for part, columns in parts.items()}
        batch |= {f"{part}_mask": attention_mask[:, columns] for part, columns in parts.items()}
        self._drawn = batch
        with self._as_reference() as reference:
            self._logp_reference = self._score(reference, batch)
        self._logp_policy = self._of_rollouts("logp")
        returned = self._logp_policy.new_zeros(len(input_ids), logits_to_keep)
        returned[:, 0] = self._logp_policy
        if self._drawn_elsewhere:
            self._logp_policy = self._score(model, batch)
        return returned, None, None

    @property
    def _drawn_elsewhere(self) -> bool:
        """Whether the rollouts are those of other weights than the policy's."""
        return self.engine.has_own_weights or self.samples == "rejection"

    @torch.no_grad()
    def _score(self, model: PreTrainedModel, batch: Batch) -> torch.Tensor:
        """Log-probabilities of completions, (B,), in float32, so many at once as an update takes."""
        scores = torch.empty(len(batch["prompt_ids"]), device=self.accelerator.device)
        for places in self.passes.deal(batch, self.args.per_device_train_batch_size):
            scores[places] = self.passes.score(model, taken(batch, places)).sums().float()
        return scores

    @contextmanager
    def _as_reference(self) -> Iterator[PreTrainedModel]:
        """π_ref, to score with."""
        if self.reference is not None:
            yield self.reference
        else:
            with self.accelerator.unwrap_model(self.model).disable_adapter():
                yield cast(PreTrainedModel, self.model)

    @contextmanager
    def _start_weights(self) -> Iterator[PreTrainedModel]:
        """π_ref, to sample from."""
        if self.reference is not None:
            yield self.reference
        else:
            with whole_weights(self) as model, self.accelerator.unwrap_model(self.model).disable_adapter():
                yield model

    def _compute_loss(self, model: PreTrainedModel, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        """The loss of a batch of completions, with what is logged of it."""
        scores, lengths = self.passes.score(model, inputs), inputs["completion_mask"].sum(1)
        logp_sampler = inputs["sampler_logp"]
        logp_sampler = logp_sampler[inputs["completion_mask"][:, : logp_sampler.shape[1]].bool()]
        if self.samples == "rejection":  # likelihood of what the start model drew: nothing is to be corrected
            logp_sampler = scores.logp.detach()
        processes = self.accelerator.num_processes
        count = self._tokens_a_batch / processes if self.loss_level == "tokens" else len(lengths)
        loss, weights = policy_loss(self.loss_level, scores.logp, logp_sampler, lengths, inputs["advantages"], count)
        gaps = sums_of(scores.logp.detach() - logp_sampler, lengths).abs()
        self._record_update(weights, cast(torch.Tensor, scores.entropy).detach().sum(), gaps.sum())
        return loss

    def _record_update(self, weights: torch.Tensor, entropy: torch.Tensor, gap: torch.Tensor) -> None:
        """What is logged of a batch, over all processes; mean weight and effective share are those of a whole step."""
        truncated = (weights == IMPORTANCE_CAP).sum()
        sums = self.accelerator.reduce(torch.stack([entropy, gap, truncated, *moments(weights)]), reduction="sum")
        entropy, gap = sums[:2] / self._tokens_a_batch
        self._record(entropy=entropy, sampler_gap=gap, importance_truncated=sums[2] / sums[3])
        self._record(importance_max=gather(weights.max()).max())
        batches = self.args.gradient_accumulation_steps
        self._moments = sums[3:] + (self._moments if self._step % batches else 0)
        if self._step % batches == batches - 1:
            self._record(importance_mean=self._moments[1] / self._moments[0])
            self._record(importance_effective=effective_share(self._moments))

    def _calculate_rewards(self, inputs: list[dict[str, Any]], *unused: Any) -> torch.Tensor:
        """The composed reward of every rollout of every process, (N, 1)."""
        n_tokens = torch.tensor([float(len(rollout.tokens)) for rollout in self._rollouts])
        self._told, true = self._told_and_true(inputs)
        local = (self._told, true, n_tokens.to(true), self._logp_reference, self._logp_policy)
        columns = gather(torch.stack([*local, self._of_rollouts("logp")], dim=1)).T
        task, true, n_tokens, logp_reference, logp_policy, logp_engine = columns
        # Batches have lengths of their own: what they log a token is a share of the step's tokens, and adds up.
        self._tokens_a_batch = n_tokens.sum().item() / self.args.gradient_accumulation_steps
        if self.engine.has_own_weights:
            found = check_engine(logp_engine, logp_policy, logp_reference, n_tokens)
            self._record(**{name: torch.tensor(value) for name, value in found.items()})
        self._record(
            signal=task.nanmean(),
            task_accuracy=true.nanmean(),
            unscored=true.isnan().float().mean(),
            log_reference=logp_reference.mean(),
            log_policy=logp_policy.mean(),
            kl=self._divergence(logp_policy - logp_reference),
        )
        if self.objective.task == 0:
            task = torch.zeros_like(task)  # an unscorable answer is no reason to skip where R does not count
        self._check_told(task)
        reward = self.objective.reward(task, logp_reference, logp_policy, n_tokens)
        return self.reward_scale * reward[:, None]

    def _divergence(self, log_ratio: torch.Tensor) -> torch.Tensor:
        """KL(π_θ ‖ π_ref) from log π_θ − log π_ref of what was drawn, (N,): from the policy, or else from π_ref."""
        return ((log_ratio.exp() if self.samples == "rejection" else 1.0) * log_ratio).mean()

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> Batch:
        """TRL's new batch of completions, with the log-probability of each token under what drew it, (B, T).

        Of the right or the wrong ones alone, where that is asked for.
        """
        batch = super()._generate_and_score_completions(inputs)
        drawn = [torch.as_tensor(rollout.token_logp, dtype=torch.float32) for rollout in self._rollouts]
        batch["sampler_logp"] = torch.nn.utils.rnn.pad_sequence(drawn, batch_first=True).to(self.accelerator.device)
        if self.samples != "all":
            batch["advantages"] = self.reward_scale * (self._told - CONSTANT_BASELINES[self.samples]).nan_to_num()
        return batch

    def _told_and_true(self, inputs: list[dict[str, Any]]) -> tuple[torch.Tensor, torch.Tensor]:
        """What the signal says of this process's rollouts, and what the grader does, (N,) each."""
        texts = answer_texts(self._tokenizer, self._rollouts, self.eos_token_ids)
        asked = [[row[name] for row in inputs] for name in ("gold", "columns") if name in inputs[0]]
        verdicts = self.grade(texts, *asked)
        rollouts = Rollouts(
            questions=[row["prompt"][-1]["content"] for row in inputs],
            completions=texts,
            verdicts=verdicts,
            group_size=cast(int, self.num_generations),
            seed=self.args.seed,
            step=self.state.global_step,
            first=self.accelerator.process_index * len(texts),
            logp=self._logp_policy,
            entropy=self._token_entropy,
            certainty=lambda: self._token_statistics()[1],
            batch=self.args.per_device_train_batch_size,
        )
        return told(self.signal, rollouts).to(self._logp_policy), truth(verdicts).to(self._logp_policy)

    def _token_entropy(self) -> torch.Tensor:
        """Mean entropy a token of each rollout, (N,): the loop that drew them knows it; else it takes a pass."""
        return self._token_statistics()[0] if self._drawn_elsewhere else self._of_rollouts("entropy")

    def _token_statistics(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Entropy and self-certainty of each rollout under the policy, (N,) each, after a pass."""
        with self.accelerator.autocast():
            size = self.args.per_device_train_batch_size
            return token_statistics(cast(PreTrainedModel, self.model), self._drawn, size)

    def _check_told(self, task: torch.Tensor) -> None:
        """Raise where not one completion of the training could be scored so far."""
        self._something_was_told = self._something_was_told or not bool(task.isnan().all())
        if not self._something_was_told:
            raise BadInput(
                f"step {self.state.global_step + 1}: none of {len(task)} completions could be scored, so nothing can "
                "be learned; grading ends in a timeout for each: check task.grader and the golds, or give it more "
                "hardware.grading_workers"
            )

    def create_model_card(self, *args: Any, **kwargs: Any) -> None:
        """None: what made a policy stands in the manifest beside it, and TRL's card knows nothing of the objective."""

    def save_policy(self, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
        """Write the policy, or its adapter, whole or not at all; every process takes part, the first one writes."""
        sharded = self.is_fsdp_enabled or self.is_deepspeed_enabled
        weights = self.accelerator.get_state_dict(self.model_wrapped) if sharded else None
        if self.accelerator.is_main_process:
            with written_whole(folder) as beside:
                self.accelerator.unwrap_model(self.model).save_pretrained(beside, state_dict=weights)
                tokenizer.save_pretrained(beside)
        self.accelerator.wait_for_everyone()

    def save_state(self) -> None:
        """Write all that a training goes on from, if that of this step is not there; then drop the state before it."""
        workspace = Path(cast(str, self.args.output_dir))
        if self.state.global_step not in sealed_states(workspace):
            self._save_checkpoint(cast(torch.nn.Module, self.model), None)

    def _save_checkpoint(self, model: torch.nn.Module, trial: Any) -> None:
        workspace = Path(cast(str, self.args.output_dir))
        state, before = states.folder(workspace, self.state.global_step), sealed_states(workspace)
        with told_when_full(state, state, like=states.folder(workspace, before[-1]) if before else None):
            super()._save_checkpoint(model, trial)
        self.accelerator.wait_for_everyone()
        if self.accelerator.is_main_process:
            states.seal(workspace, self.state.global_step)
        self.accelerator.wait_for_everyone()

    def _clip_grad_norm(self, model: torch.nn.Module) -> Any:
        """A gradient that is no number moves nothing: the policy stays what it was."""
        norm = super()._clip_grad_norm(model)
        found = self._get_grad_norm(model, grad_norm=norm)
        if found is not None and not math.isfinite(float(found)):
            cast(Optimizer, self.optimizer).zero_grad()
        return norm

    def _run_epoch(self, *args: Any, **kwargs: Any) -> None:
        """None is left where the state that is gone on from is that of the last step: one step more would be made."""
        if self.state.global_step >= self.state.max_steps:
            self.control.should_training_stop = True
        else:
            super()._run_epoch(*args, **kwargs)

    def _prepare_inputs(self, generation_batch: Batch) -> Batch:
        """TRL's next batch of completions; those drawn just now are dealt anew."""
        inputs = super()._prepare_inputs(generation_batch)
        if self._step % self.args.gradient_accumulation_steps == 0:
            drawn = together(cast(list[Batch], self._buffered_inputs))
            dealt = [taken(drawn, places) for places in self.passes.deal(drawn, len(inputs["advantages"]))]
            self._buffered_inputs, inputs = cast(Any, dealt), dealt[0]
        return inputs

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
