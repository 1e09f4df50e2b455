"""Beam search, through ``generate`` of transformers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from transformers import LogitsProcessor, LogitsProcessorList

from beyond_sharpening.decoding.inputs import check_prompts, left_pad
from beyond_sharpening.decoding.sampling import Completion, SamplingOptions
from beyond_sharpening.decoding.scoring import score

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class _StepCounter(LogitsProcessor):
    """Counts the tokens that a search drew; leaves the scores alone."""

    def __init__(self) -> None:
        self.steps = 0

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        self.steps += 1
        return scores


def beam_search(
    model: PreTrainedModel, prompts: Sequence[Sequence[int]], options: SamplingOptions, beams: int
) -> list[list[Completion]]:
    """The likeliest completion that a search with ``beams`` beams finds, one a prompt.

    Without a length penalty (0: sums of log-probabilities are compared), so that enough beams find argmax π; with
    transformers' default of 1 they need not. The cost counts every beam until the last prompt of the batch is done.
    The entropy is not measured (NaN).
    """
    check_prompts(model, prompts, options.max_new_tokens)
    ids, mask = left_pad(prompts, model.device)
    counter, eos = _StepCounter(), list(options.eos_ids)
    generated = model.generate(  # type: ignore[operator]
        ids,
        attention_mask=mask,
        num_beams=beams,
        do_sample=False,
        length_penalty=0.0,
        early_stopping=False,
        max_new_tokens=options.max_new_tokens,
        min_new_tokens=options.min_new_tokens - 1,  # transformers does not count the EOS
        eos_token_id=eos,
        pad_token_id=eos[0],
        logits_processor=LogitsProcessorList([counter]),
    )
    texts = [_until_eos(row, eos) for row in generated[:, ids.shape[1] :].tolist()]
    logp = score(model, prompts, texts, len(prompts)).tolist()
    return [
        [Completion(text, total, float("nan"), text[-1] not in eos, len(prompt) + beams * (counter.steps - 1))]
        for text, total, prompt in zip(texts, logp, prompts, strict=True)
    ]


def _until_eos(tokens: list[int], eos: Sequence[int]) -> list[int]:
    ends = [place for place, token in enumerate(tokens) if token in eos]
    return tokens[: ends[0] + 1] if ends else tokens
