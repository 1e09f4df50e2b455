"""Sampling from a causal language model: the one loop that evaluation and training rollouts share.

One prefill a prompt, its cache expanded over the samples, rows retired as they finish. Every draw is an
inverse-CDF draw with uniforms that belong to the prompt alone, so that a completion does not depend on
what else is in the batch. Log-probabilities are those of the model itself (temperature 1), whatever
temperature sampled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import torch

from beyond_sharpening.decoding.cache import make_room
from beyond_sharpening.decoding.inputs import check_prompts, left_pad
from beyond_sharpening.decoding.packing import takes_packed_rows

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Row = TypeVar("Row")

# Retiring rows copies the cache: worth it once this share of the batch has finished.
RETIRE_SHARE = 0.25

# Tokens in a block of the vocabulary, of which one is searched: about the square root of a large one.
BLOCK = 512


@dataclass(frozen=True)
class Completion:
    """One sampled completion.

    Attributes:
        tokens: token ids, the EOS that ended it included, the prompt excluded.
        logp: log π(y|x) of the model at temperature 1, in nats: the sum over ``tokens``.
        entropy: mean over tokens of the entropy of the model's next-token distribution, in nats.
        truncated: True if it ran into the length limit without an EOS.
        forward_tokens: tokens the model processed for it, its share of the prompt's prefill included.
        logq: log-probability under the distribution that it was drawn from token by token, in nats.
        diagnostics: how the decoder that made it fared, by name.
        token_logp: log-probability of each token under the model, float32 or float64, where what drew it tells.
    """

    tokens: list[int]
    logp: float
    entropy: float
    truncated: bool
    forward_tokens: float
    logq: float = float("nan")
    diagnostics: Mapping[str, float] = field(default_factory=dict)
    token_logp: np.ndarray | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class SamplingOptions:
    """How to sample: ``temperature`` 0 is greedy; ``ignore_eos`` generates ``max_new_tokens`` always.

    ``top_p`` below 1 keeps the likeliest tokens that together have that mass. No EOS is drawn before
    ``min_new_tokens`` tokens. A ``context`` is shared by a prompt and its completion, which ends where it is full.
    """

    max_new_tokens: int
    eos_ids: Sequence[int]
    temperature: float = 1.0
    ignore_eos: bool = False
    top_p: float = 1.0
    min_new_tokens: int = 1
    context: int | None = None

    def room(self, prompt: Sequence[int]) -> int:
        """Tokens that a completion of the prompt may have."""
        return self.max_new_tokens if self.context is None else min(self.max_new_tokens, self.context - len(prompt))


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
    room = [options.room(prompt) for prompt in prompts]
    check_prompts(model, prompts, room)
    # As wide as any prompt's could be: a seed's uniforms do not depend on what else is in the batch.
    batch = Batch(model, options, uniforms(seeds, samples, options.max_new_tokens))
    batch.room = torch.tensor(room, device=model.device).repeat_interleave(samples)
    batch.prefill(prompts, samples)
    batch.run()
    return grouped(batch.draws.completions(options.eos_ids), samples)


@dataclass
class Draws:
    """R completions while they are drawn, at most T tokens each; every (R, T) tensor is 0 past the end.

    Attributes:
        tokens: token ids, (R, T).
        logp: log-probabilities under the model at temperature 1, (R, T).
        logq: log-probabilities under the proposal, (R, T).
        entropy: entropies of the model's next-token distributions, (R, T).
        lengths: tokens so far, (R,).
        cost: tokens the model processed, (R,).
    """

    tokens: torch.Tensor
    logp: torch.Tensor
    logq: torch.Tensor
    entropy: torch.Tensor
    lengths: torch.Tensor
    cost: torch.Tensor

    @classmethod
    def empty(cls, rows: int, limit: int, device: torch.device, dtype: torch.dtype = torch.float32) -> Draws:
        """No tokens yet; log-probabilities and entropies will have the type ``dtype``."""
        tokens, lengths = torch.zeros(rows, limit, dtype=torch.long), torch.zeros(rows, dtype=torch.long)
        zeros = [torch.zeros(rows, limit, dtype=dtype) for _ in range(3)]
        return cls(*(tensor.to(device) for tensor in (tokens, *zeros, lengths, torch.zeros(rows))))

    def __getitem__(self, rows: torch.Tensor) -> Draws:
        """A copy of some rows."""
        return Draws(*(tensor[rows] for tensor in vars(self).values()))

    def __setitem__(self, rows: torch.Tensor, other: Draws) -> None:
        for name, tensor in vars(self).items():
            tensor[rows] = getattr(other, name)

    def weights(self, alpha: float) -> torch.Tensor:
        """α·log p − log q of each token, (R, T), float64."""
        return alpha * self.logp.double() - self.logq.double()

    def last_weights(self, rows: torch.Tensor, alpha: float) -> torch.Tensor:
        """α·log p − log q of the last token of some rows, (B,), float64."""
        last = rows, self.lengths[rows] - 1
        return alpha * self.logp[last].double() - self.logq[last].double()

    def completions(self, eos_ids: Sequence[int]) -> list[Completion]:
        """The rows as completions."""
        lengths, eos = self.lengths.tolist(), set(eos_ids)
        kept = [tokens[:length] for tokens, length in zip(self.tokens.tolist(), lengths, strict=True)]
        entropy = (self.entropy.sum(-1) / self.lengths).tolist()
        columns = (self.logp.sum(-1).tolist(), entropy, self.cost.tolist(), self.logq.sum(-1).tolist())
        token_logp = self.logp.detach().cpu().numpy()
        return [
            Completion(tokens, logp, mean_entropy, eos.isdisjoint(tokens), cost, logq, token_logp=row[: len(tokens)])
            for row, tokens, logp, mean_entropy, cost, logq in zip(token_logp, kept, *columns, strict=True)
        ]


class Batch:
    """The state of one sampling loop over R rows; the B rows that the model still sees are ``rows``."""

    def __init__(self, model: PreTrainedModel, options: SamplingOptions, uniforms: torch.Tensor) -> None:
        self.model, self.options = model, options
        self.uniforms = uniforms.to(model.device)  # (R, T)
        rows, self.limit = uniforms.shape
        self.eos = torch.tensor(list(options.eos_ids), device=model.device)
        # Half precision is too coarse for sums of log-probabilities; double precision is kept.
        precision = torch.promote_types(model.dtype, torch.float32)
        self.draws = Draws.empty(rows, self.limit, model.device, precision)
        self.rows = torch.arange(rows, device=model.device)  # (B,)
        self.room = torch.full((rows,), self.limit, device=model.device)  # tokens that each may have, (R,)
        self.is_padded = True
        self.open = torch.ones(rows, dtype=torch.bool, device=model.device)  # not ended yet, (R,)

    def prefill(self, prompts: Sequence[Sequence[int]], samples: int) -> None:
        """Process each prompt once and let ``samples`` rows start from it."""
        ids, mask = left_pad(prompts, self.model.device)
        positions = (mask.cumsum(-1) - 1).clamp(min=0)
        output = self.model(
            input_ids=ids, attention_mask=mask, position_ids=positions, use_cache=True, logits_to_keep=1
        )
        self.cache = output.past_key_values
        self.cache.batch_repeat_interleave(samples)
        self.has_one_mask = make_room(self.cache, self.limit) and takes_packed_rows(self.model)
        self.is_padded = len(set(map(len, prompts))) > 1
        self.mask = mask.repeat_interleave(samples, 0)  # (B, slots of the cache)
        self.position = positions[:, -1:].repeat_interleave(samples, 0)  # of the last token, (B, 1)
        self.logits = output.logits[:, -1].repeat_interleave(samples, 0)  # (B, V)
        self.draws.cost += mask.sum(-1).repeat_interleave(samples) / samples

    def run(self) -> None:
        """Draw until every row has ended."""
        self.draw()
        while left := int(self.open.sum()):  # all that the host waits for: a GPU that is asked for more stands still
            if left <= (1 - RETIRE_SHARE) * len(self.rows):
                self.keep(self.open[self.rows].nonzero()[:, 0])
            self.forward()
            self.draw()

    def draw(self) -> torch.Tensor:
        """Draw the next token of every open row; return which of the B rows these were."""
        now = self.open[self.rows]  # (B,)
        column = self.draws.lengths[self.rows].clamp(max=self.limit - 1)
        logp = torch.log_softmax(self.logits, dim=-1, dtype=self.draws.logp.dtype)  # (B, V)
        probabilities = logp.exp()
        logq = proposal(logp, column, self.eos, self.options)
        token = _choose(probabilities if logq is logp else logq.exp(), self.uniforms[self.rows, column])
        drawn = {
            "tokens": token,
            "logp": logp.gather(1, token[:, None])[:, 0],
            "logq": logq.gather(1, token[:, None])[:, 0],
            # A token that cannot come adds nothing: 0 · log 0, which would be no number.
            "entropy": -torch.linalg.vecdot(probabilities, logp.clamp(min=torch.finfo(logp.dtype).min)),
        }
        for name, values in drawn.items():  # a row that has ended keeps what it has
            kept = getattr(self.draws, name)
            kept[self.rows, column] = values.where(now, kept[self.rows, column])
        self.draws.lengths[self.rows] += now
        self.last = token.where(now, 0)  # (B,)
        ended = column + 1 >= self.room[self.rows].clamp(max=self.limit)
        if not self.options.ignore_eos:
            ended |= torch.isin(token, self.eos)
        self.open[self.rows] = now & ~ended
        return now

    def forward(self) -> None:
        """Feed the drawn tokens."""
        self.mask = torch.cat([self.mask, self.mask.new_ones(len(self.mask), 1)], dim=1)
        self.position = self.position + 1
        self.draws.cost[self.rows] += self.open[self.rows]
        output = self.model(
            input_ids=self.last[:, None],
            attention_mask=self._seen(),
            position_ids=self.position,
            past_key_values=self.cache,
            use_cache=True,
        )
        self.logits = output.logits[:, -1]

    def _seen(self) -> torch.Tensor | None:
        """The mask of what one more token sees.

        Where that is the same in all layers, it is made here: transformers would make it anew for every token, and a
        GPU would stand still until the host knows whether there is any padding.
        """
        if not self.has_one_mask:
            return self.mask
        return self.mask[:, None, None].bool() if self.is_padded else None

    def keep(self, places: torch.Tensor) -> None:
        """Let the model see only these places, of the B, from now on; a place may come several times."""
        self.cache.batch_select_indices(places)
        self.rows, self.mask, self.position = self.rows[places], self.mask[places], self.position[places]
        self.last = self.last[places]


def proposal(logp: torch.Tensor, column: torch.Tensor, eos: torch.Tensor, options: SamplingOptions) -> torch.Tensor:
    """Log-probabilities (B, V) of the distribution that tokens are drawn from, at columns (B,), given the model's."""
    logits = logp
    if options.min_new_tokens > 1:
        early = column + 1 < options.min_new_tokens
        logits = logp.index_fill(1, eos, -torch.inf).where(early[:, None], logp)
    if options.temperature == 0:
        return torch.full_like(logp, -torch.inf).scatter(1, logits.argmax(-1, keepdim=True), 0.0)
    if options.top_p < 1:
        probabilities, order = torch.softmax(logits / options.temperature, dim=-1).sort(dim=-1, descending=True)
        outside = probabilities.cumsum(-1) - probabilities >= options.top_p
        logits = logits.masked_fill(outside.scatter(1, order, outside), -torch.inf)
    elif logits is logp and options.temperature == 1:
        return logp
    return torch.log_softmax(logits / options.temperature, dim=-1)


