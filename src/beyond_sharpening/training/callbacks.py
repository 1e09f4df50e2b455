"""What ends a training: numbers that stop making sense."""

from __future__ import annotations

import math
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from beyond_sharpening.errors import Diverged


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
            raise Diverged(
                f"step {state.global_step}: the gradient norm is {norm}; lower learning_rate or reward_scale, "
                "or check the task reward for values that are not finite"
            )
