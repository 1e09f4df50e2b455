"""What is drawn from every policy, and how policies are compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, field_validator

from beyond_sharpening.analysis import Rule
from beyond_sharpening.parameters.block import Positive, Strict
from beyond_sharpening.parameters.decoders import Decoder, TemperatureSampling, expand_lists


class Evaluation(Strict):
    """What is drawn from every policy."""

    decoders: dict[str, Decoder]
    checkpoints: list[Literal["last", "best"]] = Field(min_length=1)
    min_completion_tokens: Positive = Field(default=1, description="No decoder gives a shorter completion.")

    @field_validator("decoders", mode="before")
    @classmethod
    def _one_a_combination(cls, value: Any) -> Any:
        return expand_lists(value) if isinstance(value, Mapping) else value

    @field_validator("decoders")
    @classmethod
    def _has_the_reference_decoder(cls, value: dict[str, Decoder]) -> dict[str, Decoder]:
        reference = value.get("temperature")
        if not isinstance(reference, TemperatureSampling) or reference.temperature != 1.0 or reference.base_only:
            raise ValueError("a decoder named temperature, with temperature 1, is the reference of every comparison")
        return value


class Comparison(Strict):
    """How policies are compared."""

    ks: list[Positive] = Field(min_length=1, description="The k of pass@k and maj@k.")
    rule: Rule = Field(default_factory=Rule, description="The verdict's numbers, written down before the run.")
