"""What is trained, and how."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from beyond_sharpening.objectives import Normalisation, Objective, ObjectiveName, check_normalisation
from beyond_sharpening.parameters.block import Decay, Positive, Strict
from beyond_sharpening.parameters.signals import GOLD, Samples, Signal
from beyond_sharpening.parameters.trl import FIXED_TRL_ARGUMENTS

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


class Lora(Strict):
    """A low-rank adapter, trained in place of the weights; the start model below it is the reference."""

    rank: Positive
    scale: Positive = Field(description="lora_alpha of peft: the adapter's output is multiplied by scale / rank.")
    targets: Literal["all-linear"] | list[str] = Field(
        default="all-linear", description="Names of the linear layers that get an adapter."
    )

    @field_validator("targets", mode="before")
    @classmethod
    def _names_layers(cls, value: Any) -> Any:
        if value != "all-linear" and not (isinstance(value, list) and value and all(isinstance(n, str) for n in value)):
            raise ValueError("must be all-linear, or a list of names of linear layers, such as [q_proj]")
        return value


class Training(Strict):
    """One objective's training: its coefficients and its optimiser."""

    objective: ObjectiveName
    alpha: float = Field(default=2.0, gt=0, le=100, description="Exponent of π_ref.")
    beta: float = Field(default=100.0, gt=0, description="Weight of the task reward against KL.")
    normalisation: Normalisation = Field(default="sum", description="Of log π_ref: sum, mean or {length_power: w}.")
    signal: Signal = Field(default=GOLD, exclude_if=GOLD.__eq__, description="What is told in the place of R.")
    samples: Samples = Field(
        default="all", exclude_if="all".__eq__, description="Completions that move the policy: all, positive, negative."
    )
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

    @model_validator(mode="after")
    def _is_told_something(self) -> Training:
        if self.signal != GOLD and self.build_objective().task == 0:
            raise ValueError(f"signal = {self.signal.type}: {self.objective} is told nothing; leave it out")
        if self.samples != "all" and self.build_objective() != Objective.named("task_reward"):
            raise ValueError(f"samples = {self.samples}: only task_reward has right and wrong ones alone; leave it out")
        return self

    def steps_on(self, problems: int) -> int:
        """Steps of a training on so many problems: ``steps``, or those of ``epochs`` where they are fewer."""
        if self.epochs is None:
            return self.steps
        return min(self.steps, self.epochs * (problems // self.prompts_per_step))

    def build_objective(self) -> Objective:
        """The three coefficients these parameters stand for."""
        return Objective.named(self.objective, self.alpha, self.beta, self.normalisation)

    def variant(self) -> str:
        """Name of the cell among others of the same objective, such as ``alpha2-beta100``."""
        coefficients = [f"{name}{getattr(self, name):g}" for name in COEFFICIENTS[self.objective]]
        if self.normalisation == "mean":
            coefficients.append("mean")
        elif isinstance(self.normalisation, Mapping):
            coefficients.append(f"length_power{self.normalisation['length_power']:g}")
        if self.signal != GOLD:
            coefficients.append(self.signal.naming())
        if self.samples != "all":
            coefficients.append(self.samples)
        if self.fixed_length:
            coefficients.append("fixed_length")
        if self.lora is not None:
            coefficients.append(f"lora{self.lora.rank}")
        return "-".join(coefficients) or "default"
