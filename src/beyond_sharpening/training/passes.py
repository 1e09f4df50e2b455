"""Forward passes over completions: in packed rows where the model takes them, and padded ones where it does not.

packed    no padding, and a prompt is computed once for all of its completions in a batch
padded    TRL's own pass, on batches of completions of similar length
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from typing import TYPE_CHECKING, Protocol

import torch
from trl import RLOOTrainer

from beyond_sharpening.decoding.packing import Packing, sums_of, takes_packed_rows
from beyond_sharpening.training.batches import Batch, by_length, by_prompt, without_padding

logger = logging.getLogger(__name__)

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass(frozen=True, eq=False)
class TokenScores:
    """What a model says of the S tokens of B completions, one completion after the other.

    Attributes:
        logp: log-probability of each token, (S,).
        entropy: entropy of the distribution it was taken from, (S,), if that was asked for; without gradient.
        lengths: tokens of each completion, (B,).
    """

    logp: torch.Tensor
    entropy: torch.Tensor | None
    lengths: torch.Tensor

    def sums(self) -> torch.Tensor:
        """Log-probability of each completion, (B,)."""
        return sums_of(self.logp, self.lengths)


class Passes(Protocol):
    """How a trainer deals completions into batches, and runs a model over one."""

    def deal(self, batch: Batch, size: int) -> Sequence[torch.Tensor]:
        """Places of completions in batches of ``size``."""
        ...

    def score(self, model: PreTrainedModel, batch: Batch) -> TokenScores:
        """Scores of a batch's completions; with entropies where gradients are wanted."""
        ...


def passes(trainer: RLOOTrainer, models: Sequence[PreTrainedModel]) -> Passes:
    """In packed rows if all of the models take them; called before anything wraps the models."""
    if all(map(takes_packed_rows, models)):
        return PackedPasses(trainer)
    logger.warning(
        "%s with attention %s takes no packed rows: a prompt is computed once for each of its completions",
        *(type(models[0]).__name__, models[0].config._attn_implementation),
    )
    return PaddedPasses(trainer)


class PackedPasses:
    """Passes over packed rows."""

    def __init__(self, trainer: RLOOTrainer) -> None:
        self.trainer = trainer

    def deal(self, batch: Batch, size: int) -> Sequence[torch.Tensor]:
        return by_prompt(batch, size)

    def score(self, model: PreTrainedModel, batch: Batch) -> TokenScores:
        prompts = _rows(batch["prompt_ids"], batch["prompt_mask"])
        completions = _rows(batch["completion_ids"], batch["completion_mask"])
        packing = Packing(prompts, completions, batch["prompt_ids"].device)
        with self.trainer.accelerator.autocast():
            output = model(**packing.inputs(), shift_labels=packing.targets, fused_lm_head=True)
        entropy = None if output.entropy is None else output.entropy[0]
        return TokenScores(output.log_probs[0], entropy, packing.lengths)


class PaddedPasses:
    """TRL's passes."""

    def __init__(self, trainer: RLOOTrainer) -> None:
        self.trainer = trainer

    def deal(self, batch: Batch, size: int) -> Sequence[torch.Tensor]:
        return by_length(batch, size)

    def score(self, model: PreTrainedModel, batch: Batch) -> TokenScores:
        ids = torch.cat([batch["prompt_ids"], batch["completion_ids"]], dim=1)
        attention = torch.cat([batch["prompt_mask"], batch["completion_mask"]], dim=1)
        ids, attention, kept = without_padding(ids, attention, batch["completion_mask"].shape[1])
        logp, entropy, _ = RLOOTrainer._get_per_token_logps_and_entropies(
            self.trainer, model, ids, attention, kept, compute_entropy=torch.is_grad_enabled()
        )
        mask = attention[:, -kept:].bool()
        return TokenScores(logp[mask], None if entropy is None else entropy[mask], mask.sum(1))


def _rows(ids: torch.Tensor, mask: torch.Tensor) -> list[list[int]]:
    """The tokens of each row that are no padding."""
    return [list(compress(row, kept)) for row, kept in zip(ids.tolist(), mask.tolist(), strict=True)]
