"""Does the engine that samples hold the policy that is trained?"""

from __future__ import annotations

import torch

from beyond_sharpening.decoding.engines import LARGEST_GAP
from beyond_sharpening.errors import EngineMismatch

CERTAINTY = 5.0
"""Standard errors of the slope below which staleness is not claimed."""


def check_engine(
    engine: torch.Tensor, policy: torch.Tensor, reference: torch.Tensor, n_tokens: torch.Tensor
) -> dict[str, float]:
    """Compare the log-probabilities of rollouts under the engine that drew them and under the trainer.

    An engine whose weights did not follow the training still gives log π_ref, or that of some step between: the
    slope of log π_engine − log π_ref on log π_θ − log π_ref is 1 for a fresh engine and falls towards 0 for a stale
    one, however small the differences are beside the rounding.

    Args:
        engine: log-probabilities under the engine, (N,), in nats.
        policy: under the trainer's policy, (N,).
        reference: under π_ref, (N,).
        n_tokens: lengths, (N,).

    Returns:
        ``engine_gap``: the mean absolute difference a token, in nats; and ``engine_slope``, NaN while policy and
        reference are the same.

    Raises:
        EngineMismatch: if the gap is beyond rounding, or the slope is below a half with certainty.
    """
    gap = ((engine - policy).abs().sum() / n_tokens.sum()).item()
    if not gap <= LARGEST_GAP:
        raise EngineMismatch(
            f"the engine's log-probabilities differ from the trainer's by {gap:.3g} nats a token (rounding allows "
            f"{LARGEST_GAP}): it serves other weights, another precision or another temperature; "
            "choose hardware.engine = transformers"
        )
    moved, followed = (policy - reference).double(), (engine - reference).double()
    square = moved.square().sum()
    slope = (moved * followed).sum() / square
    error = ((followed - slope * moved).square().sum() / max(len(moved) - 1, 1) / square).sqrt()
    if slope + CERTAINTY * error < 0.5:
        raise EngineMismatch(
            f"the engine is stale: the policy has moved from the start model, and its log-probabilities have followed "
            f"by a share of {slope.item():.2g} ± {error.item():.2g} only; weights do not reach it"
        )
    return {"engine_gap": gap, "engine_slope": slope.item()}
