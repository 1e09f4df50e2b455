"""The small start model: a Llama pretrained on worked solutions of addition chains, in two styles.

Half of the solutions are written out step by step (``8+5-3+2=`` → ``13-3=10+2=\\boxed{12}``), half are guesses
(``\\boxed{12}``), of which a share is wrong. The model learns both: likelihood and correctness are related but
not the same thing, so there is something to learn and something to sharpen.
"""

from __future__ import annotations

import itertools
import random
import re
import tempfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from beyond_sharpening.models.policy import Policy, save_policy
from beyond_sharpening.problems import Problem, drop_overlap, load_problems

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from beyond_sharpening.parameters import TinyBase

TEXT_TOKENS = [*"0123456789+-=", "\\boxed{", "}"]
CONTEXT = 256


def build_tokenizer() -> PreTrainedTokenizerBase:
    """A fast tokenizer of digits, signs and the box; its chat template is the bare messages."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    vocabulary = {token: index for index, token in enumerate(["<pad>", "<eos>", "<unk>", *TEXT_TOKENS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"\\boxed\{|."), behavior="isolated")
    tokenizer.decoder = decoders.Fuse()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        eos_token="<eos>",
        unk_token="<unk>",
        padding_side="left",
        model_max_length=CONTEXT,
    )
    fast.chat_template = "{% for message in messages %}{{ message['content'] }}{% endfor %}"
    return fast


def build_model(tokenizer: PreTrainedTokenizerBase, options: TinyBase, seed: int) -> PreTrainedModel:
    """A freshly initialised Llama of the asked shape."""
    from transformers import LlamaConfig, LlamaForCausalLM, set_seed

    set_seed(seed)
    shape = options.architecture
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=shape.hidden_size,
            intermediate_size=shape.intermediate_size,
            num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads,
            num_key_value_heads=shape.heads,
            max_position_embeddings=CONTEXT,
            pad_token_id=tokenizer.pad_token_id,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
        )
    )


def worked_solution(question: str) -> str:
    """A chain such as ``8+5-3+2=`` with every partial sum written out."""
    terms = _terms(question)
    running = itertools.accumulate(terms)
    next(running)  # the first term is not a partial sum
    partial_sums = [f"{total}{term:+d}=" for total, term in zip(running, terms[2:], strict=False)]
    return "".join(partial_sums) + f"\\boxed{{{sum(terms)}}}"


def guessed_answer(question: str, error: int) -> str:
    """The answer of a chain at once, off by ``error``."""
    return f"\\boxed{{{sum(_terms(question)) + error}}}"


def style(completion: str) -> str:
    """Which of the two styles a completion is in: step by step if it writes a partial sum, an equals sign."""
    return "step by step" if "=" in completion else "direct"


def _solutions(questions: Sequence[str], options: TinyBase, seed: int) -> list[str]:
    """A solution of each question, in a style drawn at random; a share of the guesses is off by one or two."""
    draws = random.Random(seed)
    solutions = []
    for question in questions:
        error = draws.choice((-2, -1, 1, 2)) if draws.random() < options.guess_error else 0
        step_by_step = draws.random() < options.step_by_step_share
        solutions.append(worked_solution(question) if step_by_step else guessed_answer(question, error))
    return solutions


def _terms(question: str) -> list[int]:
    return [int(term) for term in re.findall(r"[+-]?\d+", question)]


def pretraining_questions(options: TinyBase, seed: int, tested: Iterable[Problem]) -> list[str]:
    """Questions to pretrain on, none of which stands among the problems it will be tested on."""
    problems, _ = load_problems("pretraining", options.source, seed=seed, split="pretrain")
    kept, _ = drop_overlap(problems, tested)
    return [problem.question for problem in kept]


def pretrain(
    questions: Sequence[str],
    options: TinyBase,
    seed: int,
    workspace: Path,
    track: Callable[[dict[str, float], int], None],
) -> tuple[Policy, dict[str, float]]:
    """Pretrain the small start model.

    Args:
        questions: chains such as ``8+5-3=``; the first ``options.heldout_size`` measure the held-out loss.
        options: shape and optimiser.
        seed: of the initialisation, the order and the styles.
        workspace: folder to write the model into.
        track: called with live metrics and the step.

    Returns:
        The policy and its figures: ``heldout_loss`` (nats a completion token), ``train_loss``, ``parameters``.
    """
    from transformers import Trainer, TrainingArguments

    from beyond_sharpening.models.callbacks import LiveMetrics, Progress, quiet

    tokenizer = build_tokenizer()
    model = build_model(tokenizer, options, seed)
    examples = _examples(tokenizer, questions, _solutions(questions, options, seed))
    with tempfile.TemporaryDirectory() as scratch, closing(Progress("pretrain base")) as progress:
        trainer = Trainer(
            model=model,
            args=TrainingArguments(
                output_dir=scratch,
                max_steps=options.steps,
                per_device_train_batch_size=options.batch,
                per_device_eval_batch_size=options.batch,
                learning_rate=options.learning_rate,
                lr_scheduler_type="cosine",
                warmup_steps=options.steps // 20,
                weight_decay=0.01,
                logging_steps=50,
                save_strategy="no",
                report_to="none",
                seed=seed,
                use_cpu=True,
                dataloader_pin_memory=False,
                remove_unused_columns=False,
            ),
            data_collator=_collate,
            train_dataset=examples[options.heldout_size :],
            eval_dataset=examples[: options.heldout_size],
            callbacks=[LiveMetrics(track), progress],
        )
        quiet(trainer)
        outcome = trainer.train()
        heldout = trainer.evaluate()
    figures = {
        "heldout_loss": heldout["eval_loss"],
        "train_loss": outcome.training_loss,
        "parameters": float(model.num_parameters()),
    }
    policy = save_policy(model, tokenizer, workspace)
    (workspace / "questions.txt").write_text("\n".join(questions), encoding="utf-8")  # it is never tested on these
    return policy, figures


def _examples(
    tokenizer: PreTrainedTokenizerBase, questions: Sequence[str], solutions: Sequence[str]
) -> list[tuple[list[int], list[int]]]:
    prompts = tokenizer(list(questions))["input_ids"]
    completions = tokenizer(list(solutions))["input_ids"]
    return [(prompt, [*text, tokenizer.eos_token_id]) for prompt, text in zip(prompts, completions, strict=True)]


def _collate(examples: list[tuple[list[int], list[int]]]) -> dict[str, torch.Tensor]:
    """Pad on the right; the loss counts completion tokens only."""
    import torch

    longest = max(len(prompt) + len(completion) for prompt, completion in examples)
    ids = torch.zeros(len(examples), longest, dtype=torch.long)
    labels = torch.full_like(ids, -100)
    for row, (prompt, completion) in enumerate(examples):
        end = len(prompt) + len(completion)
        ids[row, :end] = torch.tensor(prompt + completion)
        labels[row, len(prompt) : end] = torch.tensor(completion)
    return {"input_ids": ids, "labels": labels}
