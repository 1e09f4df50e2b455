"""How long the parts of a trainer's steps take."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from transformers import TrainerCallback


class Clock:
    """A trainer that keeps how long the parts of its steps take, in seconds."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.spent: dict[str, list[float]] = defaultdict(list)
        super().__init__(*args, **kwargs)
        self.add_callback(_WholeStep(self.spent["step"]))  # type: ignore[attr-defined]

    def _generate_single_turn(self, *args: Any, **kwargs: Any) -> Any:
        with self._timed("generation"):
            return super()._generate_single_turn(*args, **kwargs)  # type: ignore[misc]

    def _generate_and_score_completions(self, *args: Any, **kwargs: Any) -> Any:
        with self._timed("rollouts"):
            return super()._generate_and_score_completions(*args, **kwargs)  # type: ignore[misc]

    @contextmanager
    def _timed(self, part: str) -> Iterator[None]:
        start = now()
        yield
        self.spent[part].append(now() - start)

    def parts(self) -> dict[str, float]:
        """Seconds of generation, scoring (with the reward) and training (with the optimiser) in the last step."""
        generation, rollouts, step = (self.spent[part][-1] for part in ("generation", "rollouts", "step"))
        return {"generation": generation, "scoring": rollouts - generation, "training": step - rollouts}


class _WholeStep(TrainerCallback):
    def __init__(self, spent: list[float]) -> None:
        self.spent = spent

    def on_step_begin(self, *args: Any, **kwargs: Any) -> None:
        self.start = now()

    def on_step_end(self, *args: Any, **kwargs: Any) -> None:
        self.spent.append(now() - self.start)


def now() -> float:
    """Seconds, when all that the GPU was asked for is done."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()
