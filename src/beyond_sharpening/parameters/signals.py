"""What a training may be told in place of the truth: the source of R, by name.

What each signal computes, where it comes from and how it is known to fail stands in ``training.signals``.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from beyond_sharpening.parameters.block import Strict

Rate = Annotated[float, Field(ge=0, le=1)]


class SignalBlock(Strict):
    """What every signal is made of: its ``type``, and parameters of its own."""

    def naming(self) -> str:
        """The signal in the name of a variant: its type, and what differs from its defaults."""
        named = [self.type]  # type: ignore[attr-defined]
        for key, field in type(self).model_fields.items():
            value = getattr(self, key)
            if key != "type" and value != field.default:
                named.append(f"{key}{value:g}" if isinstance(value, float) else f"{key}_{value}")
        return "-".join(named)


class Gold(SignalBlock):
    """The domain's grader: the truth itself."""

    type: Literal["gold"] = "gold"


class Noisy(SignalBlock):
    """The grader, but for flips."""

    type: Literal["noisy"]
    false_positive: Rate = Field(default=0.0, description="Of wrong answers, the share told to be right.")
    false_negative: Rate = Field(default=0.0, description="Of right answers, the share told to be wrong.")
    flips: Literal["drawn", "fixed"] = Field(
        default="drawn", description="For each completion anew, or once for each answer to a problem."
    )


GOLD = Gold()

Signal = Annotated[Gold | Noisy, Field(discriminator="type")]
