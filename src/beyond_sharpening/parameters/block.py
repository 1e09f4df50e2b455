"""What every block of parameters is made of."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

Positive = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
Decay = Annotated[float, Field(ge=0, lt=1)]


def _can_be_found(value: str) -> str:
    module, function = value.split(":")
    try:
        found = importlib.import_module(module)
    except ImportError as error:
        raise ValueError(
            f"{module} cannot be imported ({error}); give module:function, as rewards:grade for a file rewards.py "
            "beside conf/"
        ) from error
    if not callable(getattr(found, function, None)):
        raise ValueError(f"there is no function {function} in {module}; give module:function")
    return value


Importable = Annotated[str, Field(pattern=r"^[\w.]+:\w+$"), AfterValidator(_can_be_found)]
"""``module:function`` of something that can be called."""


def at_home(value: str) -> str:
    """A path with ``~`` as the home folder."""
    return str(Path(value).expanduser()) if value.startswith("~") else value


FolderOrId = Annotated[str, Field(min_length=1), AfterValidator(at_home)]
"""A hub id or a local folder, in which ``~`` is the home folder."""

LocalPath = Annotated[str, Field(min_length=1), AfterValidator(at_home)]
"""A local folder or file, in which ``~`` is the home folder."""


FolderName = Annotated[str, Field(pattern=r"^\w[\w.+-]*$")]
"""What is called so has a folder of that name in the data folder, out of which no name leads."""


def listed(value: Any) -> list[Any]:
    """A list as it is, one value as a list of one, and ``a+b`` as two: the command line has no lists."""
    if isinstance(value, str):
        return value.split("+")
    return value if isinstance(value, list) else [value]


class Strict(BaseModel):
    """A block of parameters in which an unknown key is an error, and ``a+b`` is a list where one is taken."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _as_the_command_line_has_them(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        taken = {key: field.annotation for key, field in cls.model_fields.items()}
        return {key: _as_list(value, taken.get(key)) for key, value in values.items()}


def _as_list(value: Any, annotation: Any) -> Any:
    """A text or a number as a list, where nothing but a list is taken, or the text has several values."""
    if not isinstance(value, str | int | float):
        return value
    kinds = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    bare = [get_args(kind)[0] if get_origin(kind) is Annotated else kind for kind in kinds]
    lists = [get_origin(kind) in (list, tuple) for kind in bare if kind is not NoneType]
    if all(lists) or (any(lists) and isinstance(value, str) and "+" in value):
        return listed(value)
    return value


def leaves(parameters: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested parameters by dotted key, ``train.tilted.alpha``."""
    for key, value in parameters.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
