"""Policies that were trained elsewhere."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from beyond_sharpening.parameters.block import FolderOrId, Strict
from beyond_sharpening.parameters.training import POLICIES


def _is_its_own(name: str) -> str:
    if name in POLICIES:
        raise ValueError(f"{name!r} is the name of a policy of this project: give it another")
    return name


PolicyName = Annotated[str, Field(pattern=r"^[A-Za-z][\w.+-]*$"), AfterValidator(_is_its_own)]
"""What such a policy is called in tables, folders and reports."""


class ForeignPolicy(Strict):
    """A model, or an adapter over the start model, that another system trained from the start model.

    Several trainings that differ in their seed alone are one policy of several seeds.
    """

    path: FolderOrId | Annotated[list[FolderOrId], Field(min_length=1)] = Field(
        description="Hub id, or a local folder: a whole model, or an adapter of peft. A list is a training's seeds."
    )
    revision: str = "main"
    base: FolderOrId | None = Field(
        default=None, description="What it was trained from; must be base.path. None is the start model, on trust."
    )
    asked_like_base: bool = Field(
        default=False, description="Give it the base's prompts though its own chat template writes others."
    )

    @property
    def paths(self) -> list[str]:
        """Where each seed of its training is, in order."""
        return self.path if isinstance(self.path, list) else [self.path]
