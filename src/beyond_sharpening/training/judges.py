"""Judges of completions that know no gold answer: a function of the user's, a reward model, a model that is asked.

Source: Ouyang et al. (2022), *Training language models to follow instructions with human feedback* (arXiv 2203.02155),
for reward models; Zhang et al. (2024), *Generative verifiers* (arXiv 2408.15240), for the probability of *yes*.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import torch

from beyond_sharpening.decoding.inputs import left_pad
from beyond_sharpening.errors import BadInput
from beyond_sharpening.parameters.signals import Judge, ModelBlock, RewardModel, SignalBlock, YesNo
from beyond_sharpening.problems import Problem
from beyond_sharpening.problems.prompts import prompt_token_ids

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def scores_of_function(signal: Judge, questions: Sequence[str], completions: Sequence[str]) -> torch.Tensor:
    """What ``module:function`` says of each completion, (N,); NaN where it says None.

    Raises:
        BadInput: if it fails, or does not return one number in [0, 1], or None, for each.
    """
    module, name = signal.function.split(":")
    function = getattr(importlib.import_module(module), name)
    try:
        scores = list(function(list(questions), list(completions)))
    except Exception as error:
        culprit = _culprit(function, questions, completions)
        raise BadInput(f"signal.function = {signal.function} fails on {culprit}: {error!r}") from error
    scores = [score.item() if hasattr(score, "item") else score for score in scores]  # of numpy or torch
    if len(scores) != len(completions):
        raise BadInput(
            f"signal.function = {signal.function} gave {len(scores)} scores for {len(completions)} completions; "
            "it must give one for each"
        )
    for completion, score in zip(completions, scores, strict=True):
        if score is not None and not (isinstance(score, int | float) and 0 <= score <= 1):
            raise BadInput(
                f"signal.function = {signal.function} gave {score!r} for the completion {completion[:200]!r}; a score "
                "is a number in [0, 1], or None where it cannot say"
            )
    return torch.tensor([math.nan if score is None else score for score in scores], dtype=torch.float32)


def _culprit(function: Callable[..., Any], questions: Sequence[str], completions: Sequence[str]) -> str:
    """The first completion that a function of the user's fails on alone, in words."""
    for question, completion in zip(questions, completions, strict=True):
        try:
            list(function([question], [completion]))
        except Exception:
            return f"the completion {completion[:200]!r}"
    return f"{len(completions)} completions together, the first {completions[0][:200]!r}"


def try_out(signal: SignalBlock, problems: Sequence[Problem]) -> None:
    """Have a function of the user's score completions that state the gold answers, before anything is trained.

    Raises:
        BadInput: as ``scores_of_function`` does.
    """
    if isinstance(signal, Judge):
        said = [f"The answer is \\boxed{{{problem.gold}}}" for problem in problems]
        scores_of_function(signal, [problem.question for problem in problems], said)


