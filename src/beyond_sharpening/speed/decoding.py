"""Decoding against peers: power sampling one chain at a time, and ``generate`` on repeated prompts."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import torch

from beyond_sharpening.decoding import SamplingOptions, sample, score
from beyond_sharpening.decoding.mh import power_mh
from beyond_sharpening.decoding.reference import power_mh_one_chain
from beyond_sharpening.parameters.decoders import PowerMH
from beyond_sharpening.speed.contest import Contest

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from beyond_sharpening.parameters import Benchmark

VOCABULARY, EOS = 64, 0


def contests(options: Benchmark) -> list[Contest]:
    """Power sampling and rollouts, on one small model."""
    model = build_model(options)
    return [*_power_sampling(model, options), *_rollouts(model, options), *_scoring(model, options)]


def build_model(options: Benchmark) -> PreTrainedModel:
    """A Llama with random weights, whose completions seldom end early."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=options.architecture.hidden_size,
        intermediate_size=options.architecture.intermediate_size,
        num_hidden_layers=options.architecture.layers,
        num_attention_heads=options.architecture.heads,
        max_position_embeddings=1024,
        bos_token_id=None,
        eos_token_id=EOS,
        pad_token_id=EOS,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return LlamaForCausalLM(config).eval()


def some_prompts(number: int, length: int) -> list[list[int]]:
    """Prompts of random tokens, the same ones whenever it is asked."""
    generator = torch.Generator().manual_seed(0)
    return torch.randint(1, VOCABULARY, (number, length), generator=generator).tolist()


def _power_sampling(model: PreTrainedModel, options: Benchmark) -> list[Contest]:
    """The same chains, token for token, in batches and one at a time; the peer runs a few of them."""
    decoder = PowerMH(type="power_mh", alpha=options.alpha, blocks=options.blocks, steps=options.steps)
    sampling = SamplingOptions(options.new_tokens, [EOS], decoder.proposal_temperature)

    def batched(size: int) -> int:
        prompts = some_prompts(size, options.chain_prompt)
        return sum(map(len, power_mh(model, prompts, sampling, decoder, range(size), 0)))

    def one_at_a_time() -> int:
        for seed, prompt in enumerate(some_prompts(options.peer_chains, options.chain_prompt)):
            power_mh_one_chain(model, prompt, sampling, decoder, seed, 0)
        return options.peer_chains

    chain = f"alpha {options.alpha:g}, {options.blocks} x {options.steps} steps, {options.new_tokens} new tokens"
    return [
        Contest(
            f"power sampling, batch of {size}",
            "completions/s",
            f"{_describe(options)}; {chain}; peer: one chain at a time, recomputed from scratch",
            partial(batched, size),
            one_at_a_time,
        )
        for size in options.batches
    ]


def _rollouts(model: PreTrainedModel, options: Benchmark) -> list[Contest]:
    return [
        _rollout(model, options, length, samples) for length in options.prompt_lengths for samples in options.rollouts
    ]


def _rollout(model: PreTrainedModel, options: Benchmark, length: int, samples: int) -> Contest:
    """Samples of prompts against ``generate`` on the prompts repeated, from the same distribution."""
    prompts = some_prompts(options.rollout_prompts, length)
    repeated = torch.tensor(prompts).repeat_interleave(samples, 0)
    sampling = SamplingOptions(options.new_tokens, [EOS])

    def ours() -> int:
        groups = sample(model, prompts, sampling, samples, range(len(prompts)))
        return sum(len(completion.tokens) for group in groups for completion in group)

    def peer() -> int:
        rows = model.generate(  # type: ignore[operator]
            repeated,
            attention_mask=torch.ones_like(repeated),
            do_sample=True,
            top_k=0,
            max_new_tokens=options.new_tokens,
        )
        ends = (rows[:, length:] == EOS).int()
        return int((ends.cumsum(1) - ends == 0).sum())

    return Contest(
        f"rollouts, {samples} samples, prompts of {length}",
        "tokens/s",
        f"{_describe(options)}; {len(prompts)} prompts, {options.new_tokens} new tokens; "
        "peer: generate on repeated prompts, without log-probabilities",
        ours,
        peer,
    )


def _scoring(model: PreTrainedModel, options: Benchmark) -> list[Contest]:
    """Samples of prompts scored once, against the two plain passes that a trainer with a KL term makes."""
    return [_score(model, options, length) for length in options.prompt_lengths]


def _score(model: PreTrainedModel, options: Benchmark, length: int) -> Contest:
    samples, new = options.rollouts[0], options.new_tokens
    prompts = [prompt for prompt in some_prompts(options.rollout_prompts // 2, length) for _ in range(samples)]
    completions = some_prompts(len(prompts), new)
    rows = torch.tensor([[*prompt, *text] for prompt, text in zip(prompts, completions, strict=True)])

    def ours() -> int:
        score(model, prompts, completions, samples)
        return len(prompts)

    def peer() -> int:
        for part in [*rows.split(samples)] * 2:
            with torch.no_grad():
                logits = model(part, logits_to_keep=new + 1).logits[:, :-1]
            logits.log_softmax(-1).gather(2, part[:, -new:, None])
        return len(prompts)

    return Contest(
        f"scoring, {samples} completions, prompts of {length}",
        "completions/s",
        f"{_describe(options)}; {len(prompts) // samples} prompts, completions of {new}; "
        f"peer: two plain forward passes, {samples} rows each",
        ours,
        peer,
    )


def _describe(options: Benchmark) -> str:
    return f"{options.architecture.layers} layers, d = {options.architecture.hidden_size}, V = {VOCABULARY}, float32"
