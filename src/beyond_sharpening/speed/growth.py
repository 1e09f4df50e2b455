"""How the cost of an update grows: with the completions of a prompt, with lengths, and with the depth of the model.

One thing is varied and the rest stays; the exponent is the slope of log seconds over the log of what is varied. The
peer computes a prompt anew for each of its completions.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch

from beyond_sharpening.decoding.packing import Packing, takes_packed_rows
from beyond_sharpening.speed.contest import Contest, Measurement
from beyond_sharpening.speed.decoding import build_model, some_prompts

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from beyond_sharpening.parameters import Benchmark

PROMPTS = 4
WORDS = {
    "completions": "completions a prompt",
    "prompt_tokens": "tokens a prompt",
    "new_tokens": "tokens a completion",
    "layers": "layers",
}


def measure_growth(options: Benchmark) -> list[Measurement]:
    """For each thing that is varied: an update at each of its values, and the exponents, ours and the peer's."""
    rows: list[Measurement] = []
    for name, values in options.growth.items():
        usual = {"completions": 8, "prompt_tokens": 64, "new_tokens": 32, "layers": options.architecture.layers}
        points = [_update(options, {**usual, name: value}, f"{value} {WORDS[name]}") for value in values]
        measured = [point.measure(options.repeats) for point in points]
        ours, peer = (_exponent(values, [1 / row[side] for row in measured]) for side in ("ours", "peer"))
        stage, between = f"update, exponent of {WORDS[name]}", f"{values[0]} to {values[-1]}; the rest: "
        conditions = between + ", ".join(f"{WORDS[other]} {value}" for other, value in usual.items() if other != name)
        exponent = Measurement(stage=stage, ours=ours, peer=peer, unit="1", ratio=peer / ours, conditions=conditions)
        rows += [*measured, exponent]
    return rows


def _exponent(values: list[int], seconds: list[float]) -> float:
    return float(np.polyfit(np.log(values), np.log(seconds), 1)[0])


def _update(options: Benchmark, sizes: Mapping[str, int], words: str) -> Contest:
    """The gradient of the sum of all log-probabilities."""
    architecture = options.architecture.model_copy(update={"layers": sizes["layers"]})
    model = build_model(options.model_copy(update={"architecture": architecture}))
    takes_packed_rows(model)
    prompts = [row for row in some_prompts(PROMPTS, sizes["prompt_tokens"]) for _ in range(sizes["completions"])]
    completions = some_prompts(len(prompts), sizes["new_tokens"])
    return Contest(
        f"update, {words}",
        "updates/s",
        f"{PROMPTS} prompts, d = {architecture.hidden_size}, float32; peer: a row for each completion",
        partial(_packed, model, prompts, completions),
        partial(_plain, model, prompts, completions),
    )


def _packed(model: PreTrainedModel, prompts: list[list[int]], completions: list[list[int]]) -> int:
    packing = Packing(prompts, completions, model.device)
    return _learn(model, model(**packing.inputs()).logits, packing.targets)


def _plain(model: PreTrainedModel, prompts: list[list[int]], completions: list[list[int]]) -> int:
    rows = torch.tensor([[*prompt, *text] for prompt, text in zip(prompts, completions, strict=True)])
    targets = torch.tensor(completions)
    return _learn(model, model(rows, logits_to_keep=targets.shape[1] + 1).logits[:, :-1], targets)


def _learn(model: PreTrainedModel, logits: torch.Tensor, targets: torch.Tensor) -> int:
    logits.log_softmax(-1).gather(2, targets[..., None]).sum().backward()
    model.zero_grad()
    return 1
