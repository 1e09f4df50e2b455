"""What readers are told in their own units."""

from __future__ import annotations

from pydantic import Field

from beyond_sharpening.parameters.block import Strict


class Rates(Strict):
    """What computing costs. Hours are measured in training; a rate that is not known leaves its unit out."""

    tokens_per_hour: float | None = Field(
        default=None, gt=0, description="Tokens processed an hour; none takes what the trainings reached."
    )
    kilowatts: float | None = Field(
        default=None, gt=0, description="Power of one process under load: its GPU, or its share of the machine."
    )
    price_per_hour: float | None = Field(default=None, gt=0, description="Money that an hour of one process costs.")
    currency: str = Field(default="EUR", min_length=1)


class Reporting(Strict):
    """What the report is written with."""

    rates: Rates = Rates()
