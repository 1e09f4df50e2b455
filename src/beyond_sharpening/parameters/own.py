"""What objectives take of their own, by the table of objectives: names, types and limits."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from functools import cache
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, ValidationError, create_model
from pydantic_core import PydanticCustomError

from beyond_sharpening.objectives import OBJECTIVES, PARAMETERS, Normalisation, Parameter, check_normalisation
from beyond_sharpening.parameters.block import Strict

OWN = (*PARAMETERS, "normalisation")
"""The names of what some objective takes of its own."""


def _known(name: str) -> str:
    if name not in OBJECTIVES:
        raise ValueError(f"{name!r} is not an objective; known: {', '.join(OBJECTIVES)}")
    return name


def _checked(value: Any) -> Any:
    check_normalisation(value)
    return value


ObjectiveName = Annotated[str, AfterValidator(_known)]
"""A name of the table."""


def own_type(name: str) -> Any:
    """The type of one of ``OWN``, with its limits."""
    if name == "normalisation":
        return Annotated[Normalisation, BeforeValidator(_checked)]
    parameter: Parameter = PARAMETERS[name]
    return Annotated[float, Field(gt=parameter.above, le=None if math.isinf(parameter.most) else parameter.most)]


def own_of(objective: str, own: Mapping[str, Any], shared: Collection[str]) -> dict[str, Any]:
    """An objective's own parameters, validated, with the defaults of those that are not given.

    Args:
        objective: a name of the table.
        own: what of a block of parameters is not shared by all objectives.
        shared: the keys that are.

    Raises:
        ValidationError: for a value that is not allowed, a key that is unknown or one that only others take.
    """
    takes = OBJECTIVES[objective].takes
    for key, value in own.items():
        if key not in takes:
            others = f"{objective} takes no {key}; of its own it takes: {', '.join(takes) or 'nothing'}"
            unknown = f"unknown key; known: {', '.join(sorted({*shared, *OWN}))}"
            raise fault(others if key in OWN else unknown, (key,), value)
    return _schema(objective).model_validate(own).model_dump()


@cache
def _schema(objective: str) -> type[BaseModel]:
    defaults = {parameter.name: parameter.default for parameter in OBJECTIVES[objective].parameters}
    fields: dict[str, Any] = {name: (own_type(name), defaults.get(name, "sum")) for name in OBJECTIVES[objective].takes}
    return create_model(objective, __base__=Strict, **fields)


def fault(message: str, path: tuple[str, ...], value: Any) -> ValidationError:
    """A fault found by comparing parameters with one another, laid at the door of one of them."""
    line = {"type": PydanticCustomError("inconsistent", "{message}", {"message": message}), "loc": path, "input": value}
    return ValidationError.from_exception_data("Parameters", [line])  # type: ignore[list-item]
