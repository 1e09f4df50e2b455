"""What is trained, and how."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import ConfigDict, Field, field_validator, model_validator

from beyond_sharpening.objectives import OBJECTIVES, Objective
from beyond_sharpening.parameters.block import Decay, Positive, Strict, leaves
from beyond_sharpening.parameters.divergence import WATCHED, Divergence
from beyond_sharpening.parameters.own import ObjectiveName, own_of
from beyond_sharpening.parameters.signals import GOLD, Samples, Signal
from beyond_sharpening.parameters.trl import FIXED_TRL_ARGUMENTS

POLICIES = ("base", *OBJECTIVES)

WITHOUT_EFFECT = ("differs", "checkpoint_every")
"""The parameters that change nothing about what a training makes: not part of its identity or its name."""

LONGEST_NAME = 80  # characters; in a longer one a hash stands for what differs


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
    """One objective's training: its coefficients and its optimiser.

    What an objective takes of its own (``alpha``, ``beta``, ``normalisation``, …) is said by the table of objectives,
    and stands beside the fields that all have; see ``own``.
    """

    model_config = ConfigDict(extra="allow")

    objective: ObjectiveName
    differs: tuple[str, ...] = Field(
        default=(), description="Keys that are not the model's default; found when the layers are composed."
    )
    signal: Signal = Field(default=GOLD, exclude_if=GOLD.__eq__, description="What is told in the place of R.")
    samples: Samples = Field(
        default="all",
        exclude_if="all".__eq__,
        description="Completions that move the policy: all, positive, negative, or rejection: right ones of the start "
        "model.",
    )
    fixed_length: bool = Field(default=False, description="Generate max_completion_tokens always, through EOS.")
    loss: Literal["tokens", "sequences"] = Field(
        default="sequences", description="What is averaged and weighted: all tokens of a step, or its completions."
    )
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
    checkpoint_every: Positive = Field(
        default=50, description="Steps between the states an interrupted training resumes from."
    )
    divergence: Divergence = Field(
        default=WATCHED, exclude_if=WATCHED.__eq__, description="When a training is said to diverge, and what it does."
    )
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

    @model_validator(mode="before")
    @classmethod
    def _takes_what_its_objective_takes(cls, value: Any) -> Any:
        if not isinstance(value, Mapping) or value.get("objective") not in OBJECTIVES:
            return value
        shared = {key: given for key, given in value.items() if key in cls.model_fields}
        own = {key: given for key, given in value.items() if key not in cls.model_fields}
        return shared | own_of(value["objective"], own, {*cls.model_fields} - {"differs"})

    @property
    def own(self) -> dict[str, Any]:
        """What only this objective, or some, take: the parameters of its coefficients, and the normalisation."""
        return dict(self.model_extra or {})

    @model_validator(mode="after")
    def _is_told_something(self) -> Training:
        if self.signal != GOLD and self.build_objective().task == 0:
            raise ValueError(f"signal = {self.signal.type}: {self.objective} is told nothing; leave it out")
        if self.samples != "all" and self.build_objective() != Objective.named("task_reward"):
            raise ValueError(f"samples = {self.samples}: only task_reward has right and wrong ones alone; leave it out")
        return self

    def steps_on(self, problems: int) -> int:
        """Steps of a training on this many problems: ``steps``, or those of ``epochs`` where they are fewer."""
        if self.epochs is None:
            return self.steps
        return min(self.steps, self.epochs * (problems // self.prompts_per_step))

    def build_objective(self) -> Objective:
        """The three coefficients these parameters stand for."""
        return Objective.named(self.objective, **self.own)

    def unlike(self, default: Training) -> Training:
        """The same, with what differs from a default in its name."""
        ours, theirs = self._settings(), default._settings()
        keys = sorted(key for key in {*ours, *theirs} if ours.get(key, "absent") != theirs.get(key, "absent"))
        return self.model_copy(update={"differs": tuple(keys)})

    def naming(self) -> str:
        """The variant: the name of a cell among others of the same objective, such as ``alpha2-beta100``.

        Its coefficients, then whatever is not the model's default: readable, ``alpha2-beta100-learning_rate1e-05``,
        or a hash of it where that would grow too long.
        """
        named, other = [*self._always_named()], [*self._named_where_it_differs()]
        told = [_as_name(key, value) for key, value in other]
        name = "-".join([*named, *told])
        if len(name) > LONGEST_NAME or not re.fullmatch(r"[\w.+-]*", name):
            digest = hashlib.sha256(json.dumps(other).encode()).hexdigest()[:8]
            name = "-".join([*named, digest])
        return name or "default"

    def _always_named(self) -> Iterator[str]:
        for key, value in self.own.items():
            if key != "normalisation":
                yield f"{key}{value:.12g}"
        normalisation = self.own.get("normalisation", "sum")
        if normalisation == "mean":
            yield "mean"
        elif isinstance(normalisation, Mapping):
            yield f"length_power{normalisation['length_power']:.12g}"
        if self.signal != GOLD:
            yield self.signal.naming()
        if self.samples != "all":
            yield self.samples
        if self.fixed_length:
            yield "fixed_length"
        if self.lora is not None:
            yield f"lora{self.lora.rank}"

    def _named_where_it_differs(self) -> Iterator[tuple[str, Any]]:
        named = {*self.own, "signal", "samples", "lora.rank"} | ({"fixed_length"} if self.fixed_length else set())
        for key, value in leaves(self.model_dump(mode="json")):
            if key in self.differs and not named & {key, key.partition(".")[0]}:
                yield key, value

    def _settings(self) -> dict[str, Any]:
        """What makes it, by dotted key; within a block that may be absent, what is not the block's own default."""
        fields = {key: getattr(self, key) for key in type(self).model_fields if key not in WITHOUT_EFFECT}
        blocks = {
            key: value.model_dump(mode="json", exclude_defaults=True) if isinstance(value, Strict) else value
            for key, value in fields.items()
        }
        return dict(leaves(self.own | blocks))


def _as_name(key: str, value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return key if value else f"no_{key}"
    if isinstance(value, int | float):
        return f"{key}{value:.12g}"
    return f"{key}_{value}" if isinstance(value, str) else "?"  # never part of a name: it is hashed
