"""What comes together: problems in a step, and completions in a forward and backward pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import torch
from torch.utils.data import Sampler

from beyond_sharpening.decoding.seeds import derive_seed

if TYPE_CHECKING:
    from trl import RLOOTrainer
    from trl.trainer.utils import RepeatSampler

Batch = dict[str, torch.Tensor]


class EpochOrder(Sampler[int]):
    """TRL's sampler with the order of each epoch drawn from the seed and the epoch alone.

    TRL's own draws an order from where the one before it stopped: a resumed training would meet the problems of its
    first epoch again.
    """

    def __init__(self, sampler: RepeatSampler, trainer: RLOOTrainer) -> None:
        self.sampler, self.trainer = sampler, trainer

    def __len__(self) -> int:
        return len(self.sampler)

    def __iter__(self) -> Iterator[int]:
        steps_an_epoch = self.sampler.num_samples // self.sampler.batch_size
        epoch = self.trainer.state.global_step // steps_an_epoch
        self.sampler.generator.manual_seed(derive_seed(self.trainer.args.seed, "order", epoch))
        return iter(self.sampler)


def by_length(batch: Batch, size: int) -> Sequence[torch.Tensor]:
    """Places of completions in batches of ``size``: those of similar length together, the longest first.

    A batch is as long as its longest row: where lengths are mixed, most of it is padding.
    """
    return batch["completion_mask"].sum(1).argsort(descending=True, stable=True).split(size)


def by_prompt(batch: Batch, size: int) -> Sequence[torch.Tensor]:
    """Places of completions in batches of ``size``: those of a prompt together, the groups with most tokens first."""
    _, owners = torch.unique(batch["prompt_ids"], dim=0, return_inverse=True)
    lengths = batch["completion_mask"].sum(1)
    tokens = torch.zeros_like(lengths).index_add(0, owners, lengths)  # of each group; zero beyond the last
    ranks = tokens.argsort(descending=True, stable=True).argsort()
    return ranks[owners].argsort(stable=True).split(size)


def taken(batch: Batch, places: torch.Tensor) -> Batch:
    """Some rows of a batch."""
    return {name: rows[places] for name, rows in batch.items()}


def together(batches: Sequence[Batch]) -> Batch:
    """The rows of some batches."""
    return {name: torch.cat([batch[name] for batch in batches]) for name in batches[0]}


def without_padding(ids: torch.Tensor, attention: torch.Tensor, kept: int) -> tuple[torch.Tensor, torch.Tensor, int]:
    """Leave out the columns that pad every row: prompts are padded on the left, completions on the right.

    Args:
        ids: token ids of prompts and completions, (B, P + C).
        attention: 1 at tokens, 0 at padding, (B, P + C).
        kept: C, the columns of the completions.

    Returns:
        Ids and attention without these columns, and how many are left of the completions.
    """
    prompts = attention.shape[1] - kept
    prompt, completion = torch.stack([attention[:, :prompts].sum(1), attention[:, prompts:].sum(1)]).amax(1).tolist()
    columns = slice(prompts - prompt, prompts + completion)
    return ids[:, columns], attention[:, columns], completion
