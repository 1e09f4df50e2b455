"""A step of RLOO against TRL's own trainer: generation, scoring and training apart, and the peak of memory.

Both do the same work: completions of one length from the same prompts, log-probabilities under the policy and under
the start model, a gradient and an AdamW step. TRL's trainer scores new completions under the policy in a pass of its
own; ours takes those of its sampling loop.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import torch
from accelerate.utils.memory import clear_device_cache
from datasets import Dataset
from trl import RLOOConfig, RLOOTrainer

from beyond_sharpening.errors import BadInput
from beyond_sharpening.grading import Verdict
from beyond_sharpening.models.callbacks import quiet
from beyond_sharpening.models.memory import shortage, update_memory
from beyond_sharpening.models.policy import Policy, save_policy
from beyond_sharpening.models.shape import Shape
from beyond_sharpening.objectives import Objective
from beyond_sharpening.speed.clock import Clock
from beyond_sharpening.speed.contest import Measurement
from beyond_sharpening.training import ESTIMATOR, ObjectiveTrainer
from beyond_sharpening.training.arguments import on_one_gpu

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedTokenizerBase

    from beyond_sharpening.parameters import Benchmark, Hardware, HubBase, TinyBase

PARTS = ("whole", "generation", "scoring", "training")
PEAK_FLOPS = {
    "H100 PCIe": 756e12,
    "H100 NVL": 835e12,
    "H200 NVL": 835e12,
    "H100": 989e12,
    "H200": 989e12,
    "A100": 312e12,
}
"""Dense bfloat16 operations a second, by the first of these that the device's name holds (the makers' data sheets)."""


class TimedObjectiveTrainer(Clock, ObjectiveTrainer):
    """Ours."""


class TimedPeer(Clock, RLOOTrainer):
    """TRL's."""


Builder = Callable[[Path, "Benchmark", "Hardware"], TimedObjectiveTrainer | TimedPeer]


def measure_steps(options: Benchmark, base: TinyBase | HubBase, hardware: Hardware) -> list[Measurement]:
    """The start model's step, and those of the models that the options describe."""
    rows = measure_step(options, base, hardware)
    for name, step in options.further_steps.items():
        rows += measure_step(options.model_copy(update={"step": step}), base, hardware, f" of {name}")
    return rows


def measure_step(
    options: Benchmark, base: TinyBase | HubBase, hardware: Hardware, whose: str = ""
) -> list[Measurement]:
    """Tokens a second of each part, and the peak of memory; medians of interleaved repeats.

    Raises:
        BadInput: if the GPU cannot hold the update, of ours or of the peer.
    """
    from beyond_sharpening.models.tiny import build_tokenizer

    hardware = hardware.model_copy(update={"processes": 1, "machines": 1, "sharding": "none"})
    step, tokenizer = options.step, build_tokenizer()
    config = _configuration(options, base, len(tokenizer))
    shape = Shape.of(config)
    _check_memory(shape, options, hardware)
    rates: dict[str, dict[str, list[float]]] = {"ours": defaultdict(list), "peer": defaultdict(list)}
    with tempfile.TemporaryDirectory() as folder:
        start = Path(folder) / "start"
        _save_start(start, config, tokenizer, hardware)
        for _ in range(options.repeats):
            for side, build in (("ours", _ours), ("peer", _peer)):
                for name, value in _one_run(build, start, options, hardware).items():
                    rates[side][name].append(value)
    most = "up to " if step.own_lengths else ""
    conditions = (
        f"{shape.parameters / 1e6:.3g}M parameters, {step.prompts} x {step.completions} completions of "
        f"{most}{step.new_tokens} tokens, prompts of {step.prompt_tokens}, {hardware.dtype}, "
        f"attention {hardware.attention}; peer: TRL's RLOOTrainer with its KL term"
    )
    rows = [_row(f"RLOO step{whose}, {part}", "tokens/s", rates, part, conditions) for part in PARTS]
    if hardware.device == "cuda" and not whose:
        tokens = step.completions * step.new_tokens
        flops = shape.training_flops(step.prompt_tokens, step.new_tokens, step.completions) / tokens
        rows += [_memory_row(rates, conditions), *_utilisation(rates, flops, conditions)]
    return rows


def _check_memory(shape: Shape, options: Benchmark, hardware: Hardware) -> None:
    """Refuse what cannot fit; the peer holds its reference in float32, as it holds its policy."""
    step, limit = options.step, hardware.memory_gib
    if limit is None:
        return
    for memory in update_memory(shape, step.prompt_tokens + step.new_tokens, step.prompts * step.completions, hardware):
        peer = {**memory.fixed, "reference": memory.fixed["weights"]}
        if told := shortage(replace(memory, phase=f"the peer's {memory.phase}", fixed=peer), limit):
            raise BadInput(f"the benchmark cannot fit: {told}")


def _row(stage: str, unit: str, rates: dict[str, dict[str, list[float]]], name: str, conditions: str) -> Measurement:
    ours, peer = (median(rates[side][name]) for side in ("ours", "peer"))
    return Measurement(stage=stage, ours=ours, peer=peer, unit=unit, ratio=ours / peer, conditions=conditions)


