"""What watches a training: live metrics, and a stop where the numbers stop making sense."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

Track = Callable[[dict[str, float], int], None]


class LiveMetrics(TrainerCallback):
    """Hands every logged number to ``track(metrics, step)`` as it comes."""

    def __init__(self, track: Track) -> None:
        self.track = track

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        numbers = {name: float(value) for name, value in (logs or {}).items() if isinstance(value, int | float)}
        self.track(numbers, state.global_step)


class StopOnNonFinite(TrainerCallback):
    """Ends the training at the first step whose gradient is not a number: it could only get worse."""

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        norm = (logs or {}).get("grad_norm")
        if norm is not None and not math.isfinite(norm):
            raise FloatingPointError(
                f"step {state.global_step}: the gradient norm is {norm}; lower learning_rate or reward_scale, "
                "or check the task reward for values that are not finite"
            )
