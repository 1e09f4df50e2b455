"""Wrong answers that look right: one thing changed in a gold answer. They measure how often wrong becomes right."""

import re
from collections.abc import Iterator

_ANY_NUMBER = re.compile(r"\d+")
_UNITS = ("cm", "m", "inches", "feet", "miles", "days", "hours", "minutes", "degrees", "cents", "dollars", "seconds")
_UNIT = re.compile(r"\\(?:text|mbox|mathrm|textrm)\s*\{[\s~\\,]*(?P<name>[A-Za-z .]+?)\s*\}")
_ENDS = re.compile(r"(?P<before>.*[(\[])(?P<left>[^()\[\],]+),(?P<right>[^()\[\],]+)(?P<after>[)\]].*)", re.DOTALL)
_OTHER_BRACKET = {"(": "[", "[": "(", ")": "]", "]": ")"}


def perturbed(gold: str) -> Iterator[tuple[str, str]]:
    """Yield wrong answers made from a gold answer, each with the name of what was changed.

    The changes: ``number`` (the first, the last, and each digit of none other), ``sign``, ``unit``, ``ends`` (of an
    interval or pair, swapped), ``bracket`` (closed for open), ``missing`` and ``extra`` element, ``letter`` (another
    variable), ``relation``.
    """
    yield from (("number", wrong) for wrong in dict.fromkeys(_numbers(gold)))
    yield from (("sign", wrong) for wrong in _signs(gold))
    yield from (("unit", wrong) for wrong in _units(gold))
    yield from _elements(gold)
    yield from (("letter", wrong) for wrong in _letters(gold))
    if re.search(r"\\[lg]e(?![a-df-z])|[<>]", gold):
        swap = {"<": ">", ">": "<", r"\le": r"\ge", r"\ge": r"\le"}
        yield "relation", re.sub(r"\\[lg]e(?![a-df-z])|[<>]", lambda found: swap[found[0]], gold)


def _numbers(gold: str) -> Iterator[str]:
    found = list(_ANY_NUMBER.finditer(gold))
    for number in found[:1] + found[1:][-1:]:
        digits = number[0]
        swapped = digits[:-2] + digits[-1] + digits[-2:-1]
        for changed in (str(int(digits) + 1).zfill(len(digits)), str(int(digits) * 10 + 7), swapped):
            if int(changed) != int(digits):
                yield gold[: number.start()] + changed + gold[number.end() :]


def _signs(gold: str) -> Iterator[str]:
    bare = gold.strip().strip("$").strip()
    if re.fullmatch(r"-?(?:0*[1-9][\d,.]*|\\d?frac\{?[1-9].*|\d+/\d+)", bare):
        yield bare[1:] if bare.startswith("-") else f"-{bare}"


def _units(gold: str) -> Iterator[str]:
    if (unit := _UNIT.search(gold)) and unit.start() > 0 and unit["name"].strip() not in ("or", "and", "OR"):
        name = unit["name"].strip()
        for other in _UNITS:
            if other.rstrip("s") not in name and name.rstrip("s") not in other:
                yield gold[: unit.start("name")] + other + gold[unit.end("name") :]
                if other == "inches":
                    break
    if re.search(r"\^\{?\\circ", gold) and "," not in gold:
        degree = re.compile(r"\s*\^\s*\{?\s*\\circ\s*\}?")
        yield degree.sub(lambda _: r"\%", gold)
        yield degree.sub(lambda _: r"\text{ radians}", gold)
    if re.search(r"\\?%", gold):
        yield re.sub(r"\\?%", lambda _: r"^\\circ".replace(r"\\", "\\"), gold)
    if gold.startswith(r"\$"):
        yield gold[2:] + r"\text{ cents}"


def _elements(gold: str) -> Iterator[tuple[str, str]]:
    if ends := _ENDS.fullmatch(gold):
        if (
            re.sub(r"\\(?:left|right)|\s", "", ends["left"] + ",")
            != re.sub(r"\\(?:left|right)|\s", "", ends["right"]) + ","
        ):
            yield "ends", f"{ends['before']}{ends['right']},{ends['left']}{ends['after']}"
        if r"\infty" not in ends["right"]:
            closer = _OTHER_BRACKET[ends["after"][0]]
            yield "bracket", f"{ends['before']}{ends['left']},{ends['right']}{closer}{ends['after'][1:]}"
    if r"\cup" in gold:
        yield "missing", gold.split(r"\cup")[0]
    if "&" in gold or r"\\" in gold:
        separator = "&" if "&" in gold else r"\\"
        first, _, rest = gold.partition(separator)
        yield "missing", first[: first.index("}") + 1] + rest
    elif re.search(r"(?<!\{),(?!\})", gold) and not re.fullmatch(r"[^,]*\d,\d{3}(?!\d).*", gold) and "!" not in gold:
        parts = re.split(r"(?<!\{),(?!\})", gold)
        closing = re.search(r"(?:\s|\$|\\right|\\?[)\]}])*$", parts[-1])
        yield "missing", ",".join(parts[:-1]) + (closing[0] if closing and parts[-1].count("(") == 0 else "")
        if gold.rstrip("$")[-1:].isalnum():
            yield "extra", gold.rstrip("$") + ", 1234"


def _letters(gold: str) -> Iterator[str]:
    plain = re.sub(r"\\[A-Za-z]+(?:\s*\{[A-Za-z. ]*\})?", lambda found: "·" * len(found[0]), gold)
    letters = [found for found in re.finditer(r"(?<![A-Za-z])[a-z](?![A-Za-z])", plain) if found[0] not in "ei"]
    names = {found[0] for found in letters}
    other = next(name for name in "wvuqjz" if name not in names)
    if len(letters) == 1 or ("=" not in gold and letters):
        yield gold[: letters[-1].start()] + other + gold[letters[-1].end() :]
