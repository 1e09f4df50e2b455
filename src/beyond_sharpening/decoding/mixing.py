"""Have the chains mixed?"""

from __future__ import annotations

import numpy as np


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