def scores_of_reward_model(
    signal: RewardModel, questions: Sequence[str], completions: Sequence[str], device: torch.device, batch: int
) -> torch.Tensor:
    """σ of the one number that the head gives, or the probability of ``label`` where it gives several; (N,)."""
    from transformers import AutoModelForSequenceClassification

    model, tokenizer = _load(AutoModelForSequenceClassification, signal, device)
    labels = len(model.config.id2label or {})
    if signal.label >= labels:
        raise BadInput(f"signal.label = {signal.label}: {signal.path} has {labels} label(s), counted from 0")
    texts = [_conversation(tokenizer, *pair) for pair in zip(questions, completions, strict=True)]

    def score(ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        logits = model(input_ids=ids, attention_mask=mask).logits.float()
        return logits[:, 0].sigmoid() if logits.shape[1] == 1 else logits.softmax(1)[:, signal.label]

    return _in_batches(score, texts, device, batch, _pad_id(model))


def scores_of_yes(
    signal: YesNo, questions: Sequence[str], completions: Sequence[str], device: torch.device, batch: int
) -> torch.Tensor:
    """P(yes) / (P(yes) + P(no)) of the first token that the model would answer with; (N,)."""
    from transformers import AutoModelForCausalLM

    model, tokenizer = _load(AutoModelForCausalLM, signal, device)
    words = [tokenizer.encode(word, add_special_tokens=False)[0] for word in (signal.yes, signal.no)]
    if words[0] == words[1]:
        raise BadInput(
            f"signal.yes = {signal.yes!r} and signal.no = {signal.no!r} begin with the same token of {signal.path}; "
            "choose words that do not"
        )
    asked = [
        signal.prompt.replace("{question}", question).replace("{completion}", completion)
        for question, completion in zip(questions, completions, strict=True)
    ]
    prompts = prompt_token_ids(tokenizer, asked, "{question}")

    def score(ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        positions = (mask.cumsum(1) - 1).clamp(min=0)
        logits = model(input_ids=ids, attention_mask=mask, position_ids=positions).logits[:, -1].float()
        return (logits[:, words[0]] - logits[:, words[1]]).sigmoid()

    return _in_batches(score, prompts, device, batch, None)


@lru_cache(maxsize=2)
def _load(kind: Any, signal: ModelBlock, device: torch.device) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """The model that judges, frozen, and its tokenizer; kept for the next step."""
    from transformers import AutoTokenizer

    try:
        model = kind.from_pretrained(signal.path, revision=signal.revision, dtype=signal.dtype, use_safetensors=True)
        tokenizer = AutoTokenizer.from_pretrained(signal.path, revision=signal.revision)
    except (OSError, ValueError) as error:
        raise BadInput(f"signal.path = {signal.path!r}: no model that can judge can be loaded ({error})") from error
    return model.eval().requires_grad_(False).to(device), tokenizer


def _conversation(tokenizer: PreTrainedTokenizerBase, question: str, completion: str) -> list[int]:
    """A question and its answer as the model was trained to read them; one after the other without a template."""
    if not tokenizer.chat_template:
        return tokenizer.encode(f"{question}\n{completion}")
    messages = [{"role": "user", "content": question}, {"role": "assistant", "content": completion}]
    return tokenizer.apply_chat_template(messages, tokenize=True, return_dict=False)  # type: ignore[return-value]


def _pad_id(model: PreTrainedModel) -> int:
    """The head scores the last token that is no padding: the model must know padding when it sees it."""
    config = model.config
    if config.pad_token_id is None:
        eos = config.eos_token_id
        config.pad_token_id = eos[0] if isinstance(eos, list) else eos
    if config.pad_token_id is None:
        raise BadInput("a reward model whose config.json names neither pad_token_id nor eos_token_id cannot be batched")
    return config.pad_token_id


@torch.no_grad()
def _in_batches(
    score: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    prompts: Sequence[list[int]],
    device: torch.device,
    batch: int,
    pad_right: int | None,
) -> torch.Tensor:
    """The score of each prompt, those of similar length together; padded on the left, or on the right with an id."""
    scores = torch.empty(len(prompts))
    order = sorted(range(len(prompts)), key=lambda place: -len(prompts[place]))
    for start in range(0, len(order), batch):
        places = order[start : start + batch]
        rows = [prompts[place] for place in places]
        ids, mask = left_pad(rows, device) if pad_right is None else _right_pad(rows, device, pad_right)
        scores[places] = score(ids, mask).cpu()
    return scores


def _right_pad(prompts: Sequence[list[int]], device: torch.device, pad_id: int) -> tuple[torch.Tensor, torch.Tensor]:
    rows = [torch.tensor(row) for row in prompts]
    ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=pad_id)
    lengths = torch.tensor([len(row) for row in prompts])
    return ids.to(device), (torch.arange(ids.shape[1]) < lengths[:, None]).long().to(device)
