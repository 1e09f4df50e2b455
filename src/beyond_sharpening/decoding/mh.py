"""Metropolis–Hastings on π^α by redrawn suffixes, many chains at once.

A step cuts a completion at i and proposes y′ = y_<i + a fresh suffix from the proposal q, up to the length cap and
never to the current length. With w(y) = α·log π(y) − log q(y), it is accepted if log u < w(y′) − w(y), which suffix
sums settle. The cut is drawn independently of the state, over all positions below the cap (a completion that ended
before it stays), so that no length enters the ratio and every step leaves π^α as it is. Chains of one prompt have
cuts of their own and are independent; chains of different prompts share cuts, and with them the time that a step
takes.

Each chain keeps its key–value cache, so that a step processes the token before the cut and the fresh suffix, and
nothing else. Where 1/α ≤ τ ≤ 1 no token can raise w: with u drawn first, a proposal is rejected for certain, and no
longer continued, as soon as w has fallen too far.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from transformers import DynamicCache

from beyond_sharpening.decoding.cache import make_room
from beyond_sharpening.decoding.inputs import check_full_attention, check_prompts, left_pad
from beyond_sharpening.decoding.mixing import with_rhat
from beyond_sharpening.decoding.packing import takes_packed_rows
from beyond_sharpening.decoding.sampling import (
    Batch,
    Completion,
    Draws,
    SamplingOptions,
    draw_uniforms,
    grouped,
    uniforms,
)
from beyond_sharpening.decoding.seeds import derive_seed
from beyond_sharpening.decoding.smc import choose_particles, diagnose, run_particles
from beyond_sharpening.parameters.decoders import PowerMH, SmcMH

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# Acceptance is reported by the quarter of the length cap that the cut fell into.
QUARTERS = 4


@torch.inference_mode()  # a tenth faster than without gradients alone, where the model is small
def power_mh(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    options: SamplingOptions,
    decoder: PowerMH,
    seeds: Sequence[int],
    cut_seed: int,
) -> list[list[Completion]]:
    """Chains that begin at draws from the proposal; at caps T/blocks, 2T/blocks, …, T they step, then grow.

    Chains that have ended step on like the others, so that the last block alone leaves π^α as it is.
    Diagnostics: those of ``Chains.completions``, and ``rhat``, the split-R̂ of log π over the chains of a prompt at the
    last cap.

    Raises:
        ValueError: for a prompt that is empty or does not fit the context, or more blocks than tokens.
    """
    check_prompts(model, prompts, options.max_new_tokens)
    if decoder.blocks > options.max_new_tokens:
        raise ValueError(f"blocks = {decoder.blocks} is more than the {options.max_new_tokens} tokens of a completion")
    caps = [options.max_new_tokens * block // decoder.blocks for block in range(1, decoder.blocks + 1)]
    first = Batch(model, options, uniforms(seeds, decoder.samples, options.max_new_tokens))
    first.limit = caps[0]
    first.prefill(prompts, decoder.samples)
    first.run()
    own = [derive_seed(seed, "mh") for seed in seeds]
    chains = Chains(model, prompts, options, decoder.alpha, first.draws, own, cut_seed)
    for block, cap in enumerate(caps):
        if block:
            chains.extend(cap)
        for _ in range(decoder.steps):
            chains.step(cap)
    return with_rhat(chains.completions(), torch.stack(chains.trace[-decoder.steps :], dim=1))


@torch.inference_mode()
def smc_mh(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    options: SamplingOptions,
    decoder: SmcMH,
    seeds: Sequence[int],
    cut_seed: int,
) -> list[list[Completion]]:
    """Chains that begin at one particle each of a run of sequential Monte Carlo, a run a chain.

    Diagnostics are those of the run and of the chain, without ``rhat``: chains that begin near the target are right
    long before they have mixed.
    """
    result = run_particles(model, prompts, options, decoder.alpha, decoder.n, decoder.samples, seeds)
    own = [derive_seed(seed, "mh") for seed in seeds]
    chains = Chains(model, prompts, options, decoder.alpha, choose_particles(result, seeds), own, cut_seed)
    for _ in range(decoder.steps):
        chains.step(options.max_new_tokens)
    told = diagnose(result, options.eos_ids)
    moved = [completion for group in chains.completions() for completion in group]
    both = [replace(one, diagnostics=its | dict(one.diagnostics)) for one, its in zip(moved, told, strict=True)]
    return grouped(both, decoder.samples)


class Chains:
    """R chains on π^α, advanced by ``step``.

    Args:
        model: any causal language model of transformers whose layers keep all of their cache.
        prompts: token ids of P prompts, each with R / P chains.
        options: length limit, EOS ids, and the proposal.
        alpha: exponent of the target.
        draws: the chains' first states, R rows; changed in place.
        seeds: one a prompt.
        cut_seed: of the cuts that chains of different prompts share.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        prompts: Sequence[Sequence[int]],
        options: SamplingOptions,
        alpha: float,
        draws: Draws,
        seeds: Sequence[int],
        cut_seed: int,
    ) -> None:
        self.model, self.options, self.alpha, self.draws = model, options, alpha, draws
        self.chains = len(draws.lengths) // len(prompts)
        self.generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        self.cutters = [torch.Generator().manual_seed(derive_seed(cut_seed, chain)) for chain in range(self.chains)]
        self.eos = torch.tensor(list(options.eos_ids), device=model.device)
        self.rejects_early = 1 / alpha <= options.temperature * (1 + 1e-9) and options.temperature <= 1
        # Counts by quarter of the cap that the cut fell into, (R, 4).
        self.proposed = torch.zeros(len(draws.lengths), QUARTERS, device=model.device)
        self.accepted = torch.zeros_like(self.proposed)
        self.trace: list[torch.Tensor] = []  # log π of every state, a (R,) each step
        self._fill_cache(prompts)

    @torch.no_grad()
    def _fill_cache(self, prompts: Sequence[Sequence[int]]) -> None:
        """Keys and values of every layer, (R, heads, slots, d): the prompt on the left, then token j at prompt + j."""
        ids, mask = left_pad(prompts, self.model.device)
        check_full_attention(
            self.model, ids.shape[1] + self.options.max_new_tokens, "a decoder with Metropolis–Hastings steps"
        )
        positions = (mask.cumsum(-1) - 1).clamp(min=0)
        cache = self.model(
            input_ids=ids, attention_mask=mask, position_ids=positions, use_cache=True, logits_to_keep=1
        ).past_key_values
        cache.batch_repeat_interleave(self.chains)
        self.prompt_mask = mask.repeat_interleave(self.chains, 0)
        self.prompt_last = ids[:, -1].repeat_interleave(self.chains)
        self.prompt_length = self.prompt_mask.sum(-1)
        used = int(self.draws.lengths.max())
        columns = torch.arange(used, device=ids.device)
        self.model(
            input_ids=self.draws.tokens[:, :used],
            attention_mask=torch.cat([self.prompt_mask, (columns < self.draws.lengths[:, None]).long()], 1),
            position_ids=self.prompt_length[:, None] + columns,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        self.draws.cost += self.prompt_length / self.chains + self.draws.lengths
        room = (0, 0, 0, self.options.max_new_tokens - used)
        pad = torch.nn.functional.pad
        self.store = [(pad(layer.keys, room), pad(layer.values, room)) for layer in cache.layers]

    @torch.no_grad()
    def step(self, cap: int) -> None:
        """One Metropolis–Hastings step of every chain, on completions of at most ``cap`` tokens."""
        columns = torch.cat([draw_uniforms(generator, self.chains, cap + 1) for generator in self.generators])
        columns = columns.to(self.model.device)
        shared = torch.cat([torch.randint(cap, (1,), generator=generator) for generator in self.cutters])
        cuts = shared.repeat(len(self.generators)).to(self.model.device)
        rows = (cuts < self.draws.lengths).nonzero()[:, 0]
        if len(rows):
            quarter = cuts[rows] * QUARTERS // cap
            self.proposed[rows, quarter] += 1
            accepted = self._propose(rows, cuts[rows], columns[rows, 0].double().log(), columns[rows, 1:])
            self.accepted[rows, quarter] += accepted.float()
        self.trace.append(self.draws.logp.sum(-1))

    @torch.no_grad()
    def extend(self, cap: int) -> None:
        """Continue the chains that have not ended, up to ``cap`` tokens."""
        last = self.draws.tokens.gather(1, (self.draws.lengths - 1)[:, None])[:, 0]
        rows = (~torch.isin(last, self.eos) & (self.draws.lengths < cap)).nonzero()[:, 0]
        columns = torch.cat([draw_uniforms(generator, self.chains, cap) for generator in self.generators])
        if len(rows):
            always = torch.full((len(rows),), -torch.inf, dtype=torch.float64, device=rows.device)
            self._propose(rows, self.draws.lengths[rows], always, columns.to(rows.device)[rows])

    def _propose(
        self, rows: torch.Tensor, cuts: torch.Tensor, log_u: torch.Tensor, columns: torch.Tensor
    ) -> torch.Tensor:
        """Redraw the suffixes of some rows; accept where log u < w(y′) − w(y); whether accepted, (B,)."""
        batch = _Suffixes(self, rows, cuts, log_u, columns)
        batch.forward()
        batch.run()
        batch.save(torch.arange(len(batch.rows), device=rows.device))
        self.draws.cost[rows] = batch.draws.cost
        accepted = batch.accepted
        self.draws[rows[accepted]] = batch.draws[accepted]
        return accepted

    def completions(self) -> list[list[Completion]]:
        """The states, by prompt, with the diagnostics of their chains.

        ``acceptance``, overall and of cuts in the first to fourth quarter of the cap (``acceptance_1`` …), of the
        steps that could move; ``stayed``, the share of all steps after which the state was the one before; and
        ``ended_unfinished``, whether the last state ran into the limit.
        """
        told = []
        for completion, tries, hits in zip(
            self.draws.completions(self.options.eos_ids), self.proposed.tolist(), self.accepted.tolist(), strict=True
        ):
            its = {"stayed": 1 - sum(hits) / len(self.trace), "ended_unfinished": float(completion.truncated)}
            if sum(tries):
                its["acceptance"] = sum(hits) / sum(tries)
            for quarter, (hit, tried) in enumerate(zip(hits, tries, strict=True), 1):
                if tried:
                    its[f"acceptance_{quarter}"] = hit / tried
            told.append(replace(completion, diagnostics=its))
        return grouped(told, self.chains)


class _Suffixes(Batch):
    """Fresh suffixes of B chains; row b proposes for chain ``owners[b]``."""

    def __init__(
        self, chains: Chains, owners: torch.Tensor, cuts: torch.Tensor, log_u: torch.Tensor, columns: torch.Tensor
    ) -> None:
        super().__init__(chains.model, chains.options, columns)
        self.chains, self.owners, self.cuts = chains, owners, cuts
        state = chains.draws[owners]
        beyond = torch.arange(state.tokens.shape[1], device=cuts.device) >= cuts[:, None]  # (B, T)
        lost = (state.weights(chains.alpha) * beyond).sum(-1)
        self.least = log_u + lost  # the suffix is accepted if it weighs more, (B,)
        self.gained = torch.zeros_like(self.least)
        self.accepted = torch.ones_like(self.open)
        for name in ("tokens", "logp", "logq", "entropy"):
            setattr(state, name, getattr(state, name).masked_fill(beyond, 0))
        before = state.tokens.gather(1, (cuts - 1).clamp(min=0)[:, None])[:, 0]
        self.last = torch.where(cuts > 0, before, chains.prompt_last[owners])
        state.lengths = cuts.clone()
        self.draws = state
        self.position = (chains.prompt_length[owners] + cuts - 2)[:, None]
        # The token before the cut is processed again, for its logits: the prefix is what stands before it.
        self.prompt_slots = chains.prompt_mask.shape[1]
        self.prefix = self.prompt_slots + int(cuts.max()) - 1
        self.cache = DynamicCache(
            [(keys[owners, :, : self.prefix], values[owners, :, : self.prefix]) for keys, values in chains.store]
        )
        self.has_one_mask = make_room(self.cache, self.limit) and takes_packed_rows(self.model)
        slots = torch.arange(self.prefix, device=cuts.device)
        kept = slots < (self.prompt_slots + cuts - 1)[:, None]
        prompt = torch.nn.functional.pad(chains.prompt_mask[owners], (0, chains.draws.tokens.shape[1]), value=1)
        self.mask = prompt[:, : self.prefix] * kept

    def draw(self) -> torch.Tensor:
        """Draw, weigh, and reject what weighs too little for certain."""
        now = super().draw()
        self.gained[self.rows] += self.draws.last_weights(self.rows, self.chains.alpha).where(now, 0.0)
        settled = torch.ones_like(self.open) if self.chains.rejects_early else ~self.open
        rejected = settled & (self.gained <= self.least)
        self.accepted &= ~rejected
        self.open &= ~rejected
        return now

    def keep(self, places: torch.Tensor) -> None:
        """Before rows leave the batch, their new keys and values go to their chains."""
        leaving = torch.ones_like(self.rows, dtype=torch.bool).index_fill(0, places, False)
        self.save(leaving.nonzero()[:, 0])
        super().keep(places)

    def save(self, places: torch.Tensor) -> None:
        """Write the new keys and values of accepted rows at these places, of the B, into the chains' store."""
        places = places[self.accepted[self.rows[places]]]
        fed = self.cache.get_seq_length() - self.prefix
        owners, first = self.owners[self.rows[places]], self.prompt_slots + self.cuts[self.rows[places]] - 1
        # The last slot's token is never processed, so that what runs past a row's end may gather there.
        last_slot = self.chains.store[0][0].shape[2] - 1
        slots = (first[:, None] + torch.arange(fed, device=first.device)).clamp(max=last_slot)
        for (keys, values), layer in zip(self.chains.store, self.cache.layers, strict=True):
            keys[owners[:, None], :, slots] = layer.keys[places, :, self.prefix :].transpose(1, 2)
            values[owners[:, None], :, slots] = layer.values[places, :, self.prefix :].transpose(1, 2)
