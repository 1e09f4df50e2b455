"""Where a training diverged, as its history tells."""

from __future__ import annotations

import pandas as pd


def divergences(history: pd.DataFrame) -> list[tuple[int, str]]:
    """The steps at which a training was found to diverge, each with the rules and the numbers that say so.

    Args:
        history: one row a step; a history from before trainings were watched has no column ``divergence``.
    """
    if "divergence" not in history:
        return []
    found = history.dropna(subset=["divergence"])
    return list(zip(found["step"].astype(int), found["divergence"], strict=True))
