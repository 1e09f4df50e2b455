"""What every block of parameters is made of."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

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


def _at_home(value: str) -> str:
    return str(Path(value).expanduser()) if value.startswith("~") else value


FolderOrId = Annotated[str, Field(min_length=1), AfterValidator(_at_home)]
"""A hub id or a local folder, in which ``~`` is the home folder."""


class Strict(BaseModel):
    """A block of parameters in which an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def leaves(parameters: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested parameters by dotted key, ``train.tilted.alpha``."""
    for key, value in parameters.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
