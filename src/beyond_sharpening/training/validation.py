"""Validation while training: accuracy on held-out training problems, and the best policy so far."""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from accelerate.utils import gather_object
from transformers import PreTrainedTokenizerBase, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from beyond_sharpening.decoding.text import answer_texts
from beyond_sharpening.problems import columns_for
from beyond_sharpening.problems.prompts import prompt_token_ids
from beyond_sharpening.training.signals import truth

if TYPE_CHECKING:
    from beyond_sharpening.parameters import Training
    from beyond_sharpening.training.job import TrainingTask
    from beyond_sharpening.training.trainer import ObjectiveTrainer

logger = logging.getLogger(__name__)


class Validation(TrainerCallback):
    """At the start, every ``validate_every`` steps and at the end, the same draws each time; without benchmarks."""

    def __init__(
        self,
        trainer: ObjectiveTrainer,
        tokenizer: PreTrainedTokenizerBase,
        task: TrainingTask,
        options: Training,
        best: Path,
    ) -> None:
        self.trainer, self.tokenizer, self.task, self.options, self.best = trainer, tokenizer, task, options, best
        questions = [problem.question for problem in task.validation]
        self.prompts = prompt_token_ids(tokenizer, questions, task.prompt, task.system_prompt)

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Say where the training starts from; the best policy is one that was trained."""
        if state.global_step == 0:
            self.trainer.log({"validation_accuracy": self.accuracy()})

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if state.global_step % self.options.validate_every and state.global_step != state.max_steps:
            return
        accuracy = self.accuracy()
        # The step's own log line, written right after this, takes the number along.
        self.trainer._metrics["train"]["validation_accuracy"].append(accuracy)
        earlier = [
            row["validation_accuracy"] for row in state.log_history if row["step"] and "validation_accuracy" in row
        ]
        best = max((value for value in earlier if not math.isnan(value)), default=-1.0)
        if accuracy > best:
            self.trainer.save_policy(self.tokenizer, self.best)
        elif best < 0 and state.global_step == state.max_steps:
            logger.warning("no completion of a validation problem could be scored: the best policy is the last one")
            self.trainer.save_policy(self.tokenizer, self.best)

    def accuracy(self) -> float:
        """Share of the held-out problems' completions that are right, of those that can be scored; NaN without any."""
        count, accelerator = len(self.prompts), self.trainer.accelerator
        # Processes share the problems in equal parts, as engines expect; the last part takes some a second time.
        size = -(-count // accelerator.num_processes)
        first = size * accelerator.process_index
        places = [place % count for place in range(first, first + size)]
        samples = self.options.validation_samples
        drawn = self.trainer.rollouts([self.prompts[place] for place in places], samples, "validation", first=first)
        completions = [completion for group in drawn for completion in group]
        texts = answer_texts(self.tokenizer, completions, self.trainer.eos_token_ids)
        problems = [self.task.validation[place] for place in places for _ in range(samples)]
        golds, columns = [problem.gold for problem in problems], columns_for(self.task.grade, problems)
        scores = gather_object(truth(self.task.grade(texts, golds, *columns)).tolist())[: count * samples]
        return torch.tensor(scores, dtype=torch.float64).nanmean().item()
