"""A training that is told to stop keeps the step it is at: a cluster's "time is up" costs no steps."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from beyond_sharpening import interruption

if TYPE_CHECKING:
    from beyond_sharpening.training.trainer import ObjectiveTrainer


@contextmanager
def saved_when_interrupted(trainer: ObjectiveTrainer) -> Iterator[None]:
    """Within it, a training that a signal ends leaves a state of its last whole step.

    A signal ends rollouts, grading and the gradient at once; it waits for what belongs together: the optimiser's
    step, its validation, its row in the log. A second signal waits for nothing, and saves nothing. Several processes
    are ended at different places, where no state can be written together: they go back to the last one.
    """
    settled = Settled()
    if trainer.accelerator.num_processes == 1:
        trainer.add_callback(settled)
    try:
        yield
    except Exception:  # a library may have wrapped what the signal raised
        told_once = interruption.reason() is not None and not interruption.insisted()
        if told_once and settled.random is not None:
            settled.restore_random()
            trainer.save_state()
        raise
    finally:
        interruption.let_go()


class Settled(TrainerCallback):
    """Knows what belongs together, and the random numbers at the end of the last whole step."""

    def __init__(self) -> None:
        self.random: tuple[Any, ...] | None = None

    def on_pre_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        interruption.hold()

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
        numbers = np.random.get_state()  # noqa: NPY002 - what the trainer saves with a state
        self.random = (random.getstate(), numbers, torch.get_rng_state(), cuda)

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._end_of_step()

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._end_of_step()

    def restore_random(self) -> None:
        """Those that an uninterrupted training would have saved with this step."""
        assert self.random is not None
        python, numpy, cpu, cuda = self.random
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002
        torch.set_rng_state(cpu)
        torch.cuda.set_rng_state_all(cuda)

    def _end_of_step(self) -> None:
        interruption.let_go()
        interruption.check()
