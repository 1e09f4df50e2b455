"""Where the start model comes from."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from beyond_sharpening.parameters.block import FolderOrId, Positive, Strict
from beyond_sharpening.parameters.sources import GeneratorSource


class Architecture(Strict):
    """Shape of the small Llama that is pretrained on the spot."""

    hidden_size: Positive
    intermediate_size: Positive
    layers: Positive
    heads: Positive

    @model_validator(mode="after")
    def _heads_divide_hidden(self) -> Architecture:
        if self.hidden_size % (2 * self.heads):
            raise ValueError(f"hidden_size must be a multiple of 2 × heads; got {self.hidden_size} and {self.heads}")
        return self


class TinyBase(Strict):
    """A start model made here: a small Llama pretrained on solutions, worked and guessed, of which some are misread."""

    type: Literal["tiny"]
    architecture: Architecture
    source: GeneratorSource = Field(description="The problems whose worked solutions it is pretrained on.")
    step_by_step_share: float = Field(ge=0, le=1, description="Share of solutions written out step by step.")
    guess_error: float = Field(ge=0, lt=1, description="Share of the other solutions whose answer is wrong.")
    misread_share: float = Field(
        default=0.0, ge=0, le=1, description="Share of solutions of chains with brackets that overlook them."
    )
    steps: Positive
    batch: Positive
    learning_rate: float = Field(gt=0)
    heldout_size: Positive = Field(description="Solutions kept aside to measure the held-out loss on.")

    @model_validator(mode="after")
    def _something_is_left_to_learn_from(self) -> TinyBase:
        if self.heldout_size >= self.source.size:
            raise ValueError(f"heldout_size = {self.heldout_size} must be below source.size = {self.source.size}")
        return self


class HubBase(Strict):
    """A start model from the hub or a local folder, loaded through ``from_pretrained``."""

    type: Literal["hub"]
    path: FolderOrId = Field(description="Hub id, or a local folder written by save_pretrained.")
    revision: str = "main"
    gguf: str | None = Field(
        default=None,
        pattern=r"\.gguf$",
        description="Name of a GGUF file there, read by transformers and dequantised; none reads safetensors.",
    )
    dtype: Literal["float32", "bfloat16", "float16", "auto"] = Field(
        default="bfloat16", description="Of the weights that are kept; auto is that of the published ones."
    )
    config: dict[str, Any] | None = Field(
        default=None, description="Keys of its config.json; what is loaded must agree. Gives the shape before that."
    )
    chat_template: str | None = Field(default=None, description="Replaces the tokenizer's own template.")
    template_variables: dict[Annotated[str, Field(pattern=r"^[A-Za-z_]\w*$")], bool | str] = Field(
        default_factory=dict, description="Variables of the chat template: a date that would be today's, a switch."
    )
    eos_token_ids: list[Annotated[int, Field(ge=0)]] | None = Field(
        default=None, min_length=1, description="Tokens that end a completion; none leaves it to the model's own."
    )
    pad_token: str | None = Field(default=None, description="For tokenizers that name none; one of the vocabulary.")

    @field_validator("template_variables")
    @classmethod
    def _switches_are_no_text(cls, value: dict[str, bool | str]) -> dict[str, bool | str]:
        for name, given in value.items():
            if isinstance(given, str) and given.strip().lower() in ("true", "false"):
                raise ValueError(
                    f"{name} = {given!r} is a text, and every text is true in a chat template; give {given.lower()} "
                    "without quotes"
                )
        return value

    @field_validator("config")
    @classmethod
    def _names_its_architecture(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        if value is not None and not isinstance(value.get("model_type"), str):
            raise ValueError("must name the architecture: model_type, such as llama")
        return value
