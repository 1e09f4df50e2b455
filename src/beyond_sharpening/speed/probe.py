"""How fast a model of a shape draws, scores and learns here, measured in a minute."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING

from beyond_sharpening.models.rates import Rates

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel

    from beyond_sharpening.parameters import Hardware, Task

ENOUGH = 8.0
"""Seconds that each of the three measurements takes at least, unless completions can grow no longer."""

SAMPLES = 16
"""Completions of a prompt."""

LEARNED = 8
"""Completions of the update that is timed, at most, of so many tokens at most: its logits are held whole."""
LEARNED_TOKENS = 64


def probe(config: PretrainedConfig, task: Task, hardware: Hardware) -> Rates:
    """Measure with random weights, in the batches and precision of the hardware.

    Memory stays below what the plan counts: an update is timed on a few short rows, each with a prompt of its own.
    """
    import torch
    from transformers import AutoModelForCausalLM

    from beyond_sharpening.decoding import SamplingOptions, sample, score
    from beyond_sharpening.models.memory import training_lengths

    dtype = getattr(torch, hardware.dtype)
    model = AutoModelForCausalLM.from_config(config, dtype=dtype, attn_implementation=hardware.attention)
    model = model.to(hardware.device).eval()
    prompt, limit = training_lengths(task)
    rows, vocabulary = hardware.generation_batch, config.get_text_config().vocab_size
    draws = torch.randint(vocabulary, (rows, prompt + limit), generator=torch.Generator().manual_seed(0)).tolist()
    prompts, texts = [row[:prompt] for row in draws], [row[prompt:] for row in draws]

    def draw(tokens: int) -> int:
        different = max(1, rows // SAMPLES)
        options = SamplingOptions(tokens, [0], ignore_eos=True)
        groups = sample(model, prompts[:different], options, min(rows, SAMPLES), range(different))
        return tokens * sum(map(len, groups))

    def look(tokens: int) -> int:
        count = min(rows, hardware.train_batch)
        score(model, prompts[:count], [text[:tokens] for text in texts[:count]], count)
        return count * (prompt + tokens)

    def learn(tokens: int) -> int:
        count = min(LEARNED, hardware.train_batch)
        ids = torch.tensor([row[: prompt + tokens] for row in draws[:count]], device=hardware.device)
        logits = model(ids, logits_to_keep=tokens + 1).logits[:, :-1].float()
        (-logits.log_softmax(-1).gather(2, ids[:, -tokens:, None]).mean()).backward()
        model.zero_grad()
        return count * (prompt + tokens)

    drawn, scored = _rate(draw, limit, model), _rate(look, limit, model)
    trained = _rate(learn, min(limit, LEARNED_TOKENS), model)
    where = torch.cuda.get_device_name() if hardware.device == "cuda" else f"{torch.get_num_threads()} thread(s)"
    return Rates(drawn, scored, trained, f"measured just now with random weights of this shape, {where}")


def _rate(work: Callable[[int], int], limit: int, model: PreTrainedModel) -> float:
    """Tokens a second of work at the longest completions that some seconds allow."""
    import torch

    tokens = min(limit, 8)
    while True:
        began = perf_counter()
        done = work(tokens)
        if model.device.type == "cuda":
            torch.cuda.synchronize()
        spent = perf_counter() - began
        if spent >= ENOUGH or tokens == limit:
            return done / spent
        tokens = min(limit, 2 * tokens)
