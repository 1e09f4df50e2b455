"""A contest: the same piece of work done by ours and by a peer, in turns."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import TypedDict


class Measurement(TypedDict):
    """Ours against a peer's: ``ratio`` above 1 means that ours is faster."""

    stage: str
    ours: float
    peer: float
    unit: str
    ratio: float
    conditions: str


@dataclass(frozen=True)
class Contest:
    """One piece of work done twice; each side returns how many units it did."""

    stage: str
    unit: str
    conditions: str
    ours: Callable[[], int]
    peer: Callable[[], int]

    def measure(self, repeats: int) -> Measurement:
        """Medians over interleaved repeats, in units a second; the first round warms up and does not count."""
        rates: dict[str, list[float]] = {"ours": [], "peer": []}
        for _ in range(repeats + 1):
            for side, work in (("ours", self.ours), ("peer", self.peer)):
                start = time.perf_counter()
                done = work()
                rates[side].append(done / (time.perf_counter() - start))
        ours, peer = (median(rates[side][1:]) for side in ("ours", "peer"))
        return Measurement(
            stage=self.stage, ours=ours, peer=peer, unit=self.unit, ratio=ours / peer, conditions=self.conditions
        )
