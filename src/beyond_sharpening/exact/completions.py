"""Every completion a small vocabulary and a length cap allow, enumerated.

A completion ends with one of the EOS ids, or has no EOS and exactly T tokens. Completions are ordered by
length and, within a length, lexicographically; those cut off at T come last. This is the order of every
(…, Y) tensor in this room.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_COMPLETIONS = 1_000_000
MAX_TOKENS = 50_000_000
PADDING = -1


def count_completions(vocabulary: int, n_eos: int, max_length: int) -> int:
    """The number of completions: E·(n^T − 1)/(n − 1) + n^T, with E EOS ids and n = V − E other tokens."""
    n_other = vocabulary - n_eos
    n_prefixes = max_length if n_other == 1 else (n_other**max_length - 1) // (n_other - 1)
    return n_eos * n_prefixes + n_other**max_length


@dataclass(frozen=True, eq=False)
class Completions:
    """All Y completions over a vocabulary of V tokens, at most T long.

    Attributes:
        tokens: (Y, T) int32, filled with −1 after the end.
        lengths: (Y,) int32, EOS included.
        finished: (Y,) bool, whether the completion ended with EOS.
        vocabulary: V.
        eos_ids: the tokens that end a completion; none makes every completion T long.
    """

    tokens: torch.Tensor
    lengths: torch.Tensor
    finished: torch.Tensor
    vocabulary: int
    eos_ids: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def max_length(self) -> int:
        """T, the length cap."""
        return self.tokens.shape[1]

    @property
    def other_ids(self) -> tuple[int, ...]:
        """The n tokens that do not end a completion, in increasing order."""
        return tuple(token for token in range(self.vocabulary) if token not in self.eos_ids)

    def prefixes(self, depth: int) -> torch.Tensor:
        """The (n^depth, depth) unfinished prefixes of one length, in lexicographic order."""
        return _prefixes(self.other_ids, depth)


def enumerate_completions(vocabulary: int, eos_ids: Sequence[int], max_length: int) -> Completions:
    """Enumerate every completion.

    Args:
        vocabulary: V, the number of tokens.
        eos_ids: the tokens that end a completion; empty for fixed-length generation.
        max_length: T, the length cap, EOS included.

    Raises:
        ValueError: for a cap below 1, an EOS id outside the vocabulary, or more completions than fit
            (at most 10^6, and at most 5·10^7 tokens); nothing has been allocated then.
    """
    eos = tuple(sorted(set(eos_ids)))
    _check_size(vocabulary, eos, max_length)
    others = tuple(token for token in range(vocabulary) if token not in eos)
    blocks = []
    for depth in range(max_length):
        prefixes = _prefixes(others, depth)
        ends = torch.tensor(eos, dtype=torch.int32).repeat(len(prefixes), 1).reshape(-1, 1)
        block = torch.cat([prefixes.repeat_interleave(len(eos), dim=0), ends], dim=1)
        blocks.append(torch.nn.functional.pad(block, (0, max_length - depth - 1), value=PADDING))
    blocks.append(_prefixes(others, max_length))
    finished = torch.arange(sum(map(len, blocks))) < sum(map(len, blocks[:-1]))
    tokens = torch.cat(blocks)
    return Completions(tokens, (tokens != PADDING).sum(1, dtype=torch.int32), finished, vocabulary, eos)


def _prefixes(tokens: tuple[int, ...], depth: int) -> torch.Tensor:
    if depth == 0:
        return torch.zeros((1, 0), dtype=torch.int32)
    return torch.cartesian_prod(*[torch.tensor(tokens, dtype=torch.int32)] * depth).reshape(-1, depth)


def _check_size(vocabulary: int, eos_ids: tuple[int, ...], max_length: int) -> None:
    if vocabulary < 1 or max_length < 1:
        raise ValueError(f"vocabulary and max_length must be at least 1; got {vocabulary} and {max_length}")
    if not all(0 <= token < vocabulary for token in eos_ids):
        raise ValueError(f"eos_ids must lie in 0..{vocabulary - 1}; got {list(eos_ids)}")
    count = count_completions(vocabulary, len(eos_ids), max_length)
    if count > MAX_COMPLETIONS or count * max_length > MAX_TOKENS:
        shown = f"{count:,}" if count < 10**15 else f"about 10^{int(math.log10(count))}"
        raise ValueError(
            f"a vocabulary of {vocabulary} tokens with max_length={max_length} has {shown} completions; at most "
            f"{MAX_COMPLETIONS:,} completions of {MAX_TOKENS:,} tokens altogether can be enumerated. "
            "Take a smaller vocabulary or max_length."
        )
