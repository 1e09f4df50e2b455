"""From a question to the tokens a model continues: one way, for training and evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transformers import PreTrainedTokenizerBase

PLACEHOLDER = "{question}"


def render_messages(question: str, template: str, system: str | None = None) -> list[dict[str, str]]:
    """Return the conversation that asks the question: one message by the user, after that of the system if any.

    Args:
        question: the problem's question, inserted as it is.
        template: text with ``{question}`` exactly once. All other braces are ordinary characters: write
            ``\\boxed{}``, not ``\\boxed{{}}``.
        system: the system's message; with none the conversation has none, and a chat template may write its own.

    Raises:
        ValueError: if the template does not hold the placeholder exactly once.
    """
    if (count := template.count(PLACEHOLDER)) != 1:
        raise ValueError(f"The prompt template {template!r} holds {PLACEHOLDER} {count} times: write it exactly once.")
    first = [] if system is None else [{"role": "system", "content": system}]
    return [*first, {"role": "user", "content": template.replace(PLACEHOLDER, question)}]


def prompt_token_ids(
    tokenizer: PreTrainedTokenizerBase, questions: Sequence[str], template: str, system: str | None = None
) -> list[list[int]]:
    """Return the token ids of each prompt, by the tokenizer's own chat template, up to where the answer starts.

    The chat template writes the special tokens itself, so none are added a second time.

    Raises:
        ValueError: if the tokenizer has no chat template, or the prompt template is invalid.
    """
    if not tokenizer.chat_template:
        raise ValueError(
            f"The tokenizer {tokenizer.name_or_path!r} has no chat template: choose an instruction-tuned model, "
            "or set tokenizer.chat_template before use."
        )
    return [_token_ids(tokenizer, render_messages(question, template, system)) for question in questions]


def _token_ids(tokenizer: PreTrainedTokenizerBase, conversation: list[dict[str, str]]) -> list[int]:
    token_ids = tokenizer.apply_chat_template(
        conversation, add_generation_prompt=True, tokenize=True, return_dict=False
    )
    return cast("list[int]", token_ids)
