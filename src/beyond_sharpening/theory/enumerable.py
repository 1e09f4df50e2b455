"""Tasks small enough to list every completion of, for the trainer that trains real models.

Only the policy is small: sampler, reward, TRL's machinery and the optimiser's loop are those of every
training, so what is shown here about their gradient and where it leads holds for them.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from datasets import Dataset
from transformers import PreTrainedModel
from trl import RLOOConfig

from beyond_sharpening.exact.completions import Completions, enumerate_completions
from beyond_sharpening.exact.policy import log_probabilities
from beyond_sharpening.grading import Verdict
from beyond_sharpening.models.callbacks import quiet
from beyond_sharpening.parameters import EngineName
from beyond_sharpening.parameters.signals import GOLD
from beyond_sharpening.problems.prompts import prompt_token_ids, render_messages
from beyond_sharpening.training.arguments import ESTIMATOR
from beyond_sharpening.training.loss import Level
from beyond_sharpening.training.trainer import ObjectiveTrainer

if TYPE_CHECKING:
    from peft import LoraConfig
    from transformers import PreTrainedTokenizerBase

    from beyond_sharpening.objectives import Objective
    from beyond_sharpening.parameters.signals import SignalBlock

TOKENS = ("<eos>", "<end>", "0", "1")
EOS_IDS = (0, 1)
ONE = TOKENS.index("1")
QUESTIONS = ("0", "10", "110")  # of different lengths, so that batches are padded
PROMPT = "{question}"

ON_THE_SPOT: dict[str, Any] = {
    **ESTIMATOR,
    "warmup_steps": 0,
    "save_strategy": "no",
    "logging_strategy": "no",
    "report_to": "none",
    "disable_tqdm": True,
    "use_cpu": True,
    "bf16": False,
    "gradient_checkpointing": False,
    "dataloader_pin_memory": False,
}
"""A training that keeps and logs nothing."""


@dataclass(frozen=True, eq=False)
class EnumerableTask:
    """X questions with Y completions each; a completion is correct when its parity is the question's.

    Attributes:
        start: the start model, which is the reference too.
        tokenizer: its tokenizer.
        prompts: token ids of each question.
        completions: the space.
        log_p: log π_ref, (X, Y).
        correct: R, (X, Y) bool.
    """

    start: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    prompts: list[list[int]]
    completions: Completions
    log_p: torch.Tensor
    correct: torch.Tensor

    def log_probabilities(self, model: PreTrainedModel) -> torch.Tensor:
        """log π of every completion under a policy, (X, Y)."""
        return log_probabilities(model, self.prompts, self.completions)


def enumerable_task(seed: int = 0, max_length: int = 3, fixed_length: bool = False) -> EnumerableTask:
    """The task with a random start model; with a fixed length no token ends a completion."""
    tokenizer = _tokenizer()
    start = random_llama(tokenizer, seed)
    prompts = prompt_token_ids(tokenizer, QUESTIONS, PROMPT)
    completions = enumerate_completions(len(TOKENS), () if fixed_length else EOS_IDS, max_length)
    asked = torch.tensor([parity(question) for question in QUESTIONS])
    before_eos = torch.isin(completions.tokens, torch.tensor(EOS_IDS)).cumsum(dim=1) == 0
    answered = ((completions.tokens == ONE) & before_eos).sum(dim=1) % 2
    log_p = log_probabilities(start, prompts, completions)
    return EnumerableTask(start, tokenizer, prompts, completions, log_p, answered == asked[:, None])


def build_trainer(
    task: EnumerableTask,
    objective: Objective,
    start: PreTrainedModel,
    folder: Path,
    *,
    groups: int,
    group_size: int,
    learning_rate: float,
    trainer: type[ObjectiveTrainer] = ObjectiveTrainer,
    fixed_length: bool = False,
    loss: Level = "sequences",
    engine: EngineName = "transformers",
    peft_config: LoraConfig | None = None,
    signal: SignalBlock = GOLD,
    **arguments: Any,
) -> ObjectiveTrainer:
    """The trainer of an objective on the task, from a copy of ``start``.

    Args:
        task: questions and reference.
        objective: what to climb.
        start: where to start from.
        folder: TRL's output folder.
        groups: groups of completions a question and step.
        group_size: completions a group.
        learning_rate: of gradient descent with momentum 0.9. Not Adam: near an optimum its normalised steps
            stay as large as the rate, however small the gradient is.
        trainer: the class.
        fixed_length: generate through EOS.
        loss: what is averaged.
        engine: what draws the rollouts.
        peft_config: an adapter to train in place of the weights.
        signal: what is told in the place of R.
        **arguments: further ones of ``RLOOConfig``, ``max_steps`` among them.
    """
    asked = {
        "output_dir": str(folder),
        "num_generations": group_size,
        "per_device_train_batch_size": len(QUESTIONS) * groups * group_size,
        "max_completion_length": task.completions.max_length,
        "learning_rate": learning_rate,
    }
    rows = [{"prompt": render_messages(question, PROMPT), "gold": str(parity(question))} for question in QUESTIONS]
    built = trainer(
        model=copy.deepcopy(start),
        reference=copy.deepcopy(task.start) if peft_config is None else None,
        objective=objective,
        grade=same_parity,
        signal=signal,
        args=RLOOConfig(**(ON_THE_SPOT | asked | arguments)),
        fixed_length=fixed_length,
        loss=loss,
        generation_batch=4096,
        engine=engine,
        peft_config=peft_config,
        processing_class=task.tokenizer,
        train_dataset=Dataset.from_list(rows * groups),
    )
    built.optimizer_cls_and_kwargs = (torch.optim.SGD, {"lr": learning_rate, "momentum": 0.9})
    quiet(built)
    return built


def parity(text: str) -> int:
    """The number of ones in a text of zeros and ones, modulo 2."""
    return text.count("1") % 2


def same_parity(texts: Sequence[str], golds: Sequence[str]) -> list[Verdict]:
    """The grader: a completion answers its parity."""
    answers = [str(parity(text)) for text in texts]
    return [
        Verdict("correct" if answer == gold else "wrong", answer) for answer, gold in zip(answers, golds, strict=True)
    ]


def _tokenizer() -> PreTrainedTokenizerBase:
    """Two tokens that end a completion, and two digits; the chat template is the bare question."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    vocabulary = {token: index for index, token in enumerate(TOKENS)}
    words = Tokenizer(models.WordLevel(vocabulary, unk_token=TOKENS[1]))
    words.pre_tokenizer = pre_tokenizers.Split(Regex("."), behavior="isolated")
    words.decoder = decoders.Fuse()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words, eos_token=TOKENS[0], pad_token=TOKENS[0], unk_token=TOKENS[1], padding_side="left"
    )
    tokenizer.chat_template = "{{ messages[0]['content'] }}"
    return tokenizer


def random_llama(tokenizer: PreTrainedTokenizerBase, seed: int, spread: float = 0.3) -> PreTrainedModel:
    """A Llama of some four thousand random weights; a larger spread makes it more decided."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=32,
        initializer_range=spread,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
        eos_token_id=list(EOS_IDS),
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return LlamaForCausalLM(config).eval()