def _choose(probabilities: torch.Tensor, uniforms: torch.Tensor) -> torch.Tensor:
    """Token of each row, (B,), by inverting the CDF of probabilities (B, V) at ``uniforms``, (B,).

    Of a large vocabulary first the block of tokens, then the token in it. Sums are float64 in both: in float32 a token
    of less than 6e-8 could not be drawn, of 150,000 tokens up to a hundredth of the mass.
    """
    vocabulary = probabilities.shape[1]
    if vocabulary <= BLOCK:
        return _invert(probabilities.double(), uniforms)[0]
    whole = vocabulary - vocabulary % BLOCK
    masses = probabilities[:, :whole].unflatten(1, (-1, BLOCK)).sum(-1)
    masses = torch.cat([masses, probabilities[:, whole:].sum(-1, keepdim=True)], dim=1)
    block, within = _invert(masses.double(), uniforms)
    tokens = block[:, None] * BLOCK + torch.arange(BLOCK, device=block.device)
    beyond = tokens >= vocabulary
    inside = probabilities.gather(1, tokens.masked_fill(beyond, 0)).masked_fill(beyond, 0)
    return block * BLOCK + _invert(inside.double(), within)[0]


def _invert(masses: torch.Tensor, uniforms: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The place at which each row's share ``uniforms``, (B,), of its masses, (B, N), is reached, and the share of the
    mass there that it leaves over: uniform again, and independent of the place."""
    cdf = masses.cumsum(-1)
    total = cdf[:, -1:]
    target = (uniforms[:, None] * total).minimum(total.nextafter(torch.zeros_like(total)))  # below it, however rounded
    # right=True: a token of probability zero is never drawn, not even at u = 0.
    place = torch.searchsorted(cdf, target, right=True).clamp(max=masses.shape[1] - 1)  # where there is no number
    mass, reached = masses.gather(1, place), cdf.gather(1, place)
    return place[:, 0], (1 - (reached - target) / mass)[:, 0].clamp(min=0)


def uniforms(seeds: Sequence[int], samples: int, columns: int) -> torch.Tensor:
    """Uniforms (prompts × samples, columns), each prompt's from its own seed."""
    return torch.cat([draw_uniforms(torch.Generator().manual_seed(seed), samples, columns) for seed in seeds])


def draw_uniforms(generator: torch.Generator, *shape: int) -> torch.Tensor:
    """The next uniforms of a generator, in float64."""
    return torch.rand(*shape, generator=generator, dtype=torch.float64)


def grouped(rows: Sequence[Row], size: int) -> list[list[Row]]:
    """Rows in groups of ``size``."""
    return [list(rows[start : start + size]) for start in range(0, len(rows), size)]
