"""The plan of a run in words, as ``dry_run=true`` prints it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from beyond_sharpening.cells.place import place_of
from beyond_sharpening.models.memory import GIB, Memory
from beyond_sharpening.models.shape import Shape
from beyond_sharpening.parameters import Parameters, Task, Training

if TYPE_CHECKING:
    from kedro.pipeline import Node

    from beyond_sharpening.wiring.to_draw import Draw

NO_LIMIT = "; hardware.memory_gib sets no limit to hold it against: --env=gpu or --env=multi_gpu has one"


def heading(parameters: Parameters, shape: Shape | None) -> str:
    """What is run, and on what."""
    hardware = parameters.hardware
    size = f", {shape.parameters:,} parameters" if shape else ""
    processes = f"{hardware.all_processes} process(es) on {hardware.machines} machine(s), sharding {hardware.sharding}"
    where = f"on {hardware.device} in {hardware.dtype}, {processes}, engine {hardware.engine}"
    asked = "" if parameters.domain is None else f", domain {parameters.domain}"
    return f"Plan: {parameters.model}{size}, {where}{asked}; nothing is run"


def stages(nodes: Sequence[Node]) -> Counter[str]:
    """The stages of some nodes, in order, and how many of them each has."""
    return Counter(map(stage_of, nodes))


def stage_of(node: Node) -> str:
    """The stage of a node, within the box that a drawing shows."""
    return str(node.namespace).rpartition(".")[2]


def progress(stages: Mapping[str, int], remaining: Mapping[str, int]) -> str:
    """How many nodes of each stage are still to run."""
    lines = [
        f"  {stage:<20} " + (f"to run: {remaining[stage]} of {nodes} nodes" if stage in remaining else "already there")
        for stage, nodes in stages.items()
    ]
    return "\n".join(["Stages", *lines])


def cells(parameters: Parameters, objectives: Sequence[str], problems: int | None) -> str:
    """The trainings: steps, completions and optimiser."""
    lines = []
    for name in objectives:
        options: Training = parameters.train[name]
        lines += _cell(options, parameters.task, parameters.train_seed, problems)
    return "\n".join(["Cells to train", *lines]) if lines else ""


def _cell(options: Training, task: Task, seed: int, problems: int | None) -> list[str]:
    steps = options.steps if problems is None else options.steps_on(problems)
    bound = f"at most {steps}" if problems is None and options.epochs else f"{steps}"
    completions = steps * options.prompts_per_step * options.completions_per_prompt
    betas = ", ".join(f"{beta:g}" for beta in options.adam_betas)
    own = "".join(f"{name} {value}, " for name, value in options.own.items())
    return [
        f"  {place_of(options, seed)}",
        f"    {bound} steps of {options.prompts_per_step} prompts × {options.completions_per_prompt} completions, "
        f"at most {completions * task.completion_tokens:,} tokens in {completions:,} completions",
        f"    learning rate {options.learning_rate:g} after {options.warmup_steps} warm-up steps, AdamW betas {betas}, "
        f"weight decay {options.weight_decay:g}, gradient clipped at {options.max_grad_norm:g}",
        f"    {own}fixed length {options.fixed_length}, "
        f"reward scale {options.reward_scale:g}; validated every {options.validate_every} steps",
    ]


def evaluation(parameters: Parameters, stages: Mapping[str, int], problems: int | None, to_draw: Sequence[Draw]) -> str:
    """What is drawn from every policy, and what of it is to be drawn now."""
    if "evaluate" not in stages:
        return ""
    evaluation = parameters.evaluate
    drawn = ", ".join(f"{name} {decoder.samples}" for name, decoder in evaluation.decoders.items())
    asked = "problems not loaded yet" if problems is None else f"{problems:,} problems"
    return "\n".join(
        [
            f"Evaluation on {', '.join(parameters.problems.benchmarks)} ({asked})",
            f"  checkpoints {', '.join(evaluation.checkpoints)}; completions a problem: {drawn}",
            *_to_draw(to_draw, parameters),
        ]
    )


def _to_draw(draws: Sequence[Draw], parameters: Parameters) -> list[str]:
    """What each policy is still to draw, by benchmark, and the tokens of all of it."""
    lines = []
    for policy in dict.fromkeys(draw.policy for draw in draws):
        decoders: dict[str, list[str]] = {}
        for draw in draws:
            if draw.policy == policy:
                decoders.setdefault(draw.benchmark, []).append(draw.decoder)
        by_decoders: dict[str, list[str]] = {}
        for benchmark, names in decoders.items():
            by_decoders.setdefault(", ".join(names), []).append(benchmark)
        told = "; ".join(f"{', '.join(benchmarks)} with {names}" for names, benchmarks in by_decoders.items())
        lines.append(f"  {policy} is to draw {told}")
    completions = sum(draw.completions or 0 for draw in draws)
    unknown = ", and those of problems not loaded yet" if any(draw.completions is None for draw in draws) else ""
    tokens = completions * parameters.task.evaluated_tokens
    bound = f"  at most {tokens:,} tokens in {completions:,} completions{unknown}; decoders that choose draw more"
    return [*lines, bound if draws else "  nothing is to be drawn: its parts are kept"]


def table(memory: Sequence[Memory], limit: float | None) -> str:
    """GPU memory by phase and part, in GiB."""
    if not memory:
        return ""
    names = list(dict.fromkeys(name for one in memory for name in one.parts))
    rows = [(name, [f"{one.parts[name] / GIB:.2f}" if name in one.parts else "" for one in memory]) for name in names]
    rows.append(("together", [f"{one.total / GIB:.2f}" for one in memory]))
    lines = [f"  {'':<20}" + "".join(f"{one.phase:>18}" for one in memory)]
    lines += [f"  {name:<20}" + "".join(f"{cell:>18}" for cell in cells) for name, cells in rows]
    bound = NO_LIMIT if limit is None else f", of {limit:g} GiB"
    return "\n".join([f"Memory of one process in GiB{bound}", *lines])
