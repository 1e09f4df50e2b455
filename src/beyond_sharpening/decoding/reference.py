"""Power sampling written plainly: one chain at a time, every probability recomputed from scratch.

Slow on purpose: no cache, no batch, no early rejection. It draws the same numbers from the same seeds as
``mh.power_mh`` does with one chain a prompt, so that the two must end with the same tokens; and it is what the
benchmark measures that one against.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from beyond_sharpening.decoding.sampling import SamplingOptions, draw_uniforms
from beyond_sharpening.decoding.seeds import derive_seed
from beyond_sharpening.parameters.decoders import PowerMH

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@torch.no_grad()
def power_mh_one_chain(
    model: PreTrainedModel,
    prompt: Sequence[int],
    options: SamplingOptions,
    decoder: PowerMH,
    seed: int,
    cut_seed: int,
) -> list[int]:
    """The tokens of one chain's last state; arguments as in ``mh.power_mh``, of one prompt and one sample."""
    limit, generator = options.max_new_tokens, torch.Generator().manual_seed(derive_seed(seed, "mh"))
    cutter = torch.Generator().manual_seed(derive_seed(cut_seed, 0))
    state: list[int] = []
    columns = draw_uniforms(torch.Generator().manual_seed(seed), limit)
    for block in range(1, decoder.blocks + 1):
        cap = limit * block // decoder.blocks
        if block > 1:
            columns = draw_uniforms(generator, cap)
        if not state or (len(state) < cap and state[-1] not in options.eos_ids):
            state = _complete(model, prompt, state, columns, cap, options)
        for _ in range(decoder.steps):
            u, *rest = draw_uniforms(generator, cap + 1)
            place = int(torch.randint(cap, (1,), generator=cutter))
            if place < len(state):
                proposal = _complete(model, prompt, state[:place], torch.stack(rest), cap, options)
                now, then = (_weight(model, prompt, text, options, decoder.alpha) for text in (state, proposal))
                if math.log(u) < then - now:
                    state = proposal
    return state


def _complete(
    model: PreTrainedModel,
    prompt: Sequence[int],
    prefix: Sequence[int],
    uniforms: torch.Tensor,
    cap: int,
    options: SamplingOptions,
) -> list[int]:
    """The prefix and a fresh suffix from the proposal, up to ``cap`` tokens."""
    text = list(prefix)
    while len(text) < cap and not (text and text[-1] in options.eos_ids):
        logits = model(torch.tensor([[*prompt, *text]])).logits[0, -1]
        cdf = (logits / options.temperature).log_softmax(-1).double().exp().cumsum(-1)
        text.append(int(torch.searchsorted(cdf, uniforms[len(text)] * cdf[-1], right=True)))
    return text


def _weight(
    model: PreTrainedModel, prompt: Sequence[int], text: Sequence[int], options: SamplingOptions, alpha: float
) -> float:
    """α·log π − log q of a whole completion."""
    logits = model(torch.tensor([[*prompt, *text]])).logits[0, len(prompt) - 1 : -1].double()
    tokens = torch.tensor(text)[:, None]
    logp, logq = logits.log_softmax(-1), (logits / options.temperature).log_softmax(-1)
    return float((alpha * logp.gather(1, tokens) - logq.gather(1, tokens)).sum())
