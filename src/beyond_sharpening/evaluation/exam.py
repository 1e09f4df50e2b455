"""Who is examined, and in what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True)
class Exam:
    """What every policy is asked, and how its completions are made and graded."""

    problems: Sequence[Problem]
    task: Task
    decoders: dict[str, Decoder]
    sample_seed: int
    hardware: Hardware
    min_completion_tokens: int = 1
