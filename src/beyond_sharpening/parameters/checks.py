"""What is checked and measured beside the experiment: the theory, the statistics, and speed."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from beyond_sharpening.objectives import OBJECTIVES
from beyond_sharpening.parameters.block import Positive, Seed, Strict
from beyond_sharpening.parameters.own import ObjectiveName
from beyond_sharpening.parameters.start_model import Architecture


class Theory(Strict):
    """The theory as computations on policies small enough to enumerate."""

    seed: Seed = Field(description="Of the random policies, and of the trainings.")
    objectives: list[ObjectiveName] = Field(
        default=[*OBJECTIVES], min_length=1, description="What is trained to its known optimum; by default all."
    )


class Validation(Strict):
    """The statistics, tried on draws from something known."""

    draws: Positive = Field(description="Simulated benchmarks for each setting of intervals and tests.")
    worlds: Positive = Field(description="Worlds in which every kind of policy is named, for each setting.")
    seed: Seed = Field(description="Of all draws.")


class BenchmarkStep(Strict):
    """A step of RLOO whose parts are measured."""

    prompts: Positive
    completions: int = Field(ge=2, description="Of each prompt.")
    prompt_tokens: Positive
    new_tokens: Positive = Field(description="Tokens of a completion, at most where lengths are its own.")
    own_lengths: bool = Field(default=False, description="Completions end at an EOS.")
    measured: Positive = Field(default=1, description="Steps measured, after one that warms up.")
    config: dict[str, Any] | None = Field(
        default=None, description="Keys of the model's config.json; none takes the start model's."
    )


class Benchmark(Strict):
    """What speed is measured on: models with random weights."""

    architecture: Architecture
    new_tokens: Positive = Field(description="Tokens of a completion.")
    repeats: Positive = Field(description="Interleaved repeats; medians are reported.")
    alpha: float = Field(gt=0, le=100)
    blocks: Positive
    steps: Positive = Field(description="Metropolis–Hastings steps a block.")
    chain_prompt: Positive = Field(description="Tokens of a prompt of the chains.")
    batches: list[Positive] = Field(min_length=1, description="Chains advanced together.")
    peer_chains: Positive = Field(description="Chains that the peer runs, one at a time.")
    rollouts: list[Positive] = Field(min_length=1, description="Samples a prompt.")
    rollout_prompts: Positive
    prompt_lengths: list[Positive] = Field(min_length=1)
    step: BenchmarkStep
    problems: Positive = Field(description="Of 16 samples each, for the statistics.")
    growth: dict[Literal["completions", "prompt_tokens", "new_tokens", "layers"], list[Positive]] = Field(
        default={}, description="What an update is varied in, and its values."
    )
    further_steps: dict[str, BenchmarkStep] = Field(default={}, description="Steps of other models, by their names.")
