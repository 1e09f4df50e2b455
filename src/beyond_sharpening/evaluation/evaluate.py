"""From a policy to a samples table: decode, score under policy and base, grade."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from beyond_sharpening.analysis import SAMPLE_COLUMNS
from beyond_sharpening.decoding import Completion, DecodingTask, decode, score
from beyond_sharpening.decoding.seeds import derive_seed
from beyond_sharpening.decoding.text import answer_texts
from beyond_sharpening.evaluation.exam import Arm, Exam
from beyond_sharpening.grading import Grader, Verdict
from beyond_sharpening.models.policy import Policy, eos_token_ids
from beyond_sharpening.parameters import Hardware
from beyond_sharpening.parameters.decoders import Decoder
from beyond_sharpening.problems import Problem, prompt_token_ids

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def evaluate(arm: Arm, policy: Policy, base: Policy, exam: Exam) -> pd.DataFrame:
    """Draw from ``policy`` with every decoder and grade; one row a completion, the samples contract.

    Log-probabilities are sums in nats at temperature 1, EOS included, whatever decoder drew. Beside the contract's
    columns stand ``score``, in [0, 1], and ``diagnostics``: how the decoder fared at this completion, a JSON object.
    The processes of the hardware share the problems; completions are the same however many there are.
    """
    count = min(exam.hardware.processes, len(exam.problems))
    if count == 1:
        return _evaluate_here(arm, policy, base, exam)
    from pebble import ProcessPool

    pool = ProcessPool(count, context=multiprocessing.get_context("spawn"))
    try:
        parts = [(place, arm, policy, base, _part(exam, place, count)) for place in range(count)]
        futures = [pool.schedule(_evaluate_part, args=part) for part in parts]
        samples = pd.concat([future.result() for future in futures], ignore_index=True)
    finally:
        pool.stop()  # also where this process has been told to stop
        pool.join()
    return _in_order(samples, exam)


def _part(exam: Exam, place: int, count: int) -> Exam:
    """One process's share of the problems: those at ``place``, ``place + count``, and so on."""
    alone = exam.hardware.model_copy(update={"processes": 1})
    return replace(exam, problems=exam.problems[place::count], hardware=alone)


def _evaluate_part(place: int, arm: Arm, policy: Policy, base: Policy, exam: Exam) -> pd.DataFrame:
    """In a process of its own, on a GPU of its own; the first shows its progress."""
    if exam.hardware.device == "cuda":
        import torch

        torch.cuda.set_device(place)
    return _evaluate_here(arm, policy, base, exam, shows_progress=place == 0)


def _in_order(samples: pd.DataFrame, exam: Exam) -> pd.DataFrame:
    """The rows as one process would have left them: by decoder, problem and sample."""
    decoders = {name: place for place, name in enumerate(exam.decoders)}
    problems = {(problem.source, problem.id): place for place, problem in enumerate(exam.problems)}
    keys = pd.DataFrame(
        {
            "decoder": samples["decoder"].map(decoders),
            "problem": [problems[key] for key in zip(samples["benchmark"], samples["problem_id"], strict=True)],
            "sample": samples["sample_id"],
        }
    )
    return samples.loc[keys.sort_values(["decoder", "problem", "sample"]).index].reset_index(drop=True)


def _evaluate_here(arm: Arm, policy: Policy, base: Policy, exam: Exam, shows_progress: bool = True) -> pd.DataFrame:
    tokenizer = policy.tokenizer()
    placed = (exam.hardware.device, exam.hardware.dtype, exam.hardware.attention)
    model = policy.model(*placed)
    base_model = model if policy == base else base.model(*placed)
    grader = Grader(exam.task.grader, exam.hardware.grading_workers)
    task = replace(_decoding_task(model, tokenizer, grader, arm, exam), shows_progress=shows_progress)
    tables = []
    for name, decoder in _decoders(arm, exam).items():
        drawn = decode(task, name, decoder)
        owners = [row for row, group in enumerate(drawn) for _ in group]
        completions = [completion for group in drawn for completion in group]
        problems = [exam.problems[row] for row in owners]
        texts = answer_texts(tokenizer, completions, task.eos_ids)
        verdicts = grader(texts, [problem.gold for problem in problems])
        table = _table(problems, completions, texts, verdicts)
        table["sample_id"] = [index for group in drawn for index, _ in enumerate(group)]
        prompts = [task.prompts[row] for row in owners]
        table["forward_tokens"] += [
            _rest_of_prompt(task.prompts[row], group) for row, group in enumerate(drawn) for _ in group
        ]
        table["logp_base"] = _logp_base(model, base_model, prompts, completions, exam.hardware)
        table["decoder"], table["decoder_parameters"] = name, decoder.model_dump_json()
        tables.append(table)
    samples = pd.concat(tables, ignore_index=True).assign(**vars(arm), sample_seed=exam.sample_seed)
    return samples[[*dict.fromkeys([*SAMPLE_COLUMNS, "score", "diagnostics"])]]


def _decoders(arm: Arm, exam: Exam) -> dict[str, Decoder]:
    """Those that this arm is decoded with: the second sample of the base needs the reference decoder alone."""
    return {
        name: decoder
        for name, decoder in exam.decoders.items()
        if (arm.policy == "base" or not decoder.base_only) and (arm.replicate == 0 or name == "temperature")
    }


def _decoding_task(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, grader: Grader, arm: Arm, exam: Exam
) -> DecodingTask:
    eos_ids = eos_token_ids(model, tokenizer)
    questions = [problem.question for problem in exam.problems]

    def judge(owners: Sequence[int], completions: Sequence[Completion]) -> Sequence[Verdict]:
        return grader(answer_texts(tokenizer, completions, eos_ids), [exam.problems[row].gold for row in owners])

    return DecodingTask(
        model,
        prompt_token_ids(tokenizer, questions, exam.task.prompt, exam.task.system_prompt),
        eos_ids,
        exam.task.evaluated_tokens,
        # The same seeds for every policy: a policy that did not change answers the same.
        [derive_seed(exam.sample_seed, arm.replicate, problem.id) for problem in exam.problems],
        seed=derive_seed(exam.sample_seed, arm.replicate),
        min_new_tokens=exam.min_completion_tokens,
        batch_size=exam.hardware.generation_batch,
        judge=judge,
        label=f"{arm.policy} {arm.checkpoint}",
    )


def _rest_of_prompt(prompt: Sequence[int], group: Sequence[Completion]) -> float:
    """Tokens of the prompt that an answer asked for alone reads beyond its share: a prompt's answers read it once."""
    return len(prompt) * (1 - 1 / len(group))


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
            "score": [verdict.score for verdict in verdicts],
            "n_tokens": [len(completion.tokens) for completion in completions],
            "truncated": [completion.truncated for completion in completions],
            "logp_policy": [completion.logp for completion in completions],
            "token_entropy": [completion.entropy for completion in completions],
            "forward_tokens": [completion.forward_tokens for completion in completions],
            "diagnostics": [json.dumps(dict(completion.diagnostics)) for completion in completions],
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
