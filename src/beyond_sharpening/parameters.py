"""Typed, validated parameters: what may be asked for, checked before anything expensive runs.

``layers`` composes the one set of parameters that the pipelines read out of the YAML files; ``Parameters`` says
what each of them may be.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError

from beyond_sharpening.decoders import Decoder, PowerMH, TemperatureSampling, expand_lists
from beyond_sharpening.grid import Sweep
from beyond_sharpening.objectives import Normalisation, Objective, ObjectiveName, check_normalisation
from beyond_sharpening.problems.sources import GeneratorSource, HubSource, Source
from beyond_sharpening.trl_arguments import FIXED_TRL_ARGUMENTS

OBJECTIVES: tuple[ObjectiveName, ...] = ("task_reward", "sharpening", "tempered", "tilted", "null_control")
POLICIES = ("base", *OBJECTIVES)
COEFFICIENTS: dict[ObjectiveName, tuple[str, ...]] = {
    "task_reward": (),
    "sharpening": ("alpha",),
    "tempered": ("alpha",),
    "tilted": ("alpha", "beta"),
    "null_control": (),
}
"""The parameters that an objective's coefficients are made of; it ignores the others."""

Positive = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
Decay = Annotated[float, Field(ge=0, lt=1)]


class Strict(BaseModel):
    """A block of parameters in which an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Architecture(Strict):
    """Shape of the small Llama that is pretrained on the spot."""

    hidden_size: Positive
    intermediate_size: Positive
    layers: Positive
    heads: Positive

    @model_validator(mode="after")
    def _heads_divide_hidden(self) -> Architecture:
        if self.hidden_size % (2 * self.heads):
            raise ValueError(f"hidden_size must be a multiple of 2 × heads; got {self.hidden_size} and {self.heads}")
        return self


class TinyBase(Strict):
    """A start model made here: a small Llama pretrained on worked solutions in two styles."""

    type: Literal["tiny"]
    architecture: Architecture
    source: GeneratorSource = Field(description="The problems whose worked solutions it is pretrained on.")
    step_by_step_share: float = Field(ge=0, le=1, description="Share of solutions written out step by step.")
    guess_error: float = Field(ge=0, lt=1, description="Share of the other solutions whose answer is wrong.")
    steps: Positive
    batch: Positive
    learning_rate: float = Field(gt=0)
    heldout_size: Positive = Field(description="Solutions kept aside to measure the held-out loss on.")

    @model_validator(mode="after")
    def _something_is_left_to_learn_from(self) -> TinyBase:
        if self.heldout_size >= self.source.size:
            raise ValueError(f"heldout_size = {self.heldout_size} must be below source.size = {self.source.size}")
        return self


class HubBase(Strict):
    """A start model from the hub or a local folder, loaded through ``from_pretrained``."""

    type: Literal["hub"]
    path: str = Field(min_length=1, description="Hub id, or a local folder written by save_pretrained.")
    revision: str = "main"
    dtype: Literal["float32", "bfloat16", "float16"] = "bfloat16"
    config: dict[str, Any] | None = Field(
        default=None, description="Keys of its config.json; what is loaded must agree. It gives the shape beforehand."
    )
    chat_template: str | None = Field(default=None, description="Replaces the tokenizer's own template.")
    template_variables: dict[Annotated[str, Field(pattern=r"^[A-Za-z_]\w*$")], str] = Field(
        default_factory=dict, description="Variables of the chat template, such as a date that would be today's."
    )
    eos_token_ids: list[Annotated[int, Field(ge=0)]] | None = Field(
        default=None, min_length=1, description="Tokens that end a completion; none leaves it to the model's own."
    )
    pad_token: str | None = Field(default=None, description="For tokenizers that name none; one of the vocabulary.")

    @field_validator("config")
    @classmethod
    def _names_its_architecture(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        if value is not None and not isinstance(value.get("model_type"), str):
            raise ValueError("must name the architecture: model_type, such as llama")
        return value


class Problems(Strict):
    """What is trained on, what is held out of it, and the benchmarks."""

    train: Source
    validation_size: Positive = Field(description="Training problems held out; the best checkpoint is chosen on them.")
    benchmarks: dict[str, Source] = Field(min_length=1)


class Task(Strict):
    """How a problem is put and graded, in training and evaluation alike."""

    prompt: str = Field(description="Template of the user's message, with {question} in it.")
    max_completion_tokens: Positive
    max_prompt_tokens: Positive | None = Field(
        default=None, description="Training problems whose prompt is longer are left out; none keeps all."
    )
    grader: str = Field(pattern=r"^[\w.]+:\w+$", description="module:function with the signature of grading.grade.")

    @field_validator("prompt")
    @classmethod
    def _asks_the_question(cls, value: str) -> str:
        if value.count("{question}") != 1:
            raise ValueError("must contain {question} exactly once")
        return value

    @field_validator("grader")
    @classmethod
    def _can_be_found(cls, value: str) -> str:
        module, function = value.split(":")
        try:
            found = importlib.import_module(module)
        except ImportError as error:
            raise ValueError(f"{module} cannot be imported ({error}); give module:function") from error
        if not callable(getattr(found, function, None)):
            raise ValueError(f"there is no function {function} in {module}; give module:function")
        return value


class Lora(Strict):
    """A low-rank adapter, trained in place of the weights; the start model below it is the reference."""

    rank: Positive
    scale: Positive = Field(description="lora_alpha of peft: the adapter's output is multiplied by scale / rank.")
    targets: Literal["all-linear"] | list[str] = Field(
        default="all-linear", description="Names of the linear layers that get an adapter."
    )


class Training(Strict):
    """One objective's training: its coefficients and its optimiser."""

    objective: ObjectiveName
    alpha: float = Field(default=2.0, gt=0, le=100, description="Exponent of π_ref.")
    beta: float = Field(default=100.0, gt=0, description="Weight of the task reward against KL.")
    normalisation: Normalisation = Field(default="sum", description="Of log π_ref: sum, mean or {length_power: w}.")
    fixed_length: bool = Field(default=False, description="Generate max_completion_tokens always, through EOS.")
    reward_scale: float = Field(default=1.0, gt=0, description="Multiplies the reward, before the gradient is clipped.")
    steps: Positive
    epochs: Positive | None = Field(
        default=None, description="Passes over the training problems that end the training before its steps do."
    )
    prompts_per_step: Positive
    completions_per_prompt: int = Field(ge=2, description="Group size; the leave-one-out baseline needs two.")
    learning_rate: float = Field(gt=0)
    warmup_steps: int = Field(ge=0)
    weight_decay: float = Field(ge=0)
    adam_betas: tuple[Decay, Decay]
    max_grad_norm: float = Field(gt=0)
    validate_every: Positive
    validation_samples: Positive = Field(description="Completions a validation problem.")
    checkpoint_every: Positive = Field(description="Steps between the states an interrupted training resumes from.")
    lora: Lora | None = Field(default=None, description="Train an adapter; none trains every weight.")
    trl: dict[str, Any] = Field(default_factory=dict, description="Further arguments of TRL's RLOOConfig.")

    @field_validator("trl")
    @classmethod
    def _leaves_the_estimator_alone(cls, value: dict[str, Any]) -> dict[str, Any]:
        if clash := sorted(FIXED_TRL_ARGUMENTS & set(value)):
            raise ValueError(
                f"{clash[0]} = {value[clash[0]]!r} would change the objective, has no effect or has its own parameter; "
                "leave it out"
            )
        return value

    @field_validator("normalisation", mode="before")
    @classmethod
    def _is_a_normalisation(cls, value: Any) -> Any:
        check_normalisation(value)
        return value

    def steps_on(self, problems: int) -> int:
        """Steps of a training on so many problems: ``steps``, or those of ``epochs`` where they are fewer."""
        if self.epochs is None:
            return self.steps
        return min(self.steps, self.epochs * (problems // self.prompts_per_step))

    def build_objective(self) -> Objective:
        """The three coefficients these parameters stand for."""
        return Objective.named(self.objective, self.alpha, self.beta, self.normalisation)

    def applicable(self) -> dict[str, Any]:
        """These parameters, but for those that the objective ignores."""
        return self.model_dump(mode="json", exclude={"alpha", "beta"} - set(COEFFICIENTS[self.objective]))

    def variant(self) -> str:
        """Name of the cell among others of the same objective, such as ``alpha2-beta100``."""
        coefficients = [f"{name}{getattr(self, name):g}" for name in COEFFICIENTS[self.objective]]
        if self.normalisation == "mean":
            coefficients.append("mean")
        elif isinstance(self.normalisation, Mapping):
            coefficients.append(f"length_power{self.normalisation['length_power']:g}")
        if self.fixed_length:
            coefficients.append("fixed_length")
        if self.lora is not None:
            coefficients.append(f"lora{self.lora.rank}")
        return "-".join(coefficients) or "default"


class Evaluation(Strict):
    """What is drawn from every policy."""

    decoders: dict[str, Decoder]
    checkpoints: list[Literal["last", "best"]] = Field(min_length=1)
    min_completion_tokens: Positive = Field(default=1, description="No decoder gives a shorter completion.")

    @field_validator("decoders", mode="before")
    @classmethod
    def _one_a_combination(cls, value: Any) -> Any:
        return expand_lists(value) if isinstance(value, Mapping) else value

    @field_validator("decoders")
    @classmethod
    def _has_the_reference_decoder(cls, value: dict[str, Decoder]) -> dict[str, Decoder]:
        reference = value.get("temperature")
        if not isinstance(reference, TemperatureSampling) or reference.temperature != 1.0 or reference.base_only:
            raise ValueError("a decoder named temperature, with temperature 1, is the reference of every comparison")
        return value


class Comparison(Strict):
    """How policies are compared."""

    ks: list[Positive] = Field(min_length=1, description="The k of pass@k and maj@k.")


class Theory(Strict):
    """The theory as computations on policies small enough to enumerate."""

    seed: Seed = Field(description="Of the random policies, and of the trainings.")
    objectives: list[ObjectiveName] = Field(min_length=1, description="What is trained to its known optimum.")


class BenchmarkStep(Strict):
    """A step of RLOO whose parts are measured."""

    prompts: Positive
    completions: int = Field(ge=2, description="Of each prompt.")
    prompt_tokens: Positive
    new_tokens: Positive = Field(description="Tokens of a completion.")


class Benchmark(Strict):
    """What speed is measured on: models with random weights."""

    architecture: Architecture
    new_tokens: Positive = Field(description="Tokens of a completion.")
    repeats: Positive = Field(description="Interleaved repeats; medians are reported.")
    alpha: float = Field(gt=0, le=100)
    blocks: Positive
    steps: Positive = Field(description="Metropolis–Hastings steps a block.")
    chain_prompt: Positive = Field(description="Tokens of a prompt of the chains.")
    batches: list[Positive] = Field(min_length=1, description="Chains advanced together.")
    peer_chains: Positive = Field(description="Chains that the peer runs, one at a time.")
    rollouts: list[Positive] = Field(min_length=1, description="Samples a prompt.")
    rollout_prompts: Positive
    prompt_lengths: list[Positive] = Field(min_length=1)
    step: BenchmarkStep


class Hardware(Strict):
    """What it runs on."""

    device: Literal["cpu", "cuda"]
    threads: Positive | None = Field(
        default=None, description="CPU threads of a tensor operation; none leaves it to torch."
    )
    dtype: Literal["float32", "bfloat16"] = Field(description="Of the policies while they sample and train.")
    attention: Literal["sdpa", "eager", "flash_attention_2"] = "sdpa"
    memory_gib: float | None = Field(
        default=None, gt=0, description="Of one GPU that a process may fill; a run that needs more is refused."
    )
    train_batch: Positive = Field(description="Completions in one forward and backward pass.")
    generation_batch: Positive = Field(description="Completions generated together.")
    grading_workers: Positive = Field(description="Processes that compare answers symbolically.")
    gradient_checkpointing: bool
    engine: Literal["transformers", "paged", "vllm_colocate", "vllm_server"] = Field(
        default="transformers",
        description="What draws the rollouts of a training: the project's sampling loop, transformers' paged batching, "
        "or vLLM.",
    )
    processes: Positive = Field(default=1, description="Training processes on each machine, one a GPU.")
    machines: Positive = 1
    rendezvous: str | None = Field(
        default=None, pattern=r"^[^:\s]+:\d+$", description="host:port of the first machine, where the others meet it."
    )
    sharding: Literal["none", "fsdp2", "zero3"] = Field(
        default="none", description="How processes share the policy and its optimiser: none keeps a copy on each."
    )

    @property
    def all_processes(self) -> int:
        """Training processes on all machines."""
        return self.processes * self.machines

    @model_validator(mode="after")
    def _machines_can_meet(self) -> Hardware:
        if self.machines > 1 and self.rendezvous is None:
            raise ValueError(f"machines = {self.machines} need a rendezvous = host:port of the first of them")
        if self.sharding != "none" and self.device == "cpu":
            raise ValueError(f"sharding = {self.sharding!r} is for GPUs; on device = 'cpu' it is none")
        return self


class Parameters(Strict):
    """Everything a run can be told, after the layers are composed.

    ``project`` and ``workspace`` are added by the configuration loader: they say where the run is, not what it does.
    """

    project: str = Field(description="Root folder of the project; local files are found from it.")
    workspace: str = Field(description="Folder for unfinished policies.")

    model: str
    dry_run: bool = Field(default=False, description="Print the plan of the run, and run nothing.")
    data: str = Field(min_length=1, description="Folder of the data layers, relative to the project.")
    benchmark_files: str | None = Field(
        default=None, min_length=1, description="Folder with copies of the hub's data sets; none reads the hub."
    )
    data_seed: Seed
    base_seed: Seed
    train_seed: Seed
    sample_seed: Seed
    task: Task
    base: Annotated[TinyBase | HubBase, Field(discriminator="type")]
    problems: Problems
    train: dict[ObjectiveName, Training]
    evaluate: Evaluation
    compare: Comparison
    theory: Theory
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
                raise _fault(
                    f"benchmark_files = {self.benchmark_files!r} is to be read instead of the hub, and no copy of "
                    f"{source.path} is named; name one, or set benchmark_files to null",
                    (*path, "hub", "file"),
                    source.file,
                )
            if not (folder / source.file).is_file():
                raise _fault(
                    f"there is no such file in {folder} (benchmark_files); put the copy of {source.path} there, or set "
                    "benchmark_files to null to read the hub",
                    (*path, "hub", "file"),
                    str(source.file),
                )
        return self

    @model_validator(mode="after")
    def _is_consistent(self) -> Parameters:
        samples = self.evaluate.decoders["temperature"].samples
        if max(self.compare.ks) > samples:
            raise _fault(
                f"k is at most the {samples} samples of evaluate.decoders.temperature; got {max(self.compare.ks)}",
                ("compare", "ks"),
                self.compare.ks,
            )
        if self.evaluate.min_completion_tokens > self.task.max_completion_tokens:
            raise _fault(
                f"is at most the {self.task.max_completion_tokens} of task.max_completion_tokens",
                ("evaluate", "min_completion_tokens"),
                self.evaluate.min_completion_tokens,
            )
        for name, decoder in self.evaluate.decoders.items():
            if isinstance(decoder, PowerMH) and decoder.blocks > self.task.max_completion_tokens:
                raise _fault(
                    f"is at most the {self.task.max_completion_tokens} of task.max_completion_tokens",
                    ("evaluate", "decoders", name, decoder.type, "blocks"),
                    decoder.blocks,
                )
        for name, block in self.train.items():
            if block.objective != name:
                raise _fault(f"must be {name}", ("train", name, "objective"), block.objective)
            processes, batch = self.hardware.all_processes, self.hardware.train_batch
            if block.prompts_per_step % processes:
                raise _fault(
                    f"must divide into the {processes} processes of the hardware, as whole groups",
                    ("train", name, "prompts_per_step"),
                    block.prompts_per_step,
                )
            rollouts = block.prompts_per_step * block.completions_per_prompt // processes
            if rollouts % min(batch, rollouts):
                raise _fault(
                    f"must divide the {rollouts} completions of a step of train.{name} in a process",
                    ("hardware", "train_batch"),
                    batch,
                )
        return self


def _fault(message: str, path: tuple[str, ...], value: Any) -> ValidationError:
    """A fault found by comparing parameters with one another, laid at the door of one of them."""
    line = {"type": PydanticCustomError("inconsistent", "{message}", {"message": message}), "loc": path, "input": value}
    return ValidationError.from_exception_data("Parameters", [line])  # type: ignore[list-item]


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
        if get_origin(block) is Annotated:
            block = get_args(block)[0]
    return keys, block


def block_types(union: Any) -> list[str]:
    """The values of ``type`` that tell the blocks of a union apart."""
    return [name for member in get_args(union) for name in get_args(member.model_fields["type"].annotation)]
