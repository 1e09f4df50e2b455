"""What is remembered of texts: of short ones alone, for what a model wrote may be megabytes long."""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import TypeVar

T = TypeVar("T")

LONGEST = 400
"""Characters. Longer answers are rare, and two of them seldom the same."""


def remembered(most: int) -> Callable[[Callable[[str], T]], Callable[[str], T]]:
    """Have a function of a text remember its last ``most`` results, but for those of long texts."""

    def wrap(function: Callable[[str], T]) -> Callable[[str], T]:
        kept = lru_cache(maxsize=most)(function)

        @wraps(function)
        def called(text: str) -> T:
            return kept(text) if len(text) <= LONGEST else function(text)

        return called

    return wrap
