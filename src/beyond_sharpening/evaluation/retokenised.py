"""From texts that another system kept to the tokens that a model read and wrote."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from beyond_sharpening.errors import BadInput
from beyond_sharpening.problems.prompts import render_messages
from beyond_sharpening.readers.prompts import Prompt

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from beyond_sharpening.parameters import Task

Asked = Literal["chat", "text", "question"]


class Retokeniser:
    """Makes tokens of prompts and completions.

    Args:
        tokenizer: the start model's, with its chat template settled.
        eos_ids: the tokens that end its completions.
        task: how a question is put, where a prompt is the question alone.
        asked: what a prompt that is a text is; None goes by what its format says.
    """

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, eos_ids: Sequence[int], task: Task, asked: Asked | None
    ) -> None:
        self.tokenizer, self.eos_ids, self.task, self.asked = tokenizer, list(eos_ids), task, asked
        self.taken: set[str] = set()
        self._shapes: dict[tuple[str, ...], re.Pattern[str]] = {}
        self._known: dict[Prompt, tuple[list[int], bool]] = {}

    def prompt(self, prompt: Prompt) -> list[int]:
        """The tokens that the model read."""
        return self._read(prompt)[0]

    def completion(self, text: str, prompt: Prompt, *, truncated: bool) -> list[int]:
        """The tokens of a completion, with the EOS that it ended with unless it was cut short.

        After a chat that is what the chat template puts behind an answer, after a plain text the tokenizer's.
        """
        tokens = list(self.tokenizer(text, add_special_tokens=False)["input_ids"])
        if (truncated and tokens) or (tokens and tokens[-1] in self.eos_ids):
            return tokens
        return [*tokens, self._end_of_turn if self._read(prompt)[1] else self._end_of_text]

    def _read(self, prompt: Prompt) -> tuple[list[int], bool]:
        if prompt not in self._known:
            self._known[prompt] = self._as_read(prompt)
        return self._known[prompt]

    def _as_read(self, prompt: Prompt) -> tuple[list[int], bool]:
        """The tokens of a prompt, and whether they are of a chat."""
        kind = prompt.kind if self.asked is None or prompt.kind == "chat" else self.asked
        if kind == "stripped":
            return self._restored(prompt.content), True
        is_chat = any(token in prompt.content for token in self._marks)
        if kind == "unsaid":
            kind = "text" if is_chat else "chat"
        self.taken.add(kind)
        if kind == "text":
            return self._plain(prompt.content), is_chat
        if kind == "question":
            return self._chat(render_messages(prompt.content, self.task.prompt, self.task.system_prompt)), True
        return self._chat(prompt.messages()), True

    def _chat(self, messages: list[dict[str, str]]) -> list[int]:
        ids = self.tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=True, return_dict=False)
        return list(map(int, ids))

    def _plain(self, text: str) -> list[int]:
        """A text as it stands, behind the BOS that the tokenizer puts there, once."""
        bos = self.tokenizer.bos_token
        return list(self.tokenizer(text, add_special_tokens=not (bos and text.startswith(bos)))["input_ids"])

    def _restored(self, text: str) -> list[int]:
        """The prompt whose special tokens were left out: a question, behind a system's message or not, put back.

        Raises:
            BadInput: if the chat template writes none so.
        """
        for roles in (("user",), ("system", "user")):
            said = self._shape(roles).fullmatch(text.strip())
            if said is None:
                continue
            ids = self._chat([{"role": role, "content": said[role]} for role in roles])
            if self._stripped(ids) == text.strip():
                self.taken.add("stripped")
                return ids
        raise BadInput(
            f"the prompt {text[:80]!r} was kept without its special tokens, and the chat template of this model does "
            "not write it so: is it the model that was asked? score.asked=text takes it as it stands"
        )

    def _shape(self, roles: tuple[str, ...]) -> re.Pattern[str]:
        """What the chat template makes of messages, without special tokens; what each says is a group."""
        if roles not in self._shapes:
            blank = self._stripped(self._chat([{"role": role, "content": f"<<{role}>>"} for role in roles]))
            pattern = re.escape(blank)
            for role in roles:
                pattern = pattern.replace(re.escape(f"<<{role}>>"), f"(?P<{role}>.*?)")
            self._shapes[roles] = re.compile(pattern, re.DOTALL)
        return self._shapes[roles]

    def _stripped(self, ids: list[int]) -> str:
        return str(self.tokenizer.decode(ids, skip_special_tokens=True)).strip()

    @cached_property
    def _marks(self) -> list[str]:
        """The special tokens that a prompt has in it where it is a chat already."""
        one = {self.tokenizer.bos_token, self.tokenizer.eos_token, self.tokenizer.pad_token, self.tokenizer.unk_token}
        template = self.tokenizer.chat_template or ""
        special = [token.content for token in self.tokenizer.added_tokens_decoder.values() if token.special]
        return [token for token in special if token in template or token not in one]

    @property
    def _end_of_text(self) -> int:
        own = self.tokenizer.eos_token_id
        return own if isinstance(own, int) else self.eos_ids[0]

    @cached_property
    def _end_of_turn(self) -> int:
        """The first EOS that the chat template writes behind an answer; the tokenizer's where it writes none."""
        asked = [{"role": "user", "content": "1"}]
        before = len(self._chat(asked))
        ids = self.tokenizer.apply_chat_template(
            [*asked, {"role": "assistant", "content": "1"}], tokenize=True, return_dict=False
        )
        return next((int(token) for token in ids[before:] if token in self.eos_ids), self._end_of_text)
