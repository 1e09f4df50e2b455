"""What a section is made of: words, tables and charts, none of which knows how it will be shown.

Words are Markdown that the section's author wrote. Whatever comes from data (a completion, a policy's name, a
parameter) goes into a table's cell, which is text whatever it holds, or through ``plain`` into the words.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from beyond_sharpening.reporting.charts import Chart

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MARKUP = re.compile(r"[\\`*\[\]<>|~&$]|(?<![^\W_])_|_(?![^\W_])|^[#+=-]+(?=\s|$)")
DIRECTIONS = {*"\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"}
HIDDEN = {"Cc", "Cn", "Co", "Cs", "Zl", "Zp"}
"""Unicode categories with no shape of their own: control characters, surrogates, what is unassigned, separators."""


class Strong(str):
    """A cell's text that is to stand out."""


class Verbatim(str):
    """What a model wrote: shown in the letters of a typewriter, its line breaks kept."""


class Link(str):
    """A cell's text that begins with an address to follow."""


@dataclass(frozen=True)
class Table:
    """A header and rows of text; the first ``n_text`` columns are words, the others numbers."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    n_text: int = 1


@dataclass(frozen=True)
class Browser:
    """Samples to look through, with a filter for each of the columns named.

    A page on a screen shows it; a text or a print, which cannot be filtered, says where it is.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    filters: Sequence[str]


Block = str | Table | Browser | Chart


@dataclass(frozen=True)
class Section:
    """A part of the report.

    Attributes:
        title: its heading, and its entry in the contents.
        blocks: what it shows, in order; text is Markdown.
        appendix: it stands behind the others, and is left out of a print.
        facts: what it adds to the machine-readable summary.
    """

    title: str
    blocks: Sequence[Block]
    appendix: bool = False
    facts: Mapping[str, object] = field(default_factory=dict)


def warned(lines: Sequence[str], about: str = "") -> list[Block]:
    """Warnings in one box, a line each; nothing where there are none."""
    told = [f"**Warning.** {about}", "", *(f"- {plain(line)}" for line in lines)]
    return ["\n".join(f"> {line}".rstrip() for line in told)] if lines else []


def visible(value: object) -> str:
    """A value as text in which nothing is hidden.

    Control characters get their pictures (␛), marks that turn the direction of writing and halves of characters
    their number (⟨U+202E⟩). Line breaks and tabulators stay.
    """
    return "".join(map(_shown, str(value).replace("\r\n", "\n")))


def _shown(character: str) -> str:
    if character in "\n\t":
        return character
    if character in DIRECTIONS or unicodedata.category(character) in HIDDEN:
        code = ord(character)
        return chr(0x2400 + code) if code < 0x20 else f"⟨U+{code:04X}⟩"
    return character


def one_line(value: object) -> str:
    """The same on one line: a break is shown as ↵."""
    return visible(value).replace("\n", " ↵ ").replace("\t", " ")


def plain(value: object) -> str:
    """A value as Markdown that shows it letter by letter, on one line, whatever it holds."""
    return MARKUP.sub(r"\\\g<0>", one_line(value))
