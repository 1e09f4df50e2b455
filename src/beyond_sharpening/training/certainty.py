"""How certain a policy is of each token it gives: one pass over completions that are there already."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from beyond_sharpening.training.batches import Batch, by_length, taken, without_padding

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@torch.no_grad()
def token_statistics(model: PreTrainedModel, batch: Batch, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Means over the tokens of each completion, EOS included, of two measures of the next-token distribution π.

    Args:
        model: the policy.
        batch: B prompts, padded on the left, and completions, padded on the right.
        size: completions in one pass.

    Returns:
        The entropy H(π) and the self-certainty KL(U ‖ π) = log Σ_v e^{z_v} − mean_v z_v − log V of the logits z over
        V tokens, in nats, (B,) each, in float32.
    """
    entropy, certainty = torch.empty(2, len(batch["prompt_ids"]), device=batch["prompt_ids"].device)
    for places in by_length(batch, size):
        part = taken(batch, places)
        ids = torch.cat([part["prompt_ids"], part["completion_ids"]], dim=1)
        mask = torch.cat([part["prompt_mask"], part["completion_mask"]], dim=1)
        ids, mask, kept = without_padding(ids, mask, part["completion_mask"].shape[1])
        logits = model(input_ids=ids, attention_mask=mask).logits[:, -kept - 1 : -1]
        for row, place in enumerate(places.tolist()):  # a row at a time: in float32 the logits of all would be large
            z = logits[row, mask[row, -kept:].bool()].float()
            log_pi = z.log_softmax(1)
            entropy[place] = -(log_pi.exp() * log_pi).sum(1).mean()
            certainty[place] = -log_pi.mean(1).mean() - math.log(z.shape[1])
    return entropy, certainty
