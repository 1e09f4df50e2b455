"""Wrong answers that look right: one thing changed in a gold answer. They measure how often wrong becomes right.

What is changed is found in the text, without the parts of the grader that are measured.
"""

import re
from collections.abc import Iterator

_NUMBER = re.compile(r"\d+")
_SIGNED = re.compile(r"-?(?:0*[1-9][\d,.]*|\\d?frac\{?[1-9].*|\d+/\d+)")
_OTHER_UNITS = ("cm", "inches", "miles", "days", "degrees", "cents")
_UNIT = re.compile(r"(?<=.)\\(?:text|mbox|mathrm|textrm)\s*\{[\s~\\,]*(?P<name>(?!or\b|and\b|OR\b)[A-Za-z .]+?)\s*\}")
_DEGREE = re.compile(r"\s*\^\s*\{?\s*\\circ\s*\}?")
_ENDS = re.compile(r"(?P<before>.*[(\[])(?P<left>[^()\[\],]+),(?P<right>[^()\[\],]+)(?P<after>[)\]].*)", re.DOTALL)
_OTHER_BRACKET = {")": "]", "]": ")"}
_BIGGER = re.compile(r"\\right|\\left|\s")
_COMMA = re.compile(r"(?<![{\\]),(?!\})")
_THOUSANDS = re.compile(r"[^,]*\d,\d{3}(?!\d).*")
_CLOSING = re.compile(r"(?:\s|\$|\\right|\\?[)\]}])*$")
_RELATION = re.compile(r"\\(?P<way>[lg])e(?:q|qslant)?(?![A-Za-z])|[<>]")


def perturbed(gold: str) -> Iterator[tuple[str, str]]:
    """Yield wrong answers made from a gold answer, each with the name of what was changed.

    The changes: ``number`` (the first and the last: one more, a digit more, two digits swapped), ``sign``, ``unit``,
    ``ends`` (of an interval or pair, swapped), ``bracket`` (closed for open), ``missing`` and ``extra`` element,
    ``letter`` (another variable), ``relation`` (the other way), ``candidate`` (the gold answer among others, or as a
    bound).
    """
    changes = {
        "number": _numbers,
        "sign": _signs,
        "unit": _units,
        "ends": _ends,
        "bracket": _brackets,
        "missing": _missing,
        "extra": _extra,
        "letter": _letters,
        "relation": _relations,
        "candidate": _candidates,
    }
    for name, change in changes.items():
        yield from ((name, wrong) for wrong in dict.fromkeys(change(gold)))


def _numbers(gold: str) -> Iterator[str]:
    found = list(_NUMBER.finditer(gold))
    for number in found[:1] + found[1:][-1:]:
        digits = number[0]
        swapped = digits[:-2] + digits[-1] + digits[-2:-1]
        for changed in (str(int(digits) + 1).zfill(len(digits)), str(int(digits) * 10 + 7), swapped):
            if int(changed) != int(digits):
                yield gold[: number.start()] + changed + gold[number.end() :]


def _signs(gold: str) -> Iterator[str]:
    bare = gold.strip(" $")
    if _SIGNED.fullmatch(bare):
        yield bare[1:] if bare.startswith("-") else f"-{bare}"


def _units(gold: str) -> Iterator[str]:
    if unit := _UNIT.search(gold):
        for other in _OTHER_UNITS:
            if other.rstrip("s") not in unit["name"] and unit["name"].rstrip("s") not in other:
                yield gold[: unit.start("name")] + other + gold[unit.end("name") :]
    if _DEGREE.search(gold) and "," not in gold:
        yield _DEGREE.sub(lambda _: r"\%", gold)
        yield _DEGREE.sub(lambda _: r"\text{ radians}", gold)
    if "%" in gold:
        yield re.sub(r"\\?%", lambda _: r"^\circ", gold)
    if gold.startswith(r"\$"):
        yield gold[2:] + r"\text{ cents}"


def _ends(gold: str) -> Iterator[str]:
    if (ends := _ENDS.fullmatch(gold)) and _BIGGER.sub("", ends["left"]) != _BIGGER.sub("", ends["right"]):
        yield f"{ends['before']}{ends['right']},{ends['left']}{ends['after']}"


def _brackets(gold: str) -> Iterator[str]:
    if (ends := _ENDS.fullmatch(gold)) and r"\infty" not in ends["right"]:
        yield f"{ends['before']}{ends['left']},{ends['right']}{_OTHER_BRACKET[ends['after'][0]]}{ends['after'][1:]}"


def _missing(gold: str) -> Iterator[str]:
    if r"\cup" in gold:
        yield gold.split(r"\cup")[0]
    elif separator := next((mark for mark in ("&", r"\\") if mark in gold), None):
        first, _, rest = gold.partition(separator)
        yield first[: first.index("}") + 1] + rest
    elif _is_listed(gold):
        parts = _COMMA.split(gold.rstrip(", "))
        closing = _CLOSING.search(parts[-1])
        yield ",".join(parts[:-1]) + (closing[0] if closing and "(" not in parts[-1] else "")


def _extra(gold: str) -> Iterator[str]:
    if _is_listed(gold) and gold.rstrip("$")[-1:].isalnum():
        yield gold.rstrip("$") + ", 1234"


def _is_listed(gold: str) -> bool:
    return bool(_COMMA.search(gold.rstrip(", "))) and not _THOUSANDS.fullmatch(gold)


def _letters(gold: str) -> Iterator[str]:
    plain = re.sub(r"\\[A-Za-z]+(?:\s*\{[A-Za-z. ]*\})?", lambda found: "·" * len(found[0]), gold)
    letters = [found for found in re.finditer(r"(?<![A-Za-z])[a-z](?![A-Za-z])", plain) if found[0] not in "ei"]
    other = next(name for name in "wvuqjz" if name not in plain)
    if len(letters) == 1 or (letters and "=" not in gold):
        yield gold[: letters[-1].start()] + other + gold[letters[-1].end() :]


def _relations(gold: str) -> Iterator[str]:
    ways = {"<": ">", ">": "<", "l": r"\ge", "g": r"\le"}
    if _RELATION.search(gold):
        yield _RELATION.sub(lambda found: ways[found["way"] or found[0]], gold)


def _candidates(gold: str) -> Iterator[str]:
    bare = gold.strip(" $")
    yield rf"1234 \implies {bare}"
    yield rf"{bare} \text{{ or }} 1234"
    yield rf"\ge {bare}"
