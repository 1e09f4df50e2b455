"""What is asked, and of whom an answer is judged."""

from __future__ import annotations

import importlib

from pydantic import Field, field_validator

from beyond_sharpening.parameters.block import Positive, Strict
from beyond_sharpening.parameters.sources import Source


class Problems(Strict):
    """What is trained on, what is held out of it, and the benchmarks."""

    train: Source
    validation_size: Positive = Field(description="Training problems held out; the best checkpoint is chosen on them.")
    benchmarks: dict[str, Source] = Field(min_length=1)


class Task(Strict):
    """How a problem is put and graded, in training and evaluation alike."""

    prompt: str = Field(description="Template of the user's message, with {question} in it.")
    max_completion_tokens: Positive
    max_prompt_tokens: Positive | None = Field(
        default=None, description="Training problems whose prompt is longer are left out; none keeps all."
    )
    grader: str = Field(pattern=r"^[\w.]+:\w+$", description="module:function with the signature of grading.grade.")

    @field_validator("prompt")
    @classmethod
    def _asks_the_question(cls, value: str) -> str:
        if value.count("{question}") != 1:
            raise ValueError("must contain {question} exactly once")
        return value

    @field_validator("grader")
    @classmethod
    def _can_be_found(cls, value: str) -> str:
        module, function = value.split(":")
        try:
            found = importlib.import_module(module)
        except ImportError as error:
            raise ValueError(f"{module} cannot be imported ({error}); give module:function") from error
        if not callable(getattr(found, function, None)):
            raise ValueError(f"there is no function {function} in {module}; give module:function")
        return value
