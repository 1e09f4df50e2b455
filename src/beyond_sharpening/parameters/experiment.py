"""Everything a run can be told."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, Field, model_validator

from beyond_sharpening.parameters.block import FolderName, LocalPath, Seed, Strict
from beyond_sharpening.parameters.checks import Benchmark, Theory, Validation
from beyond_sharpening.parameters.decoders import PowerMH
from beyond_sharpening.parameters.evaluation import Comparison, Evaluation
from beyond_sharpening.parameters.foreign import ForeignPolicy, PolicyName
from beyond_sharpening.parameters.hardware import Hardware
from beyond_sharpening.parameters.own import ObjectiveName, fault
from beyond_sharpening.parameters.report import Reporting
from beyond_sharpening.parameters.scoring import Scoring
from beyond_sharpening.parameters.sources import GeneratorSource, HubSource
from beyond_sharpening.parameters.start_model import HubBase, TinyBase
from beyond_sharpening.parameters.sweep import Sweep
from beyond_sharpening.parameters.task import Problems, Task
from beyond_sharpening.parameters.training import Training

LENGTHS = ("evaluation_tokens", "max_completion_tokens", "context")
"""The parameters of the task that may bound a completion in evaluation, the nearest first."""


class Parameters(Strict):
    """Everything a run can be told, after the layers are composed.

    ``project``, ``place``, ``start_place``, ``workspace`` and ``parts`` are added by the configuration loader: they say
    where the run is, not what it does.
    """

    project: str = Field(description="Root folder of the project; local files are found from it.")
    place: str = Field(description="Folder of the run's results below those of the data layers.")
    start_place: str = Field(description="The same of its start model, which domains may share.")
    workspace: str = Field(description="Folder for unfinished policies.")
    parts: str = Field(description="Folder for the parts that evaluations are made of.")

    model: FolderName
    domain: FolderName | None = Field(
        description="What is asked, and how it is graded; none is what the model's block says."
    )
    dry_run: Literal[False, True, "probe"] = Field(
        default=False,
        description="Print the plan of the run, and run nothing; probe: measure for a minute how long it would take.",
    )
    again: list[str] = Field(default=[], description="Stages to make anew, over what is there: --again=STAGE.")
    data: LocalPath = Field(description="Folder of the data layers, relative to the project.")
    benchmark_files: LocalPath | None = Field(
        default=None, description="Folder with copies of the hub's data sets; none reads the hub."
    )
    data_seed: Seed
    base_seed: Seed
    train_seed: Seed
    sample_seed: Seed
    task: Task
    base: Annotated[TinyBase | HubBase, Field(discriminator="type")]
    policies: dict[PolicyName, ForeignPolicy] = Field(
        default_factory=dict, description="Models trained elsewhere from the start model, to be judged."
    )
    score: Scoring = Scoring()
    problems: Problems
    train: dict[ObjectiveName, Training]
    evaluate: Evaluation
    compare: Comparison
    report: Reporting = Reporting()
    theory: Theory
    validation: Validation
    benchmark: Benchmark
    sweep: Sweep
    hardware: Hardware

    @model_validator(mode="after")
    def _has_the_copies_it_reads(self) -> Parameters:
        if self.benchmark_files is None:
            return self
        folder = Path(self.project, self.benchmark_files)
        sources = {("problems", "train"): self.problems.train} | {
            ("problems", "benchmarks", name): source for name, source in self.problems.benchmarks.items()
        }
        for path, source in sources.items():
            if not isinstance(source, HubSource):
                continue
            if source.file is None:
                raise fault(
                    f"benchmark_files = {self.benchmark_files!r} is to be read instead of the hub, and no copy of "
                    f"{source.path} is named; name one, or set benchmark_files to null",
                    (*path, "hub", "file"),
                    source.file,
                )
            if not (folder / source.file).is_file():
                raise fault(
                    f"there is no such file in {folder} (benchmark_files); put the copy of {source.path} there, or set "
                    "benchmark_files to null to read the hub",
                    (*path, "hub", "file"),
                    str(source.file),
                )
        return self

    @model_validator(mode="after")
    def _judges_what_its_base_became(self) -> Parameters:
        start = getattr(self.base, "path", None)
        for name, policy in self.policies.items():
            if policy.base not in (None, start):
                raise fault(
                    f"is not the start model, base.path = {start!r}: a policy is judged against what it was trained "
                    f"from; add base.path={policy.base} (and base.config=null where the block describes another)",
                    ("policies", name, "base"),
                    policy.base,
                )
        return self

    @model_validator(mode="after")
    def _is_consistent(self) -> Parameters:
        samples = self.evaluate.decoders["temperature"].samples
        if max(self.compare.ks) > samples:
            raise fault(
                f"k is at most the {samples} samples of evaluate.decoders.temperature; got {max(self.compare.ks)}",
                ("compare", "ks"),
                self.compare.ks,
            )
        for name, options in self.train.items():
            fits = self.hardware.engine == "transformers" and self.hardware.sharding != "zero3"
            if options.samples == "rejection" and not fits:
                raise fault(
                    "completions of the start model are drawn by hardware.engine = 'transformers' alone, without "
                    "sharding = 'zero3'",
                    ("train", name, "samples"),
                    options.samples,
                )
        longest = self.task.evaluated_tokens
        length = next(key for key in LENGTHS if getattr(self.task, key) is not None)
        if self.evaluate.min_completion_tokens > longest:
            raise fault(
                f"is at most the {longest} of task.{length}",
                ("evaluate", "min_completion_tokens"),
                self.evaluate.min_completion_tokens,
            )
        if self.evaluate.min_completion_tokens > 1 and self.hardware.evaluation_engine == "paged":
            raise fault(
                "transformers' paged batching cannot keep completions from ending before "
                f"evaluate.min_completion_tokens = {self.evaluate.min_completion_tokens}; use vllm or transformers, or "
                "evaluate.min_completion_tokens=1",
                ("hardware", "evaluation_engine"),
                self.hardware.evaluation_engine,
            )
        for name, decoder in self.evaluate.decoders.items():
            if isinstance(decoder, PowerMH) and decoder.blocks > longest:
                raise fault(
                    f"is at most the {longest} of task.{length}",
                    ("evaluate", "decoders", name, decoder.type, "blocks"),
                    decoder.blocks,
                )
        for name, block in self.train.items():
            self._check_problems(name, block)
            processes, batch = self.hardware.all_processes, self.hardware.train_batch
            if block.prompts_per_step % processes:
                raise fault(
                    f"must divide into the {processes} processes of the hardware, as whole groups",
                    ("train", name, "prompts_per_step"),
                    block.prompts_per_step,
                )
            rollouts = block.prompts_per_step * block.completions_per_prompt // processes
            if rollouts % min(batch, rollouts):
                raise fault(
                    f"must divide the {rollouts} completions of a step of train.{name} in a process",
                    ("hardware", "train_batch"),
                    batch,
                )
        return self

    def _check_problems(self, name: ObjectiveName, block: Training) -> None:
        """A generator says beforehand how many problems there will be; overlap with a benchmark leaves fewer."""
        source, held_out = self.problems.train, self.problems.validation_size
        if isinstance(source, GeneratorSource) and source.size - held_out < block.prompts_per_step:
            raise fault(
                f"is at most the {max(0, source.size - held_out)} training problems: {source.size} of the source but "
                f"the {held_out} of problems.validation_size",
                ("train", name, "prompts_per_step"),
                block.prompts_per_step,
            )


def locate(path: Sequence[str | int]) -> tuple[list[str], Any]:
    """The keys of a pydantic error's path, without the names of union members, and the type that stands there."""
    keys: list[str] = []
    block: Any = Parameters
    for part in path:
        if isinstance(block, type) and issubclass(block, BaseModel):
            keys.append(str(part))
            block = block.model_fields[str(part)].annotation if part in block.model_fields else None
        elif get_origin(block) is dict:
            keys.append(str(part))
            block = get_args(block)[1]
        else:  # a union of blocks, told apart by their type; or something that has no keys
            blocks = [member for member in get_args(block) if hasattr(member, "model_fields")]
            named = [member for member in blocks if part in get_args(member.model_fields["type"].annotation)]
            block = named[0] if named else None
        block = _bare(block)
    return keys, block


def _bare(block: Any) -> Any:
    """A type without the parts that no path names: its annotations, and the None that may stand in its place."""
    if get_origin(block) is Annotated:
        return _bare(get_args(block)[0])
    members = [member for member in get_args(block) if member is not NoneType]
    return _bare(members[0]) if NoneType in get_args(block) and len(members) == 1 else block


def block_types(union: Any) -> list[str]:
    """The values of ``type`` that tell the blocks of a union apart."""
    return [name for member in get_args(union) for name in get_args(member.model_fields["type"].annotation)]
