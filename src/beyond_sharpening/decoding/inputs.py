"""Prompts as a model takes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from beyond_sharpening.errors import BadInput

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def left_pad(prompts: Sequence[Sequence[int]], device: torch.device | str) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids and attention mask, both (P, L), padded on the left with 0 (masked, so any id serves)."""
    longest = max(len(prompt) for prompt in prompts)
    ids = torch.tensor([[0] * (longest - len(prompt)) + list(prompt) for prompt in prompts])
    mask = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts])
    return ids.to(device), mask.to(device)


def check_prompts(
    model: PreTrainedModel, prompts: Sequence[Sequence[int]], max_new_tokens: int | Sequence[int]
) -> None:
    """Raise a ValueError that names the first prompt that is empty, a BadInput if it is too long for the model.

    ``max_new_tokens`` is the length limit of every completion, or of each prompt's.
    """
    context = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    limits = [max_new_tokens] * len(prompts) if isinstance(max_new_tokens, int) else max_new_tokens
    for index, (prompt, max_new_tokens) in enumerate(zip(prompts, limits, strict=True)):
        if not len(prompt):
            raise ValueError(f"prompt {index} is empty: there is nothing to complete")
        if max_new_tokens < 1:
            raise BadInput(
                f"prompt {index} has {len(prompt)} tokens and leaves a completion none of the task.context they share: "
                "raise it, or leave out longer prompts (task.max_prompt_tokens)"
            )
        if context is not None and len(prompt) + max_new_tokens > context:
            raise BadInput(
                f"prompt {index} has {len(prompt)} tokens; with max_new_tokens = {max_new_tokens} it exceeds "
                f"the model's context of {context} tokens; lower task.max_completion_tokens, or choose a model with a "
                "longer context (base.path)"
            )


def check_full_attention(model: PreTrainedModel, tokens: int, decoder: str) -> None:
    """Raise a BadInput if a layer sees less than ``tokens``: a window would count the gaps between rows as tokens."""
    config = model.config.get_text_config()
    window = getattr(config, "sliding_window", None)
    if "sliding_attention" in (getattr(config, "layer_types", None) or []) and window and window < tokens:
        raise BadInput(
            f"{decoder} needs layers that attend to all {tokens} tokens of a prompt and its completion, and this model "
            f"has a sliding window of {window}; leave the decoder out for it"
        )
