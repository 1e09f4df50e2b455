"""What the evaluations of a run would draw: the parts that are not kept from an earlier one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from beyond_sharpening.parameters import POLICIES, Parameters
from beyond_sharpening.problems import Problem, problems_from_frame

if TYPE_CHECKING:
    from kedro.io import DataCatalog
    from kedro.pipeline import Node

    from beyond_sharpening.evaluation import Arm, Exam


@dataclass(frozen=True)
class Draw:
    """What a policy's decoder is to draw on a benchmark.

    Attributes:
        policy: ``base`` or an objective.
        decoder: its name.
        benchmark: its name.
        completions: how many; None where the benchmark's problems are neither loaded yet nor generated.
    """

    policy: str
    decoder: str
    benchmark: str
    completions: int | None


def draws(nodes: Sequence[Node], catalog: DataCatalog, parameters: Parameters) -> list[Draw]:
    """What the nodes to run draw.

    A benchmark prepared anew is taken to keep the problems that it has, as it does when another comes beside it.
    """
    from beyond_sharpening.evaluation import Exam

    made = {name for node in nodes for name in node.outputs}
    evaluate = parameters.evaluate
    told = (parameters.task, evaluate.decoders, parameters.sample_seed, parameters.hardware)
    exam = Exam(_problems(catalog, parameters), *told, evaluate.min_completion_tokens)
    examined = [policy for policy in POLICIES if f"{policy}_samples" in made]
    return [draw for policy in examined for draw in _of_policy(policy, made, catalog, parameters, exam)]


def _of_policy(policy: str, made: set[str], catalog: DataCatalog, parameters: Parameters, exam: Exam) -> Iterator[Draw]:
    from beyond_sharpening.evaluation.parts import drawn_parts

    known = {problem.source for problem in exam.problems}
    counts: dict[tuple[str, str], int | None] = {}
    for arm, name in _arms(policy, parameters):
        for benchmark in parameters.problems.benchmarks:
            if benchmark not in known:
                size = getattr(parameters.problems.benchmarks[benchmark], "size", None)  # known of a generator
                for decoder, options in exam.decoders_of(arm).items():
                    key = (decoder, benchmark)
                    counts[key] = None if size is None else (counts.get(key) or 0) + size * options.samples
        handle, base = catalog.load(name), catalog.load("base_policy")
        for part in drawn_parts(arm, handle, base, exam):
            if made & {name, "base_policy"} or not part.file(Path(parameters.parts)).is_file():
                key = (str(part.name), part.problems[0].source)
                counts[key] = (counts.get(key) or 0) + len(part.problems) * exam.decoders[str(part.name)].samples
    for (decoder, benchmark), completions in counts.items():
        yield Draw(policy, decoder, benchmark, completions)


def _arms(policy: str, parameters: Parameters) -> list[tuple[Arm, str]]:
    """What of a policy is examined, and the data set that holds it."""
    from beyond_sharpening.evaluation import Arm

    if policy == "base":
        first = Arm(parameters.model, policy, "default", "last", 0)
        return [(first, "base_policy"), (replace(first, replicate=1), "base_policy")]
    names = {"last": f"{policy}_policy", "best": f"{policy}_best_policy"}
    variant = parameters.train[policy].naming()
    return [
        (Arm(parameters.model, policy, variant, checkpoint, parameters.train_seed), names[checkpoint])
        for checkpoint in parameters.evaluate.checkpoints
    ]


def _problems(catalog: DataCatalog, parameters: Parameters) -> list[Problem]:
    """The problems of the benchmarks asked for, as far as they are there."""
    if not Path(str(getattr(catalog.get("benchmark_problems"), "_filepath", ""))).is_file():
        return []
    there = problems_from_frame(catalog.load("benchmark_problems"))
    return [problem for problem in there if problem.source in parameters.problems.benchmarks]
