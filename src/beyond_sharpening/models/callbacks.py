"""What watches any training of transformers: live metrics, and one progress bar."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tqdm.auto import tqdm
from transformers import (
    PrinterCallback,
    ProgressCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

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


class Progress(TrainerCallback):
    """One progress bar with the numbers worth watching, in place of a line a step; it goes when it is done."""

    SHOWN = ("loss", "reward", "task_accuracy", "validation_accuracy", "kl")

    def __init__(self, label: str) -> None:
        self.label = label
        self.latest: dict[str, str] = {}

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        done = state.global_step
        self.bar = tqdm(
            total=state.max_steps, initial=done, desc=self.label, unit="step", leave=False, disable=None
        )  # None: shown on a terminal only

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        self.bar.update(state.global_step - self.bar.n)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        # A mean over nothing, such as the accuracy of a step in which no answer could be scored, is None.
        known = {name: value for name, value in (logs or {}).items() if value is not None}
        self.latest |= {name: f"{known[name]:.3f}" for name in self.SHOWN if name in known}
        self.bar.set_postfix(self.latest, refresh=False)

    def close(self) -> None:
        """Take the bar away: what is told next, such as an error, comes in its place."""
        if hasattr(self, "bar"):
            self.bar.close()


def quiet(trainer: Trainer) -> None:
    """Leave the terminal to our own progress bar."""
    trainer.remove_callback(PrinterCallback)
    trainer.remove_callback(ProgressCallback)
