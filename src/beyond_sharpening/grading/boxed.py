"""The answer that a text marks as its own: in its last ``\\boxed{...}``, or behind ``####``."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from beyond_sharpening.grading.canonical import canonical

_TOKEN = re.compile(r"(?P<box>\\(?:boxed|fbox)(?![A-Za-z])\s*)(?P<open>\{|(?P<bare>[^\s${}]+))?|\\.|\{|\}", re.DOTALL)
_AND = re.compile(r"[\s$]*,?[\s$]*(?:\\text\s*\{)?\s*(?:,|and|or)\s*\}?[\s$]*(?:[A-Za-z](?:\([A-Za-z]\))?\s*=\s*)?")
_LONGEST_AND = 40
_HASHES = re.compile(r"####[ \t]*(-?\$?-?[\d,.]*\d)[ \t]*$", re.MULTILINE)  # not a heading of Markdown


class _Box(NamedTuple):
    start: int
    end: int
    content: str


def last_boxed(text: str) -> str | None:
    """Return the content of the last ``\\boxed{...}`` (or ``\\fbox{...}``) with balanced braces.

    Of nested boxes the inner one counts. A box without braces (``\\boxed 2``) holds what follows up to the next
    space, dollar sign or brace. A box that never closes, as in a truncated completion, is no box.

    Args:
        text: a completion or a reference solution.

    Returns:
        The content without surrounding spaces (an empty box gives ``""``), or None without a box.
    """
    last = max(_boxes(text), default=None)
    return None if last is None else last.content


def marked_answer(text: str) -> str | None:
    """Return the answer that a text marks as its own, or None where it marks none.

    It is the last box, together with the boxes joined to it by a comma, *and* or *or* alone (``$\\boxed{1}$ and
    $\\boxed{2}$`` is ``1, 2``); without a box, the number that follows the last ``####`` on its line.
    """
    boxes = sorted(_boxes(text))
    if not boxes:
        marked = _HASHES.findall(text)
        return marked[-1] if marked else None
    parts = [boxes[-1]]
    for box in boxes[-2::-1]:
        between = text[box.end : parts[0].start]
        if len(between) > _LONGEST_AND or not _AND.fullmatch(between):
            break
        parts.insert(0, box)
    different = {canonical(box.content): box.content for box in parts}  # 1\\frac12 or \\frac32 is one answer
    return ", ".join(different.values())


def _boxes(text: str) -> Iterator[_Box]:
    """Every box, in the order in which they close."""
    open_braces: list[tuple[int, int] | None] = []  # of each open brace its box's start and content, None for no box
    for token in _TOKEN.finditer(text):
        if token["bare"]:
            content = token["bare"].rstrip(".,;")
            yield _Box(token.start(), token.end() - len(token["bare"]) + len(content), content)
        elif token["open"]:
            open_braces.append((token.start(), token.end()))
        elif token[0] == "{":
            open_braces.append(None)
        elif token[0] == "}" and open_braces and (opened := open_braces.pop()) is not None:
            yield _Box(opened[0], token.end(), text[opened[1] : token.start()].strip())
