"""From tokens to the text in which an answer is looked for."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from beyond_sharpening.decoding.sampling import Completion


def answer_texts(
    tokenizer: PreTrainedTokenizerBase, completions: Sequence[Completion], eos_ids: Sequence[int]
) -> list[str]:
    """The text of each completion up to its first EOS: what follows it, in fixed-length runs, is no answer."""
    stop = set(eos_ids)
    answers = [list(takewhile(lambda token: token not in stop, completion.tokens)) for completion in completions]
    return tokenizer.batch_decode(answers, skip_special_tokens=True)
