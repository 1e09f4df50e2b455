"""Typed, validated parameters: what may be asked for, checked before anything expensive runs.

The YAML files hold layers (what every model shares, a block per model, a block per objective); ``compose``
lays them over one another into the one set of parameters that the pipelines read, and ``Parameters``
says what each may be.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from beyond_sharpening.errors import BadInput
from beyond_sharpening.objectives import Normalisation, Objective, ObjectiveName
from beyond_sharpening.problems.sources import GeneratorSource, Source

OBJECTIVES: tuple[ObjectiveName, ...] = ("task_reward", "sharpening", "tempered", "tilted", "null_control")
POLICIES = ("base", *OBJECTIVES)

Positive = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]

# What the estimator's correctness rests on: another value would train another objective.
FIXED_TRL_ARGUMENTS = {
    "beta",
    "normalize_advantages",
    "num_generations",
    "num_iterations",
    "output_dir",
    "reward_clip_range",
    "reward_weights",
    "scale_rewards",
    "seed",
    "temperature",
    "top_k",
    "top_p",
    "min_p",
    "repetition_penalty",
}

LAYERS = ("models", "sources", "training", "train")


class Strict(BaseModel):
    """A block of parameters in which an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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
            raise ValueError(f"{', '.join(clash)} would change the objective or is set by its own parameter here")
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


class Decoder(Strict):
    """A way to draw completions from a policy."""

    type: Literal["temperature", "greedy"]
    temperature: float = Field(default=1.0, gt=0, le=100)
    samples: Positive = Field(default=1, description="Completions a problem.")

    @model_validator(mode="after")
    def _greedy_is_deterministic(self) -> Decoder:
        if self.type == "greedy" and (self.samples != 1 or self.temperature != 1.0):
            raise ValueError("greedy decoding has one completion and no temperature; leave both out")
        return self


class Evaluation(Strict):
    """What is drawn from every policy."""

    decoders: dict[str, Decoder]
    checkpoints: list[Literal["last", "best"]] = Field(min_length=1)

    @field_validator("decoders")
    @classmethod
    def _has_the_reference_decoder(cls, value: dict[str, Decoder]) -> dict[str, Decoder]:
        reference = value.get("temperature")
        if reference is None or reference.type != "temperature" or reference.temperature != 1.0:
            raise ValueError("a decoder named temperature, with temperature 1, is the reference of every comparison")
        return value


class Comparison(Strict):
    """How policies are compared."""

    ks: list[Positive] = Field(min_length=1, description="The k of pass@k and maj@k.")


class Hardware(Strict):
    """What it runs on."""

    device: Literal["cpu", "cuda", "mps"]
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
    hardware: Hardware

    @model_validator(mode="after")
    def _is_consistent(self) -> Parameters:
        if wrong := [name for name, block in self.train.items() if block.objective != name]:
            raise ValueError(f"train.{wrong[0]}.objective must be {wrong[0]}")
        samples = self.evaluate.decoders["temperature"].samples
        if max(self.compare.ks) > samples:
            raise ValueError(f"compare.ks asks for k = {max(self.compare.ks)} but evaluate draws {samples} samples")
        for name, block in self.train.items():
            rollouts = block.prompts_per_step * block.completions_per_prompt
            if rollouts % min(self.hardware.train_batch, rollouts):
                raise ValueError(
                    f"hardware.train_batch = {self.hardware.train_batch} must divide the {rollouts} completions "
                    f"of a step of train.{name}"
                )
        return self


def compose(layers: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    """Lay the layers over one another: shared < model block < objective block < what was asked on the command line.

    Args:
        layers: the merged YAML files, command line included.
        asked: the command line's own overrides, nested.

    Raises:
        BadInput: for a model that has no block, or a training set or benchmark that has no source.
    """
    rest = dict(layers)
    models, sources, shared = rest.pop("models"), rest.pop("sources"), rest.pop("training")
    model = rest.get("model")
    if model not in models:
        raise BadInput(f"model = {model!r}: no such block under models; known: {', '.join(sorted(models))}")
    block = dict(models[model])
    own_training = block.pop("training", {})
    problems = dict(block.pop("problems"))
    problems["train"] = _source(sources, problems["train"])
    problems["benchmarks"] = {name: _source(sources, name) for name in problems["benchmarks"]}
    asked_of = asked.get("train", {})
    train = {
        name: {
            "objective": name,
            **shared,
            **own_training,
            **(coefficients or {}),
            **asked.get("training", {}),
            **asked_of.get(name, {}),
        }
        for name, coefficients in rest.pop("train").items()
    }
    asked_itself = {key: value for key, value in asked.items() if key not in LAYERS}
    return merge(rest, block, asked_itself, {"problems": problems, "train": train})


def merge(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Deep merge of mappings; later layers win."""
    result: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            if isinstance(value, Mapping) and isinstance(result.get(key), Mapping):
                result[key] = merge(result[key], value)
            else:
                result[key] = value
    return result


def _source(sources: Mapping[str, Any], name: str) -> Any:
    if name not in sources:
        raise BadInput(f"problem source {name!r}: no such block under sources; known: {', '.join(sorted(sources))}")
    return sources[name]
