"""What an answer is made of: one expression, or several in a list, a tuple, a set, an interval or a matrix."""

import re
from dataclasses import dataclass
from itertools import pairwise

from beyond_sharpening.grading.canonical import number
from beyond_sharpening.grading.remembered import remembered
from beyond_sharpening.grading.typesetting import without_typesetting

_CLOSERS = {"(": ")", "[": "]", "{": "}", r"\{": r"\}"}
_BRACKET = re.compile(r"\\\\|\\[{}]|[()\[\]{}]")
_CONJUNCTION = r"(?<![A-Za-z\\])(?:and|or|OR)(?![A-Za-z])"
_MATRIX = re.compile(
    r"\\begin\{(?:[bpB]?matrix|smallmatrix|array)\}(?:\{[^{}]*\})?(?P<body>.*)"
    r"\\end\{(?:[bpB]?matrix|smallmatrix|array)\}",
    re.DOTALL,
)
_SYSTEM = re.compile(
    r"(?:\\\{)?\\begin\{(?P<name>cases|array|(?:align|gather|split)(?:ed)?\*?)\}(?:\{[lcr|]+\})?(?P<body>.*)\\end\{(?P=name)\}\}?",
    re.DOTALL,
)
_SET_OF_ALL = re.compile(r"\\\{[A-Za-z](?:\\in\\mathbb\{R\})?(?:\||:|\\mid)(?P<condition>.+)\\\}", re.DOTALL)
_PAIRS = re.compile(r"[A-Za-z](?:_\w)?=[^,;=]+(?:,\s*[A-Za-z](?:_\w)?=[^,;=]+)+")
_PLUS_MINUS = re.compile(r"\\pm(?![A-Za-z])")
_THOUSANDS = re.compile(r"(?<![0-9,])[1-9][0-9]{0,2}(?:,[0-9]{3})+(?![0-9,])")


@dataclass(frozen=True)
class Several:
    """An answer of several parts.

    Attributes:
        kind: ``list`` (no brackets; the order does not count), ``alternatives`` (a list joined by *or* alone), ``set``,
            ``union`` of intervals (nor does it in these), ``matrix``, ``ratio`` (``3:5:7``), or the two brackets around
            a tuple or an interval, such as ``(]``.
        parts: the texts of the parts; those of a matrix by rows.
        columns: of a matrix, else 0.
    """

    kind: str
    parts: tuple[str, ...]
    columns: int = 0

    @property
    def ordered(self) -> bool:
        """Whether another order of the parts is another answer."""
        return self.kind not in ("list", "alternatives", "set", "union")


@remembered(1 << 14)
def structure(text: str) -> str | Several:
    """Return the parts of an answer, or its one expression without brackets that only group it."""
    plain = without_typesetting(text)
    if number(plain) is not None:
        return plain
    if several := _matrix(plain) or _system(plain):
        return several
    if described := _SET_OF_ALL.fullmatch(plain):
        return structure(described["condition"])
    if enclosed := _enclosed(plain):
        opener, inside = enclosed
        if opener == "{" or _matrix(inside):
            return structure(inside) if inside else plain
        parts = _both_signs(_split(inside, "[,;]"))
        if opener == r"\{":
            return Several("set", parts)
        if len(parts) > 1:
            return Several(opener + plain[-1], parts)
        return structure(inside) if inside and opener == "(" else plain
    if len(union := _split(plain, r"\\cup(?![A-Za-z])")) > 1:
        return Several("union", union)
    if len(parts := _both_signs(_listed(plain))) > 1:
        only_or = not re.search(r"[,;]|and|AND|\\pm", plain) or len(
            _split(plain, r"(?<![A-Za-z\\])or(?![A-Za-z])")
        ) == len(parts)
        return Several("alternatives" if only_or else "list", parts)
    if len(ratio := _split(plain, r":|(?<=[0-9}]) to (?=[0-9\\])")) > 1 and all(ratio):
        return Several("ratio", ratio)
    return plain


def _matrix(plain: str) -> Several | None:
    matrix = _MATRIX.fullmatch(plain)
    if matrix is None or r"\begin" in matrix["body"]:
        return None
    rows = [row.split("&") for row in re.split(r"\\\\(?:\[[^\]]*\])?", matrix["body"]) if row.strip()]
    if len({len(row) for row in rows}) != 1:
        return None
    return Several("matrix", tuple(cell.strip() for row in rows for cell in row), len(rows[0]))


def _system(plain: str) -> Several | None:
    """The equations of ``cases`` or ``aligned``; one alone is none."""
    system = _SYSTEM.fullmatch(plain)
    rows = re.split(r"\\\\(?:\[[^\]]*\])?", system["body"].replace("&", "")) if system else []
    parts = tuple(row.strip(" ,;.") for row in rows if row.strip(" ,;."))
    return Several("list", parts) if len(parts) > 1 and all("=" in part for part in parts) else None


def _enclosed(plain: str) -> tuple[str, str] | None:
    """The opening bracket and the inside, if one pair of brackets (maybe of a half-open interval) holds it all."""
    if not (opening := re.match(r"\\\{|[(\[{]", plain)):
        return None
    ends = [end for _, end, depth in _depths(plain) if depth == 0]
    closing = r"\}" if plain.endswith(r"\}") else plain[-1:]
    fits = closing == _CLOSERS[opening[0]] or {opening[0], closing} <= {"(", ")", "[", "]"}
    if not ends or ends[0] != len(plain) or not fits:
        return None
    return opening[0], plain[opening.end() : len(plain) - len(closing)]


def _depths(text: str) -> list[tuple[int, int, int]]:
    """Start and end of each bracket, and how many are open after it."""
    found, depth = [], 0
    for bracket in _BRACKET.finditer(text):
        if bracket[0] == r"\\":
            continue
        depth += 1 if bracket[0][-1] in "([{" else -1
        found.append((bracket.start(), bracket.end(), depth))
    return found


def _split(plain: str, separator: str) -> tuple[str, ...]:
    """Split at the separators outside all brackets."""
    if not re.search(separator, plain):
        return (plain,)
    edges = [(0, 0, 0), *_depths(plain), (len(plain), len(plain), 0)]
    outside = [(end, start) for (_, end, depth), (start, _, _) in pairwise(edges) if depth == 0]
    found = re.finditer(separator, plain)
    cuts = [cut.span() for cut in found if any(start <= cut.start() < end for start, end in outside)]
    bounds = [0, *(edge for cut in cuts for edge in cut), len(plain)]
    parts = (plain[start:end].strip() for start, end in zip(bounds[::2], bounds[1::2], strict=True))
    return tuple(part for part in parts if part) or (plain,)


def _listed(plain: str) -> tuple[str, ...]:
    """The parts of a list without brackets; a comma in ``14,400 cm`` or ``AB=14,400`` separates nothing."""
    groups = _split(plain, rf";|,?\s*{_CONJUNCTION}")
    if len(groups) > 1 and all(map(_PAIRS.fullmatch, groups)):
        return groups
    joined = _THOUSANDS.sub(lambda number: number[0].replace(",", ""), plain)
    return _split(joined, rf"[,;]?\s*{_CONJUNCTION}|[,;]")


def _both_signs(parts: tuple[str, ...]) -> tuple[str, ...]:
    """Write ``a \\pm b`` as the two expressions it stands for."""
    signed: list[str] = []
    for part in parts:
        if len(_PLUS_MINUS.findall(part)) == 1:
            signed += (without_typesetting(_PLUS_MINUS.sub(sign, part)).removeprefix("+") for sign in "+-")
        else:
            signed.append(part)
    return tuple(signed)
