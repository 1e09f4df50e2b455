"""Samples that other systems drew, to be scored under the models that drew them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from beyond_sharpening.parameters.block import Positive, Strict


class Scoring(Strict):
    """What is scored, and how it was asked."""

    files: list[str] = Field(
        default=[], description="Files and folders of samples, each [POLICY=]PATH, as `kedro compare` takes them."
    )
    columns: dict[str, str] = Field(
        default_factory=dict, description="Our columns by the files' names for them: {is_right: correct, ask: prompt}."
    )
    filter: str | None = Field(default=None, description="Of lm-evaluation-harness's filters, the one to believe.")
    base: str | None = Field(default=None, description="What the files call the start model; none guesses.")
    asked: Literal["chat", "text", "question"] | None = Field(
        default=None,
        description="What a prompt that is a text is: a user's message, all that the model read, or a question that "
        "task.prompt puts; none goes by the format.",
    )
    max_tokens: Positive | None = Field(
        default=None,
        description="Completions of so many tokens were cut short and end with no EOS, where no column says it.",
    )
