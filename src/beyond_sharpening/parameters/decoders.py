"""Decoders that may be asked for: what they are called, what they take, and which values make sense.

α is the exponent of the target π^α, τ the temperature of the proposal q_τ = softmax(log π / τ), N the size of a
pool or the number of particles. A proposal always has full support: one cut off by top-p or top-k could never draw
some of the completions that the target holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

Positive = Annotated[int, Field(ge=1)]
Temperature = Annotated[float, Field(gt=0, le=100)]
Exponent = Annotated[float, Field(gt=0, le=100, description="α, the exponent of the target π^α.")]


class _Options(BaseModel):
    """Keys that every decoder takes."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    samples: Positive = Field(default=1, description="Completions a problem, each an independent run of the decoder.")
    base_only: bool = Field(default=False, description="Decode the start model alone, not the trained policies.")

    @property
    def rows(self) -> int:
        """Completions that grow together for one problem."""
        return self.samples

    @property
    def drawn(self) -> int:
        """Whole completions that are drawn for one problem, at most, to have ``samples``."""
        return self.rows


class _Deterministic(_Options):
    @model_validator(mode="after")
    def _has_one_completion(self) -> _Deterministic:
        if self.samples != 1:
            raise ValueError(f"has one completion a problem, always the same; leave samples = {self.samples} out")
        return self


class TemperatureSampling(_Options):
    """Ancestral sampling from softmax(log π / τ)."""

    type: Literal["temperature"]
    temperature: Temperature = 1.0


class TopP(_Options):
    """Nucleus sampling (Holtzman et al., arXiv 1904.09751): the likeliest tokens that together have mass p."""

    type: Literal["top_p"]
    top_p: float = Field(gt=0, le=1)
    temperature: Temperature = 1.0


class Greedy(_Deterministic):
    """The likeliest token, always."""

    type: Literal["greedy"]


class BeamSearch(_Deterministic):
    """Beam search for argmax π: no length penalty."""

    type: Literal["beam_search"]
    beams: int = Field(default=8, ge=2)

    @property
    def rows(self) -> int:
        return self.beams


class _Pool(_Options):
    """Decoders that choose from N independent draws of q_τ; those with the same N, τ and samples share their draws."""

    n: Positive = Field(default=16, description="Draws that one completion is chosen from.")
    temperature: Temperature = 1.0

    @property
    def drawn(self) -> int:
        return self.samples * self.n

    @model_validator(mode="before")
    @classmethod
    def _has_full_support(cls, values: Any) -> Any:
        return _refuse_truncation(values)


class BestOfN(_Pool):
    """The likeliest of N draws, by log π or by log π a token."""

    type: Literal["best_of_n"]
    by: Literal["sum", "mean"] = "sum"


class MajorityVote(_Pool):
    """A draw that has the most frequent answer of N."""

    type: Literal["majority_vote"]


class Sir(_Pool):
    """Sampling–importance–resampling from π^α: one of N draws, with weight π^α / q."""

    type: Literal["sir"]
    alpha: Exponent


class IndependentMH(_Pool):
    """Metropolis–Hastings on π^α whose proposals are the N draws, whole completions independent of the state."""

    type: Literal["independent_mh"]
    alpha: Exponent


class OracleBestOfN(_Pool):
    """A right one of N draws if there is one. It is told what is right: a bound, not a method."""

    type: Literal["oracle_best_of_n"]


class OracleTilted(_Pool):
    """Importance resampling from π^α·exp(β·R). It is told what is right: a bound, not a method."""

    type: Literal["oracle_tilted"]
    alpha: Exponent
    beta: float = Field(ge=0)


class _Sequential(_Options):
    """Decoders that weigh completions while they grow."""

    alpha: Exponent
    temperature: Temperature | None = Field(default=None, description="τ of the proposal; 1/α if not given.")

    @model_validator(mode="before")
    @classmethod
    def _has_full_support(cls, values: Any) -> Any:
        return _refuse_truncation(values)

    @property
    def proposal_temperature(self) -> float:
        """τ of the proposal."""
        return 1 / self.alpha if self.temperature is None else self.temperature


class PowerMH(_Sequential):
    """Metropolis–Hastings on π^α by redrawn suffixes, block by block (after Karan & Du, arXiv 2510.14901)."""

    type: Literal["power_mh"]
    blocks: Positive = Field(default=1, description="Length caps on the way: T/blocks, 2T/blocks, …, T.")
    steps: Positive = Field(description="Metropolis–Hastings steps at each cap.")

    @property
    def drawn(self) -> int:
        return self.samples * (1 + self.blocks * self.steps)


class _Particles(_Sequential):
    n: Positive = Field(default=16, description="Particles of one run.")

    @property
    def rows(self) -> int:
        return self.samples * self.n


class Smc(_Particles):
    """Sequential Monte Carlo for π^α with N particles."""

    type: Literal["smc"]


class SmcMH(_Particles):
    """Sequential Monte Carlo, then Metropolis–Hastings steps from its completion."""

    type: Literal["smc_mh"]
    steps: Positive = Field(default=10, description="Metropolis–Hastings steps.")

    @property
    def drawn(self) -> int:
        return self.rows + self.samples * self.steps


class Pimh(_Particles):
    """Particle independent Metropolis–Hastings (Andrieu et al. 2010): exact for any number of particles."""

    type: Literal["pimh"]
    steps: Positive = Field(default=10, description="Runs proposed after the first.")

    @property
    def rows(self) -> int:
        return self.samples * self.n * (self.steps + 1)


PoolDecoder = BestOfN | MajorityVote | Sir | IndependentMH | OracleBestOfN | OracleTilted
IndependentDecoder = TemperatureSampling | TopP | Greedy | PoolDecoder
"""Those that need independent samples alone, which any engine can draw; the others steer completions as they grow."""

Decoder = Annotated[
    IndependentDecoder | BeamSearch | PowerMH | Smc | SmcMH | Pimh,
    Field(discriminator="type"),
]


def expand_lists(decoders: Mapping[str, Any]) -> dict[str, Any]:
    """One decoder for each combination where a value is a list: ``sir`` with α of [2, 4] is two, named for α.

    A decoder that is ``None`` is left out: so the command line is rid of one that a file has. Values are validated
    later; anything else that is not a block of keys is left as it is.
    """
    expanded: dict[str, Any] = {}
    for name, block in decoders.items():
        for suffix, chosen in _combinations(block) if block is not None else ():
            expanded[name + suffix] = chosen
    return expanded


def _combinations(block: Any) -> Iterator[tuple[str, Any]]:
    items = block.items() if isinstance(block, dict) else ()
    # An empty list is left to the validation, which refuses it; 2+4 is a list on the command line.
    many = {key: _numbers(value) if isinstance(value, str) and "+" in value else value for key, value in items}
    lists = {key: value for key, value in many.items() if isinstance(value, list) and value}
    for values in product(*lists.values()):
        chosen = dict(zip(lists, values, strict=True))
        yield "".join(f"-{key}{value}" for key, value in chosen.items()), {**block, **chosen} if lists else block


def _numbers(text: str) -> list[Any]:
    return [yaml.safe_load(part) for part in text.split("+")]


def _refuse_truncation(values: Any) -> Any:
    if isinstance(values, Mapping) and (cut := sorted({"top_p", "top_k", "min_p"} & set(values))):
        raise ValueError(
            f"{cut[0]} = {values[cut[0]]!r} would take completions out of the proposal's support, and the target "
            f"could not be reached; leave {cut[0]} out"
        )
    return values
