"""From a policy to a samples table: decode, score under policy and base, grade."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd
from tqdm.auto import tqdm

from beyond_sharpening.analysis import SAMPLE_COLUMNS
from beyond_sharpening.decoding import Completion, SamplingOptions, sample, score
from beyond_sharpening.decoding.text import answer_texts
from beyond_sharpening.grading import Verdict
from beyond_sharpening.parameters import Decoder, Hardware, Task
from beyond_sharpening.policy import Policy, eos_token_ids
from beyond_sharpening.problems import Problem, prompt_token_ids
from beyond_sharpening.seeds import derive_seed

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Grader = Callable[[Sequence[str], Sequence[str]], Sequence[Verdict]]


def load_grader(name: str, workers: int) -> Grader:
    """The grader called ``module:function``, which has the signature of ``grading.grade``.

    Raises:
        ValueError: if there is no such module or function.
    """
    module, function = name.split(":")
    try:
        grade = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"grader = {name!r} cannot be imported ({error}); expected module:function") from error
    return lambda completions, golds: grade(completions, golds, workers=workers)


@dataclass(frozen=True)
class Arm:
    """Whose completions they are: the columns that name a policy in the samples table."""

    model: str
    policy: str
    variant: str
    checkpoint: str
    train_seed: int
    replicate: int = 0


@dataclass(frozen=True)
class Exam:
    """What every policy is asked, and how its completions are made and graded."""

    problems: Sequence[Problem]
    task: Task
    decoders: dict[str, Decoder]
    sample_seed: int
    hardware: Hardware


def evaluate(arm: Arm, policy: Policy, base: Policy, exam: Exam) -> pd.DataFrame:
    """Draw from ``policy`` with every decoder and grade; one row a completion, the samples contract.

    Log-probabilities are sums in nats at temperature 1, EOS included, whatever decoder drew.
    """
    tokenizer = policy.tokenizer()
    model = policy.model(exam.hardware.device, exam.hardware.dtype)
    base_model = model if policy == base else base.model(exam.hardware.device, exam.hardware.dtype)
    grader = load_grader(exam.task.grader, exam.hardware.grading_workers)
    prompts = prompt_token_ids(tokenizer, [problem.question for problem in exam.problems], exam.task.prompt)
    eos_ids = eos_token_ids(model, tokenizer)
    tables = []
    for name, decoder in exam.decoders.items():
        drawn = _draw(model, prompts, eos_ids, arm, name, decoder, exam)
        owners = [row for row, group in enumerate(drawn) for _ in group]
        completions = [completion for group in drawn for completion in group]
        problems = [exam.problems[row] for row in owners]
        texts = answer_texts(tokenizer, completions, eos_ids)
        verdicts = grader(texts, [problem.gold for problem in problems])
        table = _table(problems, completions, texts, verdicts)
        table["sample_id"] = [index for group in drawn for index, _ in enumerate(group)]
        table["logp_base"] = _logp_base(model, base_model, [prompts[row] for row in owners], completions, exam.hardware)
        table["decoder"], table["decoder_parameters"] = name, json.dumps(decoder.model_dump())
        tables.append(table)
    samples = pd.concat(tables, ignore_index=True).assign(**vars(arm), sample_seed=exam.sample_seed)
    return samples[list(SAMPLE_COLUMNS)]


def _draw(
    model: PreTrainedModel,
    prompts: Sequence[list[int]],
    eos_ids: Sequence[int],
    arm: Arm,
    name: str,
    decoder: Decoder,
    exam: Exam,
) -> list[list[Completion]]:
    temperature = 0.0 if decoder.type == "greedy" else decoder.temperature
    options = SamplingOptions(exam.task.max_completion_tokens, eos_ids, temperature)
    # The same seeds for every policy: a policy that did not change answers the same.
    seeds = [derive_seed(exam.sample_seed, arm.replicate, name, problem.id) for problem in exam.problems]
    chunk = max(1, exam.hardware.generation_batch // decoder.samples)
    drawn: list[list[Completion]] = []
    label = f"{arm.policy} {arm.checkpoint} {name}"
    for start in tqdm(range(0, len(prompts), chunk), desc=label, unit="batch"):
        part = slice(start, start + chunk)
        drawn += sample(model, prompts[part], options, decoder.samples, seeds[part])
    return drawn


def _table(
    problems: Sequence[Problem], completions: Sequence[Completion], texts: Sequence[str], verdicts: Sequence[Verdict]
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "benchmark": [problem.source for problem in problems],
            "problem_id": [problem.id for problem in problems],
            "difficulty": [problem.difficulty for problem in problems],
            "completion": texts,
            "answer": [verdict.answer for verdict in verdicts],
            "gold": [problem.gold for problem in problems],
            "outcome": [verdict.outcome for verdict in verdicts],
            "correct": [verdict.correct for verdict in verdicts],
            "n_tokens": [len(completion.tokens) for completion in completions],
            "truncated": [completion.truncated for completion in completions],
            "logp_policy": [completion.logp for completion in completions],
            "token_entropy": [completion.entropy for completion in completions],
            "forward_tokens": [completion.forward_tokens for completion in completions],
        }
    )


def _logp_base(
    model: PreTrainedModel,
    base_model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    completions: Sequence[Completion],
    hardware: Hardware,
) -> list[float]:
    if base_model is model:
        return [completion.logp for completion in completions]
    tokens = [completion.tokens for completion in completions]
    return score(base_model, prompts, tokens, hardware.generation_batch).tolist()
