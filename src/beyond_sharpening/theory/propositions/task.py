"""The small random tasks on which the propositions are checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from beyond_sharpening.exact.completions import Completions, enumerate_completions
from beyond_sharpening.exact.policy import log_probabilities, random_policy

if TYPE_CHECKING:
    from transformers import PreTrainedModel

EOS = 0


@dataclass(frozen=True, eq=False)
class Task:
    """An enumerable task of X prompts and Y completions.

    Attributes:
        model: the start model π_ref.
        prompts: token ids of each prompt.
        completions: the space.
        log_p: log π_ref, (X, Y).
        correct: R, (X, Y) bool.
    """

    model: PreTrainedModel
    prompts: list[list[int]]
    completions: Completions
    log_p: torch.Tensor
    correct: torch.Tensor

    def log_probabilities(self, model: PreTrainedModel, temperature: float = 1.0) -> torch.Tensor:
        """log π of another policy on this task, (X, Y)."""
        return log_probabilities(model, self.prompts, self.completions, temperature=temperature)


def random_task(seed: int, vocabulary: int = 4, max_length: int = 5, n_prompts: int = 4) -> Task:
    """A random start model and a little modular arithmetic.

    Prompt x is the tokens (1 + x mod (V − 1), 1 + x div (V − 1)); a completion is correct when it ended by
    itself and its tokens add up to x modulo 3.
    """
    model = random_policy(seed, vocabulary, spread=0.3)
    prompts = [[1 + x % (vocabulary - 1), 1 + x // (vocabulary - 1)] for x in range(n_prompts)]
    completions = enumerate_completions(vocabulary, [EOS], max_length)
    total = completions.tokens.clamp(min=0).sum(dim=1)
    correct = completions.finished & (total % 3 == torch.arange(n_prompts)[:, None] % 3)
    return Task(model, prompts, completions, log_probabilities(model, prompts, completions), correct)
