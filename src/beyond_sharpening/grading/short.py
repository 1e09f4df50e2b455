"""Short answers in words: what a completion answers, and what its graders share."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence

from beyond_sharpening.grading.boxes import last_boxed
from beyond_sharpening.grading.verdict import UNPARSABLE, Verdict

_TAGGED = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)
_SAID = re.compile(r"\banswer(?:\s+is|\s*:)\s*:?\s*(.+)", re.IGNORECASE)
_AROUND = " \t.,;:!?\"'*`()[]"


def short_answer(completion: str) -> str | None:
    """The last answer in ``<answer>`` tags, else in a box, else behind "answer is" or "answer:", else the only line."""
    if tagged := _TAGGED.findall(completion):
        return tagged[-1].strip() or None
    if boxed := last_boxed(completion):
        return boxed
    if said := _SAID.findall(completion):
        return said[-1].strip()
    lines = completion.strip().splitlines()
    return lines[0].strip() if len(lines) == 1 else None


def in_words(text: str) -> str:
    """What two writings of one short text share: case, white space and what stands around it aside."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split()).strip(_AROUND)


def graded(completions: Sequence[str], golds: Sequence[str], judge: Callable[[str, str], Verdict]) -> list[Verdict]:
    """A verdict a completion, by what it answers; one that answers nothing is unparsable."""
    answers = [short_answer(completion) for completion in completions]
    return [UNPARSABLE if not text else judge(text, gold) for text, gold in zip(answers, golds, strict=True)]
