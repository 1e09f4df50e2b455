"""What was asked, as files hold it: a chat, a text as the model read it, or the question alone.

Comparing needs none of it; scoring does, since a completion is likely or not *after its prompt*.
"""

from __future__ import annotations

import json
from typing import Any, Literal, NamedTuple

Kind = Literal["chat", "text", "question", "stripped", "unsaid"]


class Prompt(NamedTuple):
    """What a completion answers, and how it is to be read.

    Attributes:
        kind: ``chat``, a conversation for the chat template; ``text``, what the model read, special tokens included;
            ``question``, to be put as the task puts questions; ``stripped``, what the model read without its special
            tokens; ``unsaid``, a text of which the file does not say whether it is a text or a user's message.
        content: the text; of a chat its messages, as JSON.
    """

    kind: Kind
    content: str

    def messages(self) -> list[dict[str, str]]:
        """The conversation: of a text, that of a user who says it."""
        if self.kind != "chat":
            return [{"role": "user", "content": self.content}]
        said: list[dict[str, str]] = json.loads(self.content)
        return said


def prompt_of(asked: Any, kind: Kind) -> Prompt | None:
    """The prompt in a value of a file: a chat where it is one, else of the kind that its place says; None if empty."""
    if isinstance(asked, str) and asked.startswith("[{"):
        asked = _decoded(asked)
    if isinstance(asked, list) and asked and all(isinstance(each, dict) and "role" in each for each in asked):
        said = [{"role": str(each["role"]), "content": _words(each.get("content"))} for each in asked]
        return Prompt("chat", json.dumps(said, ensure_ascii=False))
    return Prompt(kind, asked) if isinstance(asked, str) and asked else None


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _words(content: Any) -> str:
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) if isinstance(part, dict) else str(part) for part in content)
    return "" if content is None else str(content)
