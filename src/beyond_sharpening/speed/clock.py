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
        self.tokens: list[int] = []
        super().__init__(*args, **kwargs)
        self.add_callback(_WholeStep(self.spent["step"]))  # type: ignore[attr-defined]

    def _generate_single_turn(self, *args: Any, **kwargs: Any) -> Any:
        with self._timed("generation"):
            completions = super()._generate_single_turn(*args, **kwargs)  # type: ignore[misc]
        self.tokens.append(sum(map(len, completions)))
        return completions

    def _generate_and_score_completions(self, *args: Any, **kwargs: Any) -> Any:
        with self._timed("rollouts"):
            return super()._generate_and_score_completions(*args, **kwargs)  # type: ignore[misc]

    @contextmanager
    def _timed(self, part: str) -> Iterator[None]:
        start = now()
        yield
        self.spent[part].append(now() - start)

    def rates(self) -> dict[str, float]:
        """Tokens drawn a second, over all steps but the first: of a whole step, of generation, of scoring (with the
        reward), and of training (with the optimiser)."""
        generation, rollouts, step = (sum(self.spent[part][1:]) for part in ("generation", "rollouts", "step"))
        seconds = {"generation": generation, "scoring": rollouts - generation, "training": step - rollouts}
        return {part: sum(self.tokens[1:]) / spent for part, spent in {"whole": step, **seconds}.items()}


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
