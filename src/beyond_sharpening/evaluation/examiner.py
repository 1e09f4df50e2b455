"""Makes the parts of an evaluation: decodes, scores under policy and base, grades."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import pandas as pd

from beyond_sharpening.decoding import Completion, DecodingTask, decode, score
from beyond_sharpening.decoding.engines import PAGED_SHARE, Engine, Paged, Sampler, Vllm, served
from beyond_sharpening.decoding.text import answer_texts
from beyond_sharpening.evaluation.exam import Arm, Exam
from beyond_sharpening.evaluation.parts import Part, is_served
from beyond_sharpening.grading import Grader, Verdict
from beyond_sharpening.models.policy import Policy, eos_token_ids
from beyond_sharpening.problems import Problem, columns_for, prompt_token_ids

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


class Examiner:
    """One policy's examiner in one process; models are loaded when a part first needs them.

    Args:
        arm: whose policy it is.
        policy: what is examined.
        base: the start model, which scores every completion too.
        exam: what is asked.
        shows_progress: whether there are bars.
    """

    def __init__(self, arm: Arm, policy: Policy, base: Policy, exam: Exam, *, shows_progress: bool = True) -> None:
        self.arm, self.policy, self.base, self.exam = arm, policy, base, exam
        self.shows_progress = shows_progress
        self._task: tuple[Sequence[Problem], bool, DecodingTask] | None = None

    def make(self, part: Part) -> pd.DataFrame:
        """The rows of a part."""
        return self._draw(part) if part.decoder is not None else self._score(part)

    @cached_property
    def model(self) -> PreTrainedModel:
        """The policy's weights, on the device."""
        return self._load(self.policy)

    @cached_property
    def base_model(self) -> PreTrainedModel:
        """Those of the base; the same where that is what is examined."""
        return self.model if self.policy == self.base else self._load(self.base)

    def _load(self, policy: Policy) -> PreTrainedModel:
        return policy.model(self.exam.hardware.device, self.exam.hardware.dtype, self.exam.hardware.attention)

    @cached_property
    def _sampler(self) -> Sampler:
        """Another engine than the loop, on weights of its own, held to those of ``model``."""
        label = f"{self.arm.policy} {self.arm.checkpoint}"
        return served(self._engine(), self.model, self.exam.hardware.generation_batch, label)

    def _engine(self) -> Engine:
        hardware = self.exam.hardware
        if hardware.evaluation_engine == "paged":
            sharing = hardware.processes if hardware.device == "cpu" else 1
            asked = {"max_memory_percent": PAGED_SHARE / sharing} | hardware.evaluation_engine_options
            return Paged(self._load(self.policy), asked)
        _ = self.model, self.base_model  # before vLLM looks how much memory is left
        longest = max(map(len, self._prompts(self.exam.problems))) + self.exam.task.evaluated_tokens
        # After a piece of a prompt vLLM winds a request's random numbers back, which those of a processor cannot do.
        whole = {"enable_chunked_prefill": False} if hardware.device == "cpu" else {}
        options = whole | hardware.evaluation_engine_options
        return Vllm(self.policy.path, hardware.dtype, longest, options, shows_progress=self.shows_progress)

    @cached_property
    def _tokenizer(self) -> PreTrainedTokenizerBase:
        return self.policy.tokenizer()

    @cached_property
    def _grader(self) -> Grader:
        return Grader(self.exam.task.grader, self.exam.hardware.grading_workers)

    def _verdicts(self, texts: Sequence[str], problems: Sequence[Problem]) -> Sequence[Verdict]:
        golds = [problem.gold for problem in problems]
        return self._grader(texts, golds, *columns_for(self._grader, problems))

    def _draw(self, part: Part) -> pd.DataFrame:
        assert part.name is not None
        assert part.decoder is not None
        task = self._decoding_task(part.problems, is_served(part.decoder, self.exam))
        drawn = decode(task, part.name, part.decoder)
        owners = [row for row, group in enumerate(drawn) for _ in group]
        completions = [completion for group in drawn for completion in group]
        problems = [part.problems[row] for row in owners]
        texts = answer_texts(self._tokenizer, completions, task.eos_ids)
        table = _table(problems, completions, texts, self._verdicts(texts, problems))
        table["sample_id"] = [index for group in drawn for index, _ in enumerate(group)]
        table["forward_tokens"] += [
            _rest_of_prompt(task.prompts[row], group) for row, group in enumerate(drawn) for _ in group
        ]
        table["logp_base"] = self._logp_base([task.prompts[row] for row in owners], completions)
        table["decoder"], table["decoder_parameters"] = part.name, part.decoder.model_dump_json()
        return table.assign(**vars(self.arm), sample_seed=self.exam.sample_seed)

    def _logp_base(self, prompts: Sequence[Sequence[int]], completions: Sequence[Completion]) -> list[float]:
        if self.base_model is self.model:
            return [completion.logp for completion in completions]
        tokens = [completion.tokens for completion in completions]
        return score(self.base_model, prompts, tokens, self.exam.hardware.generation_batch).tolist()

    def _score(self, part: Part) -> pd.DataFrame:
        assert part.scored is not None
        rows = part.scored
        prompts = dict(zip([problem.id for problem in part.problems], self._prompts(part.problems), strict=True))
        asked = [prompts[problem_id] for problem_id in rows["problem_id"]]
        tokens = [list(map(int, drawn)) for drawn in rows["tokens"]]
        logp = score(self.model, asked, tokens, self.exam.hardware.generation_batch).tolist()
        named = {key: value for key, value in vars(self.arm).items() if key != "replicate"}
        return rows.drop(columns="tokens").assign(**named, logp_policy=logp)

    def _prompts(self, problems: Sequence[Problem]) -> list[list[int]]:
        questions = [problem.question for problem in problems]
        return prompt_token_ids(self._tokenizer, questions, self.exam.task.prompt, self.exam.task.system_prompt)

    def _decoding_task(self, problems: Sequence[Problem], is_served: bool) -> DecodingTask:
        """The task of some problems, kept while parts of the same problems follow: it holds draws that they share."""
        if self._task is None or self._task[0] is not problems or self._task[1] != is_served:
            eos_ids = eos_token_ids(self.model, self._tokenizer)

            def judge(owners: Sequence[int], completions: Sequence[Completion]) -> Sequence[Verdict]:
                texts = answer_texts(self._tokenizer, completions, eos_ids)
                return self._verdicts(texts, [problems[row] for row in owners])

            task = DecodingTask(
                self.model,
                self._prompts(problems),
                eos_ids,
                self.exam.task.evaluated_tokens,
                [self.arm.seed(self.exam.sample_seed, problem.id) for problem in problems],
                seed=self.arm.seed(self.exam.sample_seed),
                min_new_tokens=self.exam.min_completion_tokens,
                batch_size=self.exam.hardware.generation_batch,
                judge=judge,
                label=f"{self.arm.policy} {self.arm.checkpoint}",
                shows_progress=self.shows_progress,
                sampler=self._sampler if is_served else None,
            )
            self._task = (problems, is_served, task)
        return self._task[2]


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
            "answer": pd.array([verdict.answer for verdict in verdicts], dtype="str"),  # also where none is
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
            "tokens": [list(completion.tokens) for completion in completions],
        }
    )
