"""Log-probabilities of given completions under a model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from beyond_sharpening.decoding.inputs import left_pad
from beyond_sharpening.decoding.packing import Packing, sums_of, takes_packed_rows
from beyond_sharpening.decoding.sampling import SamplingOptions, proposal

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# Logits of a batch: at a vocabulary of 150,000 and 1,536 tokens, two completions; 2, 4 and 4 bytes each in bfloat16.
MAX_LOGITS = 2**29

# Of these, as many are looked at together where all of a token's distribution is: 256 MiB in float32.
SLICE = 2**26


@dataclass(frozen=True)
class TokenScores:
    """What a model says of a completion of n tokens, token by token, float32.

    Attributes:
        logp: log-probabilities under the model at temperature 1, (n,), in nats.
        logq: under the distribution that sampling options draw from, (n,); −∞ where they cannot.
        entropy: of the model's next-token distributions, (n,), in nats.
    """

    logp: np.ndarray
    logq: np.ndarray
    entropy: np.ndarray


@torch.no_grad()
def score(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    completions: Sequence[Sequence[int]],
    batch_size: int,
) -> torch.Tensor:
    """log π(y|x) of each completion, (N,), in nats: summed over the completion's tokens at temperature 1.

    In packed rows where the model takes them: a prompt is computed once for all of its completions in a batch.

    Args:
        model: the model that scores.
        prompts: token ids of the N prompts.
        completions: token ids of the N completions, EOS included where there is one.
        batch_size: rows in one forward pass, at most: fewer where their logits are more than ``MAX_LOGITS``.
    """
    scores = torch.empty(len(prompts))
    for rows, logits, targets, lengths in _passes(model, prompts, completions, batch_size):
        logp = torch.log_softmax(logits.float(), dim=-1).gather(1, targets[:, None])[:, 0]
        scores[rows] = sums_of(logp, lengths).cpu()
    return scores


@torch.no_grad()
def score_tokens(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    completions: Sequence[Sequence[int]],
    options: SamplingOptions,
    batch_size: int,
) -> list[TokenScores]:
    """What a model says of each token of completions that something else drew with ``options``; see ``score``."""
    scores: list[TokenScores | None] = [None] * len(prompts)
    eos = torch.tensor(list(options.eos_ids), device=model.device)
    for rows, logits, targets, lengths in _passes(model, prompts, completions, batch_size):
        columns = torch.cat([torch.arange(length, device=model.device) for length in lengths.tolist()])
        size = max(1, SLICE // logits.shape[-1])
        slices = zip(logits.split(size), targets.split(size), columns.split(size), strict=True)
        told = torch.cat([_of_tokens(*each, eos, options) for each in slices], dim=1).cpu()
        for row, own in zip(rows, told.split(lengths.tolist(), dim=1), strict=True):
            scores[row] = TokenScores(*own.numpy())
    return [one for one in scores if one is not None]


def _of_tokens(
    logits: torch.Tensor, targets: torch.Tensor, columns: torch.Tensor, eos: torch.Tensor, options: SamplingOptions
) -> torch.Tensor:
    """log p, log q and entropy, (3, S), of S tokens with logits (S, V) at columns (S,) of their completions."""
    logp = torch.log_softmax(logits.float(), dim=-1)
    logq = proposal(logp, columns, eos, options)
    entropy = -torch.linalg.vecdot(logp.exp(), logp.clamp(min=torch.finfo(logp.dtype).min))
    return torch.stack([*(of.gather(1, targets[:, None])[:, 0] for of in (logp, logq)), entropy])


def _passes(
    model: PreTrainedModel, prompts: Sequence[Sequence[int]], completions: Sequence[Sequence[int]], batch_size: int
) -> Iterator[tuple[list[int], torch.Tensor, torch.Tensor, torch.Tensor]]:
    """Passes over completions of about the same length: which rows, the logits (S, V) of their tokens one completion
    after the other, the tokens (S,), and the lengths of the completions."""
    if not len(prompts):
        return
    longest = 1 + max(map(len, completions))
    batch_size = max(1, min(batch_size, MAX_LOGITS // (longest * model.config.get_text_config().vocab_size)))
    logits_of = _packed_logits if takes_packed_rows(model) else _padded_logits
    order = sorted(range(len(prompts)), key=lambda row: (len(prompts[row]), prompts[row], len(completions[row])))
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        texts = [completions[row] for row in rows]
        targets = torch.tensor([token for text in texts for token in text], device=model.device)
        lengths = torch.tensor([len(text) for text in texts], device=model.device)
        yield rows, logits_of(model, [prompts[row] for row in rows], texts), targets, lengths


def _packed_logits(
    model: PreTrainedModel, prompts: Sequence[Sequence[int]], completions: Sequence[Sequence[int]]
) -> torch.Tensor:
    return model(**Packing(prompts, completions, model.device).inputs()).logits[0]


def _padded_logits(
    model: PreTrainedModel, prompts: Sequence[Sequence[int]], completions: Sequence[Sequence[int]]
) -> torch.Tensor:
    texts = [[*prompt, *completion] for prompt, completion in zip(prompts, completions, strict=True)]
    kept = max(map(len, completions))
    # Padded on the left: every completion ends at the last column.
    ids, mask = left_pad(texts, model.device)
    _, is_completion = left_pad(completions, model.device)
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    logits = model(input_ids=ids, attention_mask=mask, position_ids=positions, logits_to_keep=kept + 1).logits
    return logits[:, -kept - 1 : -1][is_completion.bool()]
