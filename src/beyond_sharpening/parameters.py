"""Typed, validated parameters: what may be asked for, checked before anything expensive runs.

``layers`` composes the one set of parameters that the pipelines read out of the YAML files; ``Parameters`` says
what each of them may be.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError

from beyond_sharpening.decoders import Decoder, PowerMH, TemperatureSampling, expand_lists
from beyond_sharpening.objectives import Normalisation, Objective, ObjectiveName, check_normalisation
from beyond_sharpening.problems.sources import GeneratorSource, Source
from beyond_sharpening.trl_arguments import FIXED_TRL_ARGUMENTS

OBJECTIVES: tuple[ObjectiveName, ...] = ("task_reward", "sharpening", "tempered", "tilted", "null_control")
POLICIES = ("base", *OBJECTIVES)

Positive = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]


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
    attention: Literal["sdpa", "eager", "flash_attention_2"] = "sdpa"
    chat_template: str | None = Field(default=None, description="Replaces the tokenizer's own template.")


class Problems(Strict):
    """What is trained on, what is held out of it, and the benchmarks."""

    train: Source
    validation_size: Positive = Field(description="Training problems held out; the best checkpoint is chosen on them.")
    benchmarks: dict[str, Source] = Field(min_length=1)


class Task(Strict):
    """How a problem is put and graded, in training and evaluation alike."""

    prompt: str = Field(description="Template of the user's message, with {question} in it.")
    max_completion_tokens: Positive
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
        module = value.split(":")[0]
        try:
            found = importlib.util.find_spec(module) is not None
        except ModuleNotFoundError:
            found = False
        if not found:
            raise ValueError(f"there is no module {module} to import; give module:function")
        return value


class Training(Strict):
    """One objective's training: its coefficients and its optimiser."""

    objective: ObjectiveName
    alpha: float = Field(default=2.0, gt=0, le=100, description="Exponent of π_ref.")
    beta: float = Field(default=100.0, gt=0, description="Weight of the task reward against KL.")
    normalisation: Normalisation = Field(default="sum", description="Of log π_ref: sum, mean or {length_power: w}.")
    fixed_length: bool = Field(default=False, description="Generate max_completion_tokens always, through EOS.")
    reward_scale: float = Field(default=1.0, gt=0, description="Multiplies the reward, before the gradient is clipped.")
    steps: Positive
    prompts_per_step: Positive
    completions_per_prompt: int = Field(ge=2, description="Group size; the leave-one-out baseline needs two.")
    learning_rate: float = Field(gt=0)
    warmup_steps: int = Field(ge=0)
    weight_decay: float = Field(ge=0)
    adam_betas: tuple[float, float]
    max_grad_norm: float = Field(gt=0)
    validate_every: Positive
    validation_samples: Positive = Field(description="Completions a validation problem.")
    checkpoint_every: Positive = Field(description="Steps between the states an interrupted training resumes from.")
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

    def build_objective(self) -> Objective:
        """The three coefficients these parameters stand for."""
        return Objective.named(self.objective, self.alpha, self.beta, self.normalisation)

    def variant(self) -> str:
        """Name of the cell among others of the same objective, such as ``alpha2-beta100``."""
        coefficients = {
            "task_reward": [],
            "sharpening": [f"alpha{self.alpha:g}"],
            "tempered": [f"alpha{self.alpha:g}"],
            "tilted": [f"alpha{self.alpha:g}", f"beta{self.beta:g}"],
            "null_control": [],
        }[self.objective]
        if self.normalisation == "mean":
            coefficients.append("mean")
        elif isinstance(self.normalisation, Mapping):
            coefficients.append(f"length_power{self.normalisation['length_power']:g}")
        if self.fixed_length:
            coefficients.append("fixed_length")
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


class Benchmark(Strict):
    """What speed is measured on: a small model with random weights."""

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


class Hardware(Strict):
    """What it runs on."""

    device: Literal["cpu", "cuda", "mps"]
    threads: Positive | None = Field(
        default=None, description="CPU threads of a tensor operation; none leaves it to torch."
    )
    dtype: Literal["float32", "bfloat16"] = Field(description="Of the policies while they sample and train.")
    train_batch: Positive = Field(description="Completions in one forward and backward pass.")
    generation_batch: Positive = Field(description="Completions generated together.")
    grading_workers: Positive = Field(description="Processes that compare answers symbolically.")
    gradient_checkpointing: bool


class Parameters(Strict):
    """Everything a run can be told, after the layers are composed.

    ``project`` and ``workspace`` are added by the configuration loader: they say where the run is, not what it does.
    """

    project: str = Field(description="Root folder of the project; local files are found from it.")
    workspace: str = Field(description="Folder for unfinished policies.")

    model: str
    data: str = Field(min_length=1, description="Folder of the data layers, relative to the project.")
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
    hardware: Hardware

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
            rollouts = block.prompts_per_step * block.completions_per_prompt
            batch = self.hardware.train_batch
            if rollouts % min(batch, rollouts):
                raise _fault(
                    f"must divide the {rollouts} completions of a step of train.{name}",
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
