"""The one door to every decoder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING

from tqdm.auto import tqdm

from beyond_sharpening.decoding.beam import beam_search
from beyond_sharpening.decoding.engines import Sampler
from beyond_sharpening.decoding.inputs import check_prompts
from beyond_sharpening.decoding.mh import power_mh, smc_mh
from beyond_sharpening.decoding.pools import JUDGED, Judgement, choose
from beyond_sharpening.decoding.sampling import Completion, SamplingOptions, grouped, sample, uniforms
from beyond_sharpening.decoding.seeds import derive_seed
from beyond_sharpening.decoding.smc import pimh, smc
from beyond_sharpening.parameters.decoders import (
    BeamSearch,
    Decoder,
    Greedy,
    Pimh,
    PoolDecoder,
    PowerMH,
    Smc,
    SmcMH,
    TemperatureSampling,
    TopP,
)

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Judge = Callable[[Sequence[int], Sequence[Completion]], Sequence[Judgement]]
"""From the prompts' places and their completions to what their answers are worth."""


@dataclass(frozen=True, eq=False)
class DecodingTask:
    """Prompts to complete: what every decoder is given.

    Attributes:
        model: any causal language model of transformers with a dynamic cache.
        prompts: token ids of each prompt.
        eos_ids: every token that ends a completion.
        max_new_tokens: T, the length limit of a completion.
        seeds: one a prompt; a completion depends on it, the prompt, the decoder's name and ``seed`` alone.
        seed: of what all prompts share, the cuts of Metropolis–Hastings steps.
        min_new_tokens: no completion is shorter, for any decoder: this is part of the target.
        batch_size: completions that grow together.
        judge: reads answers, for the decoders that vote or are told what is right.
        label: whose completions they are, for the progress bar and in errors.
        shows_progress: whether there is a bar.
        sampler: draws independent completions in the place of the sampling loop, all prompts at once.

    Raises:
        ValueError: for a prompt that is empty or does not fit the context with its completion, no EOS id, or a
            minimum length beyond the limit.
    """

    model: PreTrainedModel
    prompts: Sequence[Sequence[int]]
    eos_ids: Sequence[int]
    max_new_tokens: int
    seeds: Sequence[int]
    seed: int = 0
    min_new_tokens: int = 1
    batch_size: int = 4096
    judge: Judge | None = None
    label: str = ""
    shows_progress: bool = True
    sampler: Sampler | None = None
    _pools: dict[tuple[int, int, float], _Pool] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        if not self.eos_ids:
            raise ValueError("eos_ids is empty: a completion could never end, and π^α is not defined on its length")
        if not 1 <= self.min_new_tokens <= self.max_new_tokens:
            raise ValueError(
                f"min_new_tokens must be between 1 and max_new_tokens = {self.max_new_tokens}; "
                f"got {self.min_new_tokens}"
            )
        check_prompts(self.model, self.prompts, self.max_new_tokens)

    def options(self, temperature: float = 1.0, top_p: float = 1.0) -> SamplingOptions:
        """How tokens are drawn."""
        return SamplingOptions(
            self.max_new_tokens, self.eos_ids, temperature, top_p=top_p, min_new_tokens=self.min_new_tokens
        )

    def parts(self, rows: int, purpose: str) -> Iterator[tuple[slice, Sequence[Sequence[int]], list[int]]]:
        """Prompts and their seeds for a purpose, a batch at a time, where each prompt takes so many rows."""
        size = max(1, self.batch_size // rows)
        starts, title = range(0, len(self.prompts), size), f"{self.label} {purpose}".strip()
        hidden = None if self.shows_progress else True  # None: where nobody looks on
        for start in tqdm(starts, desc=title, unit="batch", leave=False, disable=hidden):
            part = slice(start, start + size)
            yield part, self.prompts[part], [derive_seed(seed, purpose) for seed in self.seeds[part]]

    def draw(self, options: SamplingOptions, samples: int, purpose: str) -> list[list[Completion]]:
        """``samples`` independent completions of each prompt."""
        if self.sampler is not None:
            seeds = [derive_seed(seed, purpose) for seed in self.seeds]
            return self.sampler(self.prompts, options, samples, seeds)
        return [
            group
            for _, prompts, seeds in self.parts(samples, purpose)
            for group in sample(self.model, prompts, options, samples, seeds)
        ]

    def pool(self, options: PoolDecoder) -> _Pool:
        """The draws that decoders with the same N, τ and samples share."""
        key = (options.n, options.samples, options.temperature)
        if key not in self._pools:
            drawn = self.draw(self.options(options.temperature), options.n * options.samples, "pool")
            self._pools[key] = _Pool(drawn)
        pool = self._pools[key]
        if isinstance(options, JUDGED) and pool.judgements is None:
            if self.judge is None:
                raise ValueError(f"{options.type} reads answers: give the task a judge")
            owners = [place for place, group in enumerate(pool.draws) for _ in group]
            judged = self.judge(owners, [draw for group in pool.draws for draw in group])
            pool.judgements = grouped(judged, options.n * options.samples)
        return pool


@dataclass
class _Pool:
    """Of each prompt: its samples × N draws, and what their answers are worth once that is asked for."""

    draws: list[list[Completion]]
    judgements: list[list[Judgement]] | None = None


def decode(task: DecodingTask, name: str, decoder: Decoder) -> list[list[Completion]]:
    """``decoder.samples`` completions of each prompt, independent runs of the decoder.

    Args:
        task: model, prompts, limits and seeds.
        name: what the decoder's own randomness is seeded by, beside the prompt's seed.
        decoder: which decoder, and its parameters.

    Raises:
        ValueError: for a decoder that reads answers in a task without a judge, more blocks than tokens, or a model that
            gives a completion no probability.
    """
    if isinstance(decoder, PoolDecoder):
        _require_probability(task, name, task.pool(decoder).draws)
        return _from_pool(task, name, decoder)
    if (options := _independent(task, decoder)) is not None:
        drawn = task.draw(options, decoder.samples, name)
    else:
        parts = task.parts(decoder.rows, name)
        drawn = [group for _, prompts, seeds in parts for group in _run(task, prompts, name, decoder, seeds)]
    _require_probability(task, name, drawn)
    return drawn


def _require_probability(task: DecodingTask, name: str, drawn: Sequence[Sequence[Completion]]) -> None:
    for prompt, group in enumerate(drawn):
        if not all(isfinite(completion.logp) for completion in group):
            raise ValueError(
                f"the model{f' of {task.label}' if task.label else ''} gives a completion of prompt {prompt} no "
                f"probability (decoder {name}): its weights or logits are not finite"
            )


def _independent(task: DecodingTask, decoder: Decoder) -> SamplingOptions | None:
    """How a decoder draws whose completions are independent draws; None for any other."""
    match decoder:
        case TemperatureSampling():
            return task.options(decoder.temperature)
        case TopP():
            return task.options(decoder.temperature, decoder.top_p)
        case Greedy():
            return task.options(0.0)
    return None


def _run(
    task: DecodingTask, prompts: Sequence[Sequence[int]], name: str, decoder: Decoder, seeds: Sequence[int]
) -> list[list[Completion]]:
    """A decoder that draws by steps of its own, on one batch of prompts."""
    cut_seed = derive_seed(task.seed, name)
    match decoder:
        case BeamSearch():
            return beam_search(task.model, prompts, task.options(), decoder.beams)
        case PowerMH():
            return power_mh(task.model, prompts, task.options(decoder.proposal_temperature), decoder, seeds, cut_seed)
        case Smc():
            return smc(task.model, prompts, task.options(decoder.proposal_temperature), decoder, seeds)
        case SmcMH():
            return smc_mh(task.model, prompts, task.options(decoder.proposal_temperature), decoder, seeds, cut_seed)
        case Pimh():
            return pimh(task.model, prompts, task.options(decoder.proposal_temperature), decoder, seeds)
    raise ValueError(f"decoder {name}: there is none of type {decoder.type}")


def _from_pool(task: DecodingTask, name: str, decoder: PoolDecoder) -> list[list[Completion]]:
    """A decoder that chooses among draws, each completion from N of its own."""
    pool = task.pool(decoder)
    n = decoder.n
    chosen = []
    for place, draws in enumerate(pool.draws):
        own = uniforms([derive_seed(task.seeds[place], name)], decoder.samples, n).numpy()
        judgements = pool.judgements[place] if pool.judgements else []
        parts = [slice(start, start + n) for start in range(0, len(draws), n)]
        chosen.append([choose(decoder, draws[part], judgements[part], u) for part, u in zip(parts, own, strict=True)])
    return chosen
