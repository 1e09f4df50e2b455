"""Sequential Monte Carlo for π^α: particles that grow together, weighed and resampled on the way.

Particles are drawn from the proposal q token by token; each token multiplies a particle's weight by π^α / q. Where
the effective sample size of a run falls below half its N particles, they are resampled (systematically) and their
weights begin anew. The running product of mean weights is an unbiased estimate of Z = Σ π^α over all completions,
for any N (Del Moral 2004; for language models Lew et al., arXiv 2306.03081).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from beyond_sharpening.decoding.inputs import check_prompts
from beyond_sharpening.decoding.mixing import with_rhat
from beyond_sharpening.decoding.sampling import Batch, Completion, Draws, SamplingOptions, grouped, uniforms
from beyond_sharpening.decoding.seeds import derive_seed
from beyond_sharpening.parameters.decoders import Pimh, Smc

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# Resample where the effective sample size is below this share of the particles.
RESAMPLE_SHARE = 0.5


@dataclass(frozen=True)
class Particles:
    """What G runs of N particles ended with.

    Attributes:
        draws: the particles, G·N rows, run by run.
        weights: log-weights since the last resampling, (G, N).
        log_z: log of the unbiased estimate of Σ π^α, (G,).
        resamplings: times that each run resampled, (G,).
    """

    draws: Draws
    weights: torch.Tensor
    log_z: torch.Tensor
    resamplings: torch.Tensor


@torch.no_grad()
def run_particles(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    options: SamplingOptions,
    alpha: float,
    particles: int,
    runs: int,
    seeds: Sequence[int],
) -> Particles:
    """Independent runs of N particles, ``runs`` of each prompt.

    Args:
        model: any causal language model of transformers with a dynamic cache.
        prompts: token ids of each prompt.
        options: length limit, EOS ids, and the proposal.
        alpha: exponent of the target.
        particles: N, the particles of one run.
        runs: runs a prompt.
        seeds: one seed a prompt.
    """
    check_prompts(model, prompts, options.max_new_tokens)
    batch = _ParticleBatch(model, options, alpha, particles, runs, seeds)
    batch.prefill(prompts, runs * particles)
    batch.run()
    log_z = batch.log_z + batch.weights.logsumexp(-1) - math.log(particles)
    return Particles(batch.draws, batch.weights, log_z, batch.resamplings)


def smc(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    options: SamplingOptions,
    decoder: Smc,
    seeds: Sequence[int],
) -> list[list[Completion]]:
    """One completion of each of ``samples`` independent runs a prompt, drawn by the particles' final weights.

    The cost is that of the whole run. Diagnostics: ``ess`` (share of N), ``log_z``, ``resamplings``, ``unfinished``
    and ``duplicates`` (shares of N).
    """
    result = run_particles(model, prompts, options, decoder.alpha, decoder.n, decoder.samples, seeds)
    completions = choose_particles(result, seeds).completions(options.eos_ids)
    told = diagnose(result, options.eos_ids)
    return grouped([replace(one, diagnostics=its) for one, its in zip(completions, told, strict=True)], decoder.samples)


def pimh(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    options: SamplingOptions,
    decoder: Pimh,
    seeds: Sequence[int],
) -> list[list[Completion]]:
    """The last state of a chain whose proposals are runs, accepted with min(1, Ẑ′/Ẑ); exact for any N.

    Andrieu, Doucet, Holenstein, *Particle Markov chain Monte Carlo methods* (2010), section 2.4.2. The cost is that
    of all runs; diagnostics are those of the state's run, ``acceptance``, and ``rhat``, the split-R̂ of log π over the
    chains of a prompt.
    """
    runs = decoder.steps + 1
    result = run_particles(model, prompts, options, decoder.alpha, decoder.n, decoder.samples * runs, seeds)
    completions = choose_particles(result, seeds).completions(options.eos_ids)
    told = diagnose(result, options.eos_ids)
    own = [derive_seed(seed, "accept") for seed in seeds]
    chosen, traces = [], []
    for chain, log_u in enumerate(uniforms(own, decoder.samples, decoder.steps).log().tolist()):
        state = chain * runs
        rest, accepted, trace = range(state + 1, state + runs), 0, [completions[state].logp]
        for run, threshold in zip(rest, log_u, strict=True):
            if threshold < told[run]["log_z"] - told[state]["log_z"]:
                state, accepted = run, accepted + 1
            trace.append(completions[state].logp)
        traces.append(trace)
        cost = sum(one.forward_tokens for one in completions[chain * runs : (chain + 1) * runs])
        its = told[state] | {"acceptance": accepted / decoder.steps}
        chosen.append(replace(completions[state], forward_tokens=cost, diagnostics=its))
    return with_rhat(grouped(chosen, decoder.samples), torch.tensor(traces))


def choose_particles(result: Particles, seeds: Sequence[int]) -> Draws:
    """One particle of each run, drawn by the final weights, at the cost of the whole run."""
    runs, n = result.weights.shape
    picks = uniforms([derive_seed(seed, "pick") for seed in seeds], runs // len(seeds), 1).to(result.weights)  # (G, 1)
    cumulative = result.weights.softmax(-1).cumsum(-1)
    chosen = torch.searchsorted(cumulative, picks * cumulative[:, -1:], right=True)[:, 0].clamp(max=n - 1)
    draws = result.draws[torch.arange(runs, device=chosen.device) * n + chosen]
    draws.cost = result.draws.cost.view(runs, n).sum(-1)
    return draws


def diagnose(result: Particles, eos_ids: Sequence[int]) -> list[dict[str, float]]:
    """The diagnostics of each run."""
    n = result.weights.shape[1]
    ess = 1 / result.weights.softmax(-1).square().sum(-1) / n
    runs = grouped(result.draws.completions(eos_ids), n)
    columns = (ess.tolist(), result.log_z.tolist(), result.resamplings.tolist())
    return [
        {
            "ess": effective,
            "log_z": log_z,
            "resamplings": resamplings,
            "unfinished": sum(completion.truncated for completion in run) / n,
            "duplicates": 1 - len({tuple(completion.tokens) for completion in run}) / n,
        }
        for effective, log_z, resamplings, run in zip(*columns, runs, strict=True)
    ]


class _ParticleBatch(Batch):
    """G runs of N particles; row g·N + i is particle i of run g."""

    def __init__(
        self,
        model: PreTrainedModel,
        options: SamplingOptions,
        alpha: float,
        particles: int,
        runs: int,
        seeds: Sequence[int],
    ) -> None:
        super().__init__(model, options, uniforms(seeds, runs * particles, options.max_new_tokens))
        self.alpha, self.particles = alpha, particles
        own = [derive_seed(seed, "resample") for seed in seeds]
        self.offsets = uniforms(own, runs, options.max_new_tokens).double().to(model.device)  # (G, T)
        self.weights = torch.zeros(len(self.offsets), particles, dtype=torch.float64, device=model.device)  # (G, N)
        self.log_z = torch.zeros_like(self.weights[:, 0])  # (G,)
        self.resamplings = torch.zeros_like(self.log_z)  # (G,)
        self.step = 0

    def draw(self) -> torch.Tensor:
        """Draw, weigh, and resample the runs that need it."""
        now = super().draw()
        self.weights.view(-1)[self.rows] += self.draws.last_weights(self.rows, self.alpha).where(now, 0.0)
        effective = 1 / self.weights.softmax(-1).square().sum(-1)
        growing = self.open.view(-1, self.particles).any(-1)
        poor = growing & (effective < RESAMPLE_SHARE * self.particles)
        if poor.any():
            self._resample(poor)
        self.step += 1
        return now

    def _resample(self, poor: torch.Tensor) -> None:
        """Systematic resampling of the runs marked in ``poor``, (G,); their weights begin anew."""
        ancestors = torch.arange(self.weights.numel(), device=poor.device).view_as(self.weights)  # (G, N)
        places = torch.arange(self.particles, device=poor.device) + self.offsets[poor, self.step, None]
        cumulative = self.weights[poor].softmax(-1).cumsum(-1)
        drawn = torch.searchsorted(cumulative, places / self.particles * cumulative[:, -1:], right=True)
        ancestors[poor] = ancestors[poor, :1] + drawn.clamp(max=self.particles - 1)
        self.log_z[poor] += self.weights[poor].logsumexp(-1) - math.log(self.particles)
        self.resamplings[poor] += 1
        self.weights[poor] = 0.0
        self._descend(ancestors.flatten())

    def _descend(self, ancestors: torch.Tensor) -> None:
        """Make each row a copy of its ancestor, (R,); what was processed stays on the account of the row."""
        place = torch.empty_like(ancestors)
        place[self.rows] = torch.arange(len(self.rows), device=place.device)
        cost = self.draws.cost
        self.draws, self.open = self.draws[ancestors], self.open[ancestors]
        self.draws.cost = cost
        rows = self.open.nonzero()[:, 0]
        self.keep(place[ancestors[rows]])
        self.rows = rows
