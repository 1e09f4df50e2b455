"""Bfloat16 where it costs nothing: log-probabilities and gradients are summed in float32, π_ref rounds as π_θ does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.distributed.fsdp import MixedPrecisionPolicy

if TYPE_CHECKING:
    from transformers import PreTrainedModel

FSDP2_BFLOAT16 = MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32)
"""Weights are gathered in bfloat16; gradients are summed over processes and batches in float32.

accelerate's own policy also casts what the model gives to bfloat16, in which a log-probability of −300 nats is known to
one nat.
"""


def compute_as_float32_weights(model: PreTrainedModel) -> None:
    """Let bfloat16 weights give, under autocast, what float32 weights of the same values give there, bit for bit.

    Autocast rounds what enters a linear layer and nothing else: norms, rotary embeddings and the sum of the layers stay
    in float32, if embeddings and norms do. Without this a policy that has not moved seems to have: log π_ref is
    lower than log π_θ on what π_θ samples, the more so the longer a completion is.
    """
    for parameter in model.parameters():
        if parameter.ndim < 2:
            parameter.data = parameter.data.float()
    model.get_input_embeddings().register_forward_hook(lambda module, args, output: output.float())
