"""When a training is said to diverge."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from beyond_sharpening.parameters.block import Positive, Strict


class Divergence(Strict):
    """The rules by which a training is watched; docs/reliability.md says why each is what it is.

    A rule that is ``null`` is off. A value that is not a number always ends a training.
    """

    action: Literal["go_on", "stop"] = Field(default="go_on", description="What a training does that diverges.")
    steps: Positive = Field(default=5, description="Steps in a row for which a rule must hold.")
    min_entropy: float | None = Field(default=0.02, ge=0, description="Nats a token; below it a policy has collapsed.")
    max_truncated: float | None = Field(
        default=0.95, gt=0, le=1, description="Share of completions cut short, where it began below half of it."
    )
    min_length_share: float | None = Field(
        default=0.1, gt=0, lt=1, description="Length of completions, as a share of that of the first step."
    )
    max_kl: float | None = Field(default=None, gt=0, description="Nats a completion from the start model.")
    above_attainable: bool = Field(default=True, description="Watch for a reward that no policy can have.")


WATCHED = Divergence()
"""The rules unless a training has its own."""
