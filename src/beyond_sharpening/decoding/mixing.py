"""Have the chains mixed?"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

    from beyond_sharpening.decoding.sampling import Completion


def with_rhat(groups: list[list[Completion]], traces: torch.Tensor) -> list[list[Completion]]:
    """The chains' last states, by prompt, with the split-R̂ of their prompt's chains as diagnostic ``rhat``.

    Args:
        groups: the last states of C chains of each prompt.
        traces: log π of every state of every chain, (prompts × C, steps); too short ones have no R̂.
    """
    chains = traces.numpy(force=True).reshape(len(groups), -1, traces.shape[1])
    told = [{} if math.isnan(rhat) else {"rhat": rhat} for rhat in split_rhat(chains).tolist()]
    return [
        [replace(state, diagnostics={**state.diagnostics, **its}) for state in group]
        for group, its in zip(groups, told, strict=True)
    ]


def split_rhat(traces: np.ndarray) -> np.ndarray:
    """Rank-normalised split-R̂ (Vehtari et al., arXiv 1903.08008) of scalar traces (..., chains, draws).

    About 1 where the chains agree with one another and with themselves over time; NaN below four draws. Traces that
    never move agree (1) if all chains stand at one value, and have not mixed at all (infinite) otherwise.
    """
    from arviz_stats.base import array_stats

    if traces.shape[-1] < 4:
        return np.full(traces.shape[:-2], np.nan)
    still = np.ptp(traces, axis=-1).max(-1) == 0
    alike = np.ptp(traces, axis=(-2, -1)) == 0
    with np.errstate(divide="ignore", invalid="ignore"):
        rhat = array_stats.rhat(traces, chain_axis=-2, draw_axis=-1)
    return np.where(alike, 1.0, np.where(still, np.inf, rhat))
