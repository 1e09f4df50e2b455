"""What is asked, and by what an answer is judged."""

from __future__ import annotations

from pydantic import Field, field_validator, model_validator

from beyond_sharpening.parameters.block import Importable, Positive, Strict
from beyond_sharpening.parameters.sources import Source

ESCAPES = {"\a": r"\a", "\b": r"\b", "\f": r"\f", "\v": r"\v", "\r": r"\r", "\x1b": r"\e"}
"""What YAML makes of a backslash and a letter in double quotes: of ``"\\boxed"``, a backspace and ``oxed``."""

TYPESET = "beyond_sharpening.problems:normalise_question"


class Problems(Strict):
    """What is trained on, what is held out of it, and the benchmarks."""

    train: Source
    validation_size: Positive = Field(description="Training problems held out; the best checkpoint is chosen on them.")
    benchmarks: dict[str, Source] = Field(min_length=1)
    normaliser: Importable = Field(
        default=TYPESET, description="module:function that gives what two writings of one question share."
    )


class Task(Strict):
    """How a problem is put and graded."""

    prompt: str = Field(description="Template of the user's message, with {question} in it.")
    system_prompt: str | None = Field(default=None, min_length=1, description="The message before it; none sends none.")
    max_completion_tokens: Positive | None = Field(
        default=None, description="Longest completion in training; none is what the context leaves."
    )
    context: int | None = Field(
        default=None,
        ge=2,
        description="Tokens that a prompt and its completion share in training; none sets no bound.",
    )
    max_prompt_tokens: Positive | None = Field(
        default=None, description="Training problems whose prompt is longer are left out; none keeps all."
    )
    evaluation_tokens: Positive | None = Field(
        default=None, description="Longest completion in evaluation; none takes that of training."
    )
    grader: Importable = Field(description="module:function with the signature of grading.grade.")

    @field_validator("prompt", "system_prompt")
    @classmethod
    def _is_as_it_was_meant(cls, value: str | None) -> str | None:
        for written in sorted({*(value or "")} & {*ESCAPES}):
            raise ValueError(
                f"has the control character that {ESCAPES[written]} stands for in double quotes: write it with two "
                "backslashes there, or use a block of text (|)"
            )
        return value

    @property
    def completion_tokens(self) -> int:
        """The longest completion in training: after a prompt of one token, where it shares a context."""
        lengths = [self.max_completion_tokens, None if self.context is None else self.context - 1]
        return min(length for length in lengths if length is not None)

    @property
    def evaluated_tokens(self) -> int:
        """The longest completion in evaluation."""
        return self.evaluation_tokens or self.completion_tokens

    @model_validator(mode="after")
    def _has_an_end(self) -> Task:
        if self.max_completion_tokens is None and self.context is None:
            raise ValueError("give max_completion_tokens, or a context that a prompt and its completion share")
        return self

    @field_validator("prompt")
    @classmethod
    def _asks_the_question(cls, value: str) -> str:
        if value.count("{question}") != 1:
            raise ValueError("must contain {question} exactly once")
        return value
