"""What a training may be told in place of the truth: the source of R, by name.

What each signal computes, where it comes from and how it is known to fail stands in ``training.signals``.
"""

from __future__ import annotations

import hashlib
import re
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from beyond_sharpening.parameters.block import FolderOrId, Importable, Strict

Rate = Annotated[float, Field(ge=0, le=1)]
LONGEST_WORD = 40  # characters of a text in a name; of a longer one, a hash


class SignalBlock(Strict):
    """What every signal is made of: its ``type``, and parameters of its own."""

    def naming(self) -> str:
        """The signal in the name of a variant: its type, and what differs from its defaults."""
        named = [self.type]  # type: ignore[attr-defined]
        for key, field in type(self).model_fields.items():
            value = getattr(self, key)
            if key != "type" and value != field.default:
                named.append(f"{key}{value:g}" if isinstance(value, float) else f"{key}_{_word(value)}")
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


class Random(SignalBlock):
    """A coin."""

    type: Literal["random"]
    probability: Rate = Field(default=0.5, description="Of being told to be right.")


class Form(SignalBlock):
    """That there is an answer, whatever it is."""

    type: Literal["format"]
    form: Literal["box", "answer"] = Field(
        default="box", description="A box with something in it, or anything that the grader reads as an answer."
    )


class Inverted(SignalBlock):
    """The opposite of the truth."""

    type: Literal["inverted"]


class Majority(SignalBlock):
    """The answer that most of the group give."""

    type: Literal["majority"]


class SelfCertainty(SignalBlock):
    """How far the policy's next-token distributions are from uniform."""

    type: Literal["self_certainty"]


class TokenEntropy(SignalBlock):
    """How low the entropy of the policy's next-token distributions is."""

    type: Literal["token_entropy"]


class SequenceEntropy(SignalBlock):
    """How likely the whole completion is to the policy."""

    type: Literal["sequence_entropy"]


class Judge(SignalBlock):
    """A function of the user's."""

    type: Literal["judge"]
    function: Importable = Field(description="module:function; (questions, completions) to a score in [0, 1] of each.")


class ModelBlock(SignalBlock):
    """A model that judges: a folder, or a name on the hub."""

    path: FolderOrId
    revision: str | None = Field(default=None, description="A commit of the hub.")
    dtype: Literal["float32", "bfloat16"] = "bfloat16"


class RewardModel(ModelBlock):
    """A model with a head that scores a conversation."""

    type: Literal["reward_model"]
    label: int = Field(default=0, ge=0, description="Of several labels, the one whose probability is the score.")


class YesNo(ModelBlock):
    """A language model that is asked whether an answer is right."""

    type: Literal["yes_no"]
    prompt: str = Field(
        default="{question}\n\nAn answer to this:\n\n{completion}\n\nIs it right? Say Yes or No.",
        description="The user's message, with {question} and {completion} in it.",
    )
    yes: str = Field(default="Yes", min_length=1, description="What it begins with if so; its first token counts.")
    no: str = Field(default="No", min_length=1, description="What it begins with if not.")

    @field_validator("prompt")
    @classmethod
    def _shows_both(cls, value: str) -> str:
        if any(value.count(part) != 1 for part in ("{question}", "{completion}")):
            raise ValueError("must contain {question} and {completion} exactly once each")
        return value


Samples = Literal["all", "positive", "negative", "rejection"]
"""Which completions move the policy: all, those told to be right, those told to be wrong, or right ones of the start
model."""

GOLD = Gold()

Signal = Annotated[
    Gold
    | Noisy
    | Random
    | Form
    | Inverted
    | Majority
    | SelfCertainty
    | TokenEntropy
    | SequenceEntropy
    | Judge
    | RewardModel
    | YesNo,
    Field(discriminator="type"),
]


def _word(value: Any) -> str:
    """A value as part of a folder's name."""
    text = re.sub(r"[^\w.]+", "_", str(value)).strip("_")
    return text if len(text) <= LONGEST_WORD else hashlib.sha256(str(value).encode()).hexdigest()[:8]
