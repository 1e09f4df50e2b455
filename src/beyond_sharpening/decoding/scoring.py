"""Log-probabilities of given completions under a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from beyond_sharpening.decoding.inputs import left_pad
from beyond_sharpening.decoding.packing import Packing, sums_of, takes_packed_rows

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# Logits of a batch: at a vocabulary of 150,000 and 1,536 tokens, two completions; 2, 4 and 4 bytes each in bfloat16.
MAX_LOGITS = 2**29


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
    if not len(prompts):
        return scores
    longest = 1 + max(map(len, completions))
    batch_size = max(1, min(batch_size, MAX_LOGITS // (longest * model.config.get_text_config().vocab_size)))
    score_batch = _score_packed if takes_packed_rows(model) else _score_padded
    order = sorted(range(len(prompts)), key=lambda row: (len(prompts[row]), prompts[row], len(completions[row])))
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        scores[rows] = score_batch(model, [prompts[row] for row in rows], [completions[row] for row in rows])
    return scores


def _score_packed(
    model: PreTrainedModel, prompts: Sequence[Sequence[int]], completions: Sequence[Sequence[int]]
) -> torch.Tensor:
    packing = Packing(prompts, completions, model.device)
    logits = model(**packing.inputs()).logits[0]
    logp = torch.log_softmax(logits.float(), dim=-1).gather(1, packing.targets[0, :, None])[:, 0]
    return sums_of(logp, packing.lengths).cpu()


def _score_padded(
    model: PreTrainedModel, prompts: Sequence[Sequence[int]], completions: Sequence[Sequence[int]]
) -> torch.Tensor:
    texts = [[*prompt, *completion] for prompt, completion in zip(prompts, completions, strict=True)]
    kept = max(map(len, completions))
    # Padded on the left: every completion ends at the last column.
    ids, mask = left_pad(texts, model.device)
    _, is_completion = left_pad(completions, model.device)
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    logits = model(input_ids=ids, attention_mask=mask, position_ids=positions, logits_to_keep=kept + 1).logits
    logp = torch.log_softmax(logits[:, -kept - 1 : -1].float(), dim=-1).gather(2, ids[:, -kept:, None])[..., 0]
    return (logp * is_completion).sum(-1).cpu()
