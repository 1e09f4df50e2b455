r"""The boxes of a text, and which of them are one answer: ``\boxed{...}``, ``\fbox{...}``, ``\framebox{...}``."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from beyond_sharpening.grading.canonical import canonical

_ARGUMENT = r"\s*(?:\{(?:[^{}]|\{[^{}]*\})*\}|[0-9A-Za-z])"
_BARE = rf"\\[dtc]?frac{_ARGUMENT}{_ARGUMENT}|\\[A-Za-z]+(?:\s*\{{(?:[^{{}}]|\{{[^{{}}]*\}})*\}})+|[^\s${{}}]+"
_BOX = re.compile(r"(?<!\\)\\+(?:boxed|fbox|framebox)(?![A-Za-z])")
# A run of backslashes is looked at once, at its start: from each of them, a megabyte would take half an hour.
_TOKEN = re.compile(
    rf"(?P<box>(?<!\\)\\+(?:boxed|fbox|framebox)(?![A-Za-z])\s*)(?P<open>\{{|(?P<bare>{_BARE}))?|\\.|\{{|\}}", re.DOTALL
)
# What may stand between two boxes of one answer: something that lists them, besides signs of mathematics and names.
_LISTS = r",|;|&|~|\\\\|\\(?:q?quad|[ ,;:])|(?<![A-Za-z])(?:and|or|et|und|y)(?![A-Za-z])|[，、和或]"
_NAME = r"(?:\\[A-Za-z]+|(?<![A-Za-z])[A-Za-z])(?:_\{?\w+\}?)?(?:\([A-Za-z]\))?\s*(?:=|\\in(?![A-Za-z]))"
_JOINED = re.compile(
    rf"(?=.*(?:{_LISTS}))(?:[\s$*{{}}]|\\[()\[\]]|\\(?:text|mbox|mathrm)\s*\{{|{_LISTS}|{_NAME})*", re.DOTALL
)
_APPROXIMATES = re.compile(
    r"(?=.*(?:\\approx|≈|\babout\b|\bapproximately\b|\broughly\b|\bdecimals?\b))[^.\n\d]*(?:\\approx|≈)?[^.\n\d]*",
    re.DOTALL,
)
_LONGEST_BETWEEN = 60
_PLACEHOLDER = re.compile(
    r"[\s.…]*|\\l?dots|(?:\\text\{)?\s*(?:(?:the|your|my|final|numeric(?:al)?|correct) )*"
    r"(?:answers?|results?|here|content)\s*\}?",
    re.IGNORECASE,
)
_UNIT_BEHIND = re.compile(r"\s*(?:\\?%|\^\s*(?:\\circ(?![A-Za-z])|\{\s*\\circ\s*\})|°)")


class Box(NamedTuple):
    """Where a box, or several that are one answer, stand in a text, and what they answer."""

    start: int
    end: int
    answer: str


class _Span(NamedTuple):
    start: int
    end: int
    content_start: int
    content_end: int


def last_boxed(text: str) -> str | None:
    r"""Return the content of the last ``\boxed{...}`` (or ``\fbox``, ``\framebox``) with balanced braces.

    Of nested boxes the inner one counts. A box without braces (``\boxed 2``, ``\boxed\frac12``) holds one command with
    its arguments, or what follows up to the next space, dollar sign or brace. A box that never closes, as in a
    truncated completion, is no box.

    Args:
        text: a completion or a reference solution.

    Returns:
        The content without surrounding spaces (an empty box gives ``""``), or None without a box.
    """
    last = max(_spans(text), default=None)
    return None if last is None else _content(text, last)


def boxed_answer(text: str) -> Box | None:
    r"""Return the last box that holds something, together with those that are one answer with it.

    Boxes are one answer where only commas, *and*, *or*, wide spaces and names stand between them. A box that
    approximates the one before it (``\boxed{\frac27} \approx \boxed{0.286}``) belongs to it. An empty box, and one
    named in passing (``\boxed{your answer}``), hold nothing. A percent or degree sign behind the box is part of it.
    """
    spans = [span for span in sorted(_spans(text)) if not _is_placeholder(text, span)]
    if not spans:
        return None
    if len(spans) == 1:
        return Box(spans[0].start, spans[0].end, _content(text, spans[0]) + _unit_behind(text, spans[0]))
    joined = [spans[-1]]
    approximated = False
    for span in spans[-2::-1]:
        between = text[span.end : joined[0].start]
        if len(between) > _LONGEST_BETWEEN:
            break
        if len(joined) == 1 and not approximated and _approximates(between, _content(text, joined[0])):
            approximated = True
        elif approximated or not _JOINED.fullmatch(between):
            break
        joined.insert(0, span)
    contents = list(dict.fromkeys(_content(text, span) for span in joined))
    if approximated:
        answer = r" \approx ".join(re.sub(r"^\\approx\s*", "", content) for content in contents)
    else:
        different = {canonical(content): content for content in contents}  # 1\frac12 or \frac32 is one answer
        answer = ", ".join(different.values())
    return Box(joined[0].start, joined[-1].end, answer + (_unit_behind(text, joined[0]) if len(joined) == 1 else ""))


def breaks_off_in_a_box(text: str) -> bool:
    """Whether a box opens that never closes."""
    opened = sum(token["open"] is not None for token in _TOKEN.finditer(text, _first_box(text)))
    return opened > sum(1 for _ in _spans(text))


def _unit_behind(text: str, span: _Span) -> str:
    unit = _UNIT_BEHIND.match(text, span.end)
    return unit[0] if unit else ""


def _is_placeholder(text: str, span: _Span) -> bool:
    return span.content_end - span.content_start < _LONGEST_BETWEEN and bool(
        _PLACEHOLDER.fullmatch(_content(text, span))
    )


def _approximates(between: str, content: str) -> bool:
    return bool(_APPROXIMATES.fullmatch(between)) or (
        content.startswith((r"\approx", "≈")) and not re.search(r"[.\n\d]", between)
    )


def _content(text: str, span: _Span) -> str:
    content = text[span.content_start : span.content_end].strip()
    if text.startswith(r"\\", span.start):  # escaped twice, as in a string of JSON
        content = re.sub(r"\\\\(?=[A-Za-z{}%$,;!])", r"\\", content)
    return content


def _first_box(text: str) -> int:
    first = _BOX.search(text) if "box" in text else None
    return len(text) if first is None else first.start()


def _spans(text: str) -> Iterator[_Span]:
    """Every box, in the order in which they close."""
    open_braces: list[tuple[int, int] | None] = []  # of each open brace its box's start and content, None for no box
    for token in _TOKEN.finditer(text, _first_box(text)):
        if token["bare"]:
            end = token.end() - len(token["bare"]) + len(token["bare"].rstrip(".,;"))
            yield _Span(token.start(), end, token.end() - len(token["bare"]), end)
        elif token["open"]:
            open_braces.append((token.start(), token.end()))
        elif token[0] == "{":
            open_braces.append(None)
        elif token[0] == "}" and open_braces and (opened := open_braces.pop()) is not None:
            yield _Span(opened[0], token.end(), opened[1], token.start())
