"""Who is examined, and in what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from beyond_sharpening.decoding.seeds import derive_seed
from beyond_sharpening.parameters import Hardware, Task
from beyond_sharpening.parameters.decoders import Decoder
from beyond_sharpening.problems import Problem


@dataclass(frozen=True)
class Arm:
    """Whose completions they are: the columns that name a policy in the samples table."""

    model: str
    policy: str
    variant: str
    checkpoint: str
    train_seed: int
    replicate: int = 0

    def seed(self, sample_seed: int, *purpose: str) -> int:
        """A seed of this arm alone: draws that two arms shared would make their difference look surer than it is."""
        return derive_seed(sample_seed, *map(str, vars(self).values()), *purpose)


@dataclass(frozen=True)
class Exam:
    """What every policy is asked, and how its completions are made and graded."""

    problems: Sequence[Problem]
    task: Task
    decoders: dict[str, Decoder]
    sample_seed: int
    hardware: Hardware
    min_completion_tokens: int = 1

    def decoders_of(self, arm: Arm) -> dict[str, Decoder]:
        """Those that an arm is decoded with: the second sample of the base needs the reference decoder alone."""
        return {
            name: decoder
            for name, decoder in self.decoders.items()
            if (arm.policy == "base" or not decoder.base_only) and (arm.replicate == 0 or name == "temperature")
        }
