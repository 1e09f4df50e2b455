"""The answer that a text states: in its last ``\\boxed{...}``, behind ``####`` or the word *answer*, or at its end."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from beyond_sharpening.grading.canonical import canonical, number

_TOKEN = re.compile(r"(?P<box>\\(?:boxed|fbox)(?![A-Za-z])\s*)(?P<open>\{|(?P<bare>[^\s${}]+))?|\\.|\{|\}", re.DOTALL)
_AND = re.compile(r"[\s$]*,?[\s$]*(?:\\text\s*\{)?\s*(?:,|and|or)\s*\}?[\s$]*(?:[A-Za-z](?:\([A-Za-z]\))?\s*=\s*)?")
_LONGEST_AND = 40
_HASHES = re.compile(r"####[ \t]*(-?\$?-?[\d,.]*\d)[ \t]*$", re.MULTILINE)  # not a heading of Markdown
# A formula between the signs of LaTeX, or a number or fraction that is no part of something longer; or several of them.
_VALUE = (
    r"(?:(?:\$\$?|\\\(|\\\[)(?:(?!\\[)\]]|\$).)+(?:\$\$?|\\\)|\\\])"
    r"|(?<![^\s=:*])(?<![-+/^\d]\s)(?<!\d\s\*\s)(?<!\\cdot\s)(?<!\\times\s)[-−]?"
    r"(?:\\[dt]?frac\{[^{}]*\}\{[^{}]*\}|\\?\$?(?:\d(?:[\d,]*\d)?(?:\.\d+)?|\.\d+)(?:/\d+|e-?\d+)?)(?:\s?\\?%)?)"
)
_VALUES = rf"(?P<values>{_VALUE}(?:(?:\s*,\s*|\s*,?\s+(?:and|or)\s+)(?:[A-Za-z]\s*=\s*)?{_VALUE})*)"
_INTRODUCED = re.compile(rf"(?i:\banswers?(?:\s+is|\s+are)?\s*[:=]?[\s*]*){_VALUES}(?!\w|\s*[-+*/^=\\])", re.DOTALL)
_ENDING = re.compile(rf"{_VALUES}[\s.*]*\Z", re.DOTALL)
_LONGEST_ENDING = 400


class _Box(NamedTuple):
    start: int
    end: int
    content_start: int
    content_end: int


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
    return None if last is None else _content(text, last)


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
    contents = [_content(text, box) for box in parts]
    different = {canonical(content): content for content in contents}  # 1\\frac12 or \\frac32 is one answer
    return ", ".join(different.values())


def stated_answer(text: str) -> str | None:
    """Return the answer that a text states, or None where it states none.

    It is the answer that the text marks; else the number or formula that follows the word *answer*; else the one the
    text ends with. A text that breaks off in the middle of its reasoning states no answer.
    """
    if (marked := marked_answer(text)) is not None:
        return marked
    if number(text) is not None:
        return text
    if introduced := list(_INTRODUCED.finditer(text)):
        return introduced[-1]["values"]
    breaks_off_in_a_box = any(token["open"] for token in _TOKEN.finditer(text))
    ending = None if breaks_off_in_a_box else _ENDING.search(text.rstrip()[-_LONGEST_ENDING:])
    return ending and ending["values"]


def _content(text: str, box: _Box) -> str:
    return text[box.content_start : box.content_end].strip()


def _boxes(text: str) -> Iterator[_Box]:
    """Every box, in the order in which they close."""
    open_braces: list[tuple[int, int] | None] = []  # of each open brace its box's start and content, None for no box
    for token in _TOKEN.finditer(text):
        if token["bare"]:
            end = token.end() - len(token["bare"]) + len(token["bare"].rstrip(".,;"))
            yield _Box(token.start(), end, token.end() - len(token["bare"]), end)
        elif token["open"]:
            open_braces.append((token.start(), token.end()))
        elif token[0] == "{":
            open_braces.append(None)
        elif token[0] == "}" and open_braces and (opened := open_braces.pop()) is not None:
            yield _Box(opened[0], token.end(), opened[1], token.start())
