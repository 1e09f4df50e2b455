"""Sampling from a causal language model: the one loop that evaluation and training rollouts share.

One prefill a prompt, its cache expanded over the samples, rows retired as they finish. Every draw is an
inverse-CDF draw with uniforms that belong to the prompt alone, so that a completion does not depend on
what else is in the batch. Log-probabilities are those of the model itself (temperature 1), whatever
temperature sampled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# Retiring rows copies the cache: worth it once this share of the batch has finished.
RETIRE_SHARE = 0.25


@dataclass(frozen=True)
class Completion:
    """One sampled completion.

    Attributes:
        tokens: token ids, the EOS that ended it included, the prompt excluded.
        logp: log π(y|x) of the model at temperature 1, in nats: the sum over ``tokens``.
        entropy: mean over tokens of the entropy of the model's next-token distribution, in nats.
        truncated: True if it ran into the length limit without an EOS.
        forward_tokens: tokens the model processed for it, its share of the prompt's prefill included.
    """

    tokens: list[int]
    logp: float
    entropy: float
    truncated: bool
    forward_tokens: float


@dataclass(frozen=True)
class SamplingOptions:
    """How to sample: ``temperature`` 0 is greedy; ``ignore_eos`` generates ``max_new_tokens`` always."""

    max_new_tokens: int
    eos_ids: Sequence[int]
    temperature: float = 1.0
    ignore_eos: bool = False


@torch.no_grad()
def sample(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    options: SamplingOptions,
    samples: int,
    seeds: Sequence[int],
) -> list[list[Completion]]:
    """Draw ``samples`` completions of each prompt.

    Args:
        model: any causal language model of transformers with a dynamic cache.
        prompts: token ids of each prompt, not padded.
        options: length limit, EOS ids, temperature.
        samples: completions a prompt.
        seeds: one seed a prompt; the same seed and prompt give the same completions in any batch.

    Returns:
        For each prompt, in order, its completions.

    Raises:
        ValueError: if a prompt is empty or does not fit the model's context with its completion.
    """
    _check_prompts(model, prompts, options.max_new_tokens)
    batch = _Batch(model, prompts, options, samples, seeds)
    for step in range(options.max_new_tokens):
        batch.draw(step)
        if not batch.open.any() or step + 1 == options.max_new_tokens:
            break
        batch.forward()
    return batch.completions()


class _Batch:
    """The state of one sampling loop: R = prompts × samples rows, at most T tokens each."""

    def __init__(
        self,
        model: PreTrainedModel,
        prompts: Sequence[Sequence[int]],
        options: SamplingOptions,
        samples: int,
        seeds: Sequence[int],
    ) -> None:
        self.model, self.options, self.samples = model, options, samples
        self.prompt_lengths = [len(prompt) for prompt in prompts]
        device = model.device
        self.eos = torch.tensor(list(options.eos_ids), device=device)
        rows, limit = len(prompts) * samples, options.max_new_tokens
        self.uniforms = _uniforms(seeds, samples, limit).to(device)  # (R, T)
        self.tokens = torch.zeros(rows, limit, dtype=torch.long, device=device)  # (R, T)
        self.logp = torch.zeros(rows, limit, device=device)  # (R, T)
        self.entropy = torch.zeros(rows, limit, device=device)  # (R, T)
        self.lengths = torch.zeros(rows, dtype=torch.long, device=device)  # (R,)
        self.rows = torch.arange(rows, device=device)  # rows still in the batch, (B,)
        self.open = torch.ones(rows, dtype=torch.bool, device=device)  # of those, unfinished, (B,)
        self._prefill(prompts)

    def _prefill(self, prompts: Sequence[Sequence[int]]) -> None:
        ids, mask = left_pad(prompts, self.model.device)
        positions = (mask.cumsum(-1) - 1).clamp(min=0)
        output = self.model(
            input_ids=ids, attention_mask=mask, position_ids=positions, use_cache=True, logits_to_keep=1
        )
        self.cache = output.past_key_values
        self.cache.batch_repeat_interleave(self.samples)
        self.mask = mask.repeat_interleave(self.samples, 0)
        self.position = positions[:, -1:].repeat_interleave(self.samples, 0)
        self.logits = output.logits[:, -1].repeat_interleave(self.samples, 0)  # (B, V)

    def draw(self, step: int) -> None:
        """Draw the next token of every unfinished row and record it."""
        logp = torch.log_softmax(self.logits.float(), dim=-1)  # (B, V)
        token = _choose(logp, self.options.temperature, self.uniforms[self.rows, step])
        here = self.rows[self.open]
        self.tokens[here, step] = token[self.open]
        self.logp[here, step] = logp.gather(1, token[:, None])[self.open, 0]
        self.entropy[here, step] = torch.special.entr(logp.exp()).sum(-1)[self.open]
        self.lengths[here] = step + 1
        self.last = token
        if not self.options.ignore_eos:
            self.open = self.open & ~torch.isin(token, self.eos)

    def forward(self) -> None:
        """Feed the drawn tokens, after retiring finished rows where enough of them have gathered."""
        if self.open.float().mean() <= 1 - RETIRE_SHARE:
            keep = self.open.nonzero()[:, 0]
            self.cache.batch_select_indices(keep)
            self.rows, self.mask, self.position = self.rows[keep], self.mask[keep], self.position[keep]
            self.last, self.open = self.last[keep], self.open[keep]
        self.mask = torch.cat([self.mask, self.mask.new_ones(len(self.mask), 1)], dim=1)
        self.position = self.position + 1
        output = self.model(
            input_ids=self.last[:, None],
            attention_mask=self.mask,
            position_ids=self.position,
            past_key_values=self.cache,
            use_cache=True,
        )
        self.logits = output.logits[:, -1]

    def completions(self) -> list[list[Completion]]:
        lengths = self.lengths.tolist()
        logp, entropy = self.logp.sum(-1).tolist(), (self.entropy.sum(-1) / self.lengths).tolist()
        eos = set(self.eos.tolist())
        rows = []
        for row, tokens in enumerate(self.tokens.tolist()):
            kept = tokens[: lengths[row]]
            prefill = self.prompt_lengths[row // self.samples] / self.samples
            rows.append(Completion(kept, logp[row], entropy[row], eos.isdisjoint(kept), prefill + lengths[row] - 1))
        return [rows[start : start + self.samples] for start in range(0, len(rows), self.samples)]


def _choose(logp: torch.Tensor, temperature: float, uniforms: torch.Tensor) -> torch.Tensor:
    """Token of each row, (B,), by inverting the CDF of softmax(logp / temperature) at ``uniforms``, (B,)."""
    if temperature == 0:
        return logp.argmax(-1)
    cdf = torch.softmax(logp / temperature, dim=-1).cumsum(-1)
    # right=True: a token of probability zero is never drawn, not even at u = 0.
    drawn = torch.searchsorted(cdf, uniforms[:, None] * cdf[:, -1:], right=True)[:, 0]
    return drawn.clamp(max=logp.shape[-1] - 1)


def _uniforms(seeds: Sequence[int], samples: int, limit: int) -> torch.Tensor:
    """Uniforms (prompts × samples, T), each prompt's from its own seed."""
    return torch.cat([torch.rand(samples, limit, generator=torch.Generator().manual_seed(seed)) for seed in seeds])


def left_pad(prompts: Sequence[Sequence[int]], device: torch.device | str) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids and attention mask, both (P, L), padded on the left with 0 (masked, so any id serves)."""
    longest = max(len(prompt) for prompt in prompts)
    ids = torch.tensor([[0] * (longest - len(prompt)) + list(prompt) for prompt in prompts])
    mask = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts])
    return ids.to(device), mask.to(device)


def _check_prompts(model: PreTrainedModel, prompts: Sequence[Sequence[int]], max_new_tokens: int) -> None:
    context = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    for index, prompt in enumerate(prompts):
        if not len(prompt):
            raise ValueError(f"prompt {index} is empty: there is nothing to complete")
        if context is not None and len(prompt) + max_new_tokens > context:
            raise ValueError(
                f"prompt {index} has {len(prompt)} tokens; with max_new_tokens = {max_new_tokens} it exceeds "
                f"the model's context of {context} tokens"
            )
