"""The grid of cells: models × objectives × their coefficients × seeds, and how its jobs are run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, create_model, field_validator, model_validator

from beyond_sharpening.objectives import OBJECTIVES
from beyond_sharpening.parameters.block import listed
from beyond_sharpening.parameters.own import OWN, ObjectiveName, fault, own_type
from beyond_sharpening.parameters.signals import Samples, Signal
from beyond_sharpening.parameters.training import Training

Value = TypeVar("Value")
OneOrMore = Annotated[list[Value], BeforeValidator(listed), Field(min_length=1)]
"""A list, or what the command line gives for one."""


class _Block(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


NUMBERS = {name: field for name, field in Training.model_fields.items() if field.annotation in (bool, int, float)}
"""What all trainings have, and a grid may vary as well: ``fixed_length``, ``learning_rate``, ``steps`` …"""

TOLD = {"signal": Signal, "samples": Samples}
"""What may be varied of an objective that is told what is right."""

_TYPES: dict[str, Any] = {name: own_type(name) for name in OWN} | TOLD
_TYPES |= {name: Annotated[field.annotation, Field(), *field.metadata] for name, field in NUMBERS.items()}
_FIELDS: dict[str, Any] = {name: (OneOrMore[kind] | None, None) for name, kind in _TYPES.items()}  # type: ignore[valid-type]
_Lists = create_model("_Lists", __base__=_Block, **_FIELDS)


class Axes(_Block):
    """Values of what a training is told, every combination of which is a cell; what is left out is not varied."""

    model_config = ConfigDict(extra="allow")

    @model_validator(mode="before")
    @classmethod
    def _are_lists(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        for key, given in value.items():
            if key not in _TYPES:
                raise fault(f"unknown key; known: {', '.join(_TYPES)}", (key,), given)
        return _Lists.model_validate(value).model_dump(exclude_none=True)

    def given(self) -> dict[str, list[Any]]:
        """The axes that are varied."""
        return dict(self.model_extra or {})


class Slurm(_Block):
    """What a job asks SLURM for, by the names of ``sbatch``."""

    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    constraint: str | None = None
    time: int = Field(default=1440, ge=1, description="Minutes; a job that needs more is queued again, and goes on.")
    cpus_per_task: int | None = Field(default=None, ge=1)
    mem: str | None = Field(default=None, description="Memory of a node, such as 200GB.")
    setup: list[str] = Field(default_factory=list, description="Shell lines before the job: modules, variables.")


class Sweep(_Block):
    """A grid of cells and how it is launched."""

    models: OneOrMore[str]
    seeds: OneOrMore[Annotated[int, Field(ge=0, lt=2**31)]] = Field(description="Values of train_seed.")
    objectives: dict[ObjectiveName, Axes] = Field(description="The axes of each objective; null leaves it out.")
    executor: Literal["local", "slurm"]
    at_once: int = Field(ge=1, description="Jobs that run, or wait in SLURM's queue, at a time.")
    minutes: float | None = Field(default=None, gt=0, description="A local job that takes longer is stopped.")
    slurm: Slurm

    @field_validator("objectives", mode="before")
    @classmethod
    def _are_objectives(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        if unknown := [name for name in value if name not in OBJECTIVES]:
            raise ValueError(f"{unknown[0]!r} is not an objective; known: {', '.join(OBJECTIVES)}")
        kept = {name: axes for name, axes in value.items() if axes is not None}
        if not kept:
            raise ValueError(f"names no objective; known: {', '.join(OBJECTIVES)}")
        return kept

    @field_validator("objectives")
    @classmethod
    def _have_these_axes(cls, value: dict[ObjectiveName, Axes]) -> dict[ObjectiveName, Axes]:
        for name, axes in value.items():
            takes = (*OBJECTIVES[name].takes, *(TOLD if OBJECTIVES[name].is_told else ()), *NUMBERS)
            if foreign := [axis for axis in axes.given() if axis not in takes]:
                raise ValueError(f"{name} has no {foreign[0]} to vary; it has: {', '.join(takes)}")
        return value


@dataclass(frozen=True)
class Cell:
    """One training: an objective with its coefficients, from a model, with a seed."""

    model: str
    objective: ObjectiveName
    coefficients: Mapping[str, Any]
    seed: int

    def parameters(self) -> dict[str, Any]:
        """The parameters that ask for this cell, nested."""
        own = {"train": {self.objective: dict(self.coefficients)}} if self.coefficients else {}
        return {"model": self.model, "train_seed": self.seed, **own}


def cells(sweep: Sweep) -> Iterator[Cell]:
    """Every cell of the grid: a seed of every variant of a model before the next seed, so that a grid that is cut
    short has whole replicates."""
    for model, seed in product(sweep.models, sweep.seeds):
        for objective, axes in sweep.objectives.items():
            given = axes.given()
            for values in product(*given.values()):
                yield Cell(model, objective, dict(zip(given, values, strict=True)), seed)