def _memory_row(rates: dict[str, dict[str, list[float]]], conditions: str) -> Measurement:
    row = _row("RLOO step, peak memory", "GiB", rates, "memory", conditions)
    return {**row, "ratio": row["peer"] / row["ours"]}


def _utilisation(rates: dict[str, dict[str, list[float]]], flops: float, conditions: str) -> list[Measurement]:
    """Model-FLOPs utilisation of the training part, from its operations a token; where the device's peak is known."""
    name = torch.cuda.get_device_name()
    peaks = [flops for device, flops in PEAK_FLOPS.items() if device in name]
    if not peaks:
        return []
    row = _row("RLOO step, share of peak FLOPs in training", "1", rates, "training", conditions)
    share = flops / peaks[0]
    return [{**row, "ours": row["ours"] * share, "peer": row["peer"] * share}]


def _configuration(options: Benchmark, base: TinyBase | HubBase, vocabulary: int) -> PretrainedConfig:
    """That of the step or of the start model, where one is told, and of the benchmark's small model otherwise."""
    from transformers import AutoConfig, LlamaConfig

    config = options.step.config or getattr(base, "config", None)
    if config is not None:
        return AutoConfig.for_model(**config)
    return LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=options.architecture.hidden_size,
        intermediate_size=options.architecture.intermediate_size,
        num_hidden_layers=options.architecture.layers,
        num_attention_heads=options.architecture.heads,
        max_position_embeddings=options.step.prompt_tokens + options.step.new_tokens,
    )


def _save_start(folder: Path, config: PretrainedConfig, tokenizer: PreTrainedTokenizerBase, hardware: Hardware) -> None:
    """A start model with random weights, and a tokenizer of digits."""
    from transformers import AutoModelForCausalLM

    with torch.random.fork_rng(), torch.device(hardware.device):
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    save_policy(model, tokenizer, folder)


def _one_run(build: Builder, start: Path, options: Benchmark, hardware: Hardware) -> dict[str, float]:
    """Tokens a second of a trainer's steps and their parts, and its peak of memory in GiB."""
    if hardware.device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    trainer = build(start, options, hardware)
    quiet(trainer)
    trainer.train()
    rates = trainer.rates()
    if hardware.device == "cuda":
        rates["memory"] = torch.cuda.max_memory_allocated() / 2**30
    del trainer
    clear_device_cache(garbage_collection=True)
    return rates


def _ours(start: Path, options: Benchmark, hardware: Hardware) -> TimedObjectiveTrainer:
    policy = Policy(start)
    return TimedObjectiveTrainer(
        policy.model(hardware.device, attention=hardware.attention),
        policy.model(hardware.device, hardware.dtype, hardware.attention),
        Objective.named("tilted"),
        _grade,
        _arguments(start, options, hardware),
        fixed_length=not options.step.own_lengths,
        generation_batch=hardware.generation_batch,
        processing_class=policy.tokenizer(),
        train_dataset=_prompts(options),
    )


def _peer(start: Path, options: Benchmark, hardware: Hardware) -> TimedPeer:
    policy = Policy(start)
    length = {} if options.step.own_lengths else {"min_new_tokens": options.step.new_tokens}
    return TimedPeer(
        model=policy.model(hardware.device, attention=hardware.attention),
        reward_funcs=[_reward],
        args=on_one_gpu(_arguments(start, options, hardware, beta=0.01, generation_kwargs=length)),
        processing_class=policy.tokenizer(),
        train_dataset=_prompts(options),
    )


def _arguments(start: Path, options: Benchmark, hardware: Hardware, **own: Any) -> RLOOConfig:
    completions = options.step.prompts * options.step.completions
    micro_batch = min(hardware.train_batch, completions)
    return RLOOConfig(
        **{**ESTIMATOR, **own},
        output_dir=str(start.parent / "trainer"),
        max_steps=1 + options.step.measured,
        num_generations=options.step.completions,
        per_device_train_batch_size=micro_batch,
        gradient_accumulation_steps=completions // micro_batch,
        max_completion_length=options.step.new_tokens,
        learning_rate=1e-6,
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
        report_to="none",
        bf16=hardware.dtype == "bfloat16",
        use_cpu=hardware.device == "cpu",
        gradient_checkpointing=hardware.gradient_checkpointing,
        dataloader_pin_memory=hardware.device == "cuda",
    )


def _prompts(options: Benchmark) -> Dataset:
    """Questions of digits, a token each."""
    generator = torch.Generator().manual_seed(0)
    digits = torch.randint(10, (options.step.prompts, options.step.prompt_tokens), generator=generator).tolist()
    questions = ["".join(map(str, row)) for row in digits]
    return Dataset.from_list(
        [
            {"prompt": [{"role": "user", "content": question}], "gold": str(row)}
            for row, question in enumerate(questions)
        ]
    )


def _grade(completions: Sequence[str], golds: Sequence[str]) -> list[Verdict]:
    """Something that differs from completion to completion, and costs nothing."""
    return [Verdict("correct" if len(set(completion)) % 2 else "wrong", None) for completion in completions]


def _reward(completions: Sequence[list[dict[str, str]]], gold: Sequence[str], **_: Any) -> list[float]:
    """The same, as TRL asks for it."""
    return [float(verdict.correct) for verdict in _grade([text[0]["content"] for text in completions], gold)]
