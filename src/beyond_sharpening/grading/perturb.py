"""Wrong answers that look right: one thing changed in a gold answer. They measure how often wrong becomes right.

What is changed is found in the text, without the parts of the grader that are measured.
"""

import math
import re
from collections.abc import Callable, Iterator

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
_CLOSED_FORM = re.compile(
    r"(?P<sign>-?)(?:\\frac\{(?=.*\d))?(?P<factor>\d+)?(?:\\sqrt\{?(?P<radicand>\d+)\}?)?(?P<pi>\\pi)?(?:\}\{(?P<under>\d+)\})?"
)
_ROOT = re.compile(r"\\sqrt\{(\d+)\}")
_IMAGINARY = re.compile(r"(.*\S)\s*([+-])\s*([^+-]*(?<!\\p)i)")
_LENGTH = re.compile(
    r"\\(?:text|mbox|mathrm|textrm)\s*\{[\s~]*(?:cm|m|km|mm|ft|feet|in|inch|inches|meters|units|miles|yards)\s*\}"
    r"(?P<power>\s*\^\s*\{?\d\}?)?"
)
_RELATION = re.compile(r"\\(?P<way>[lg])e(?:q|qslant)?(?![A-Za-z])|[<>]")


def perturbed(gold: str) -> Iterator[tuple[str, str]]:
    """Yield wrong answers made from a gold answer, each with the name of what was changed.

    The changes: ``number`` (the first and the last: one more, a digit more, two digits swapped), ``sign``, ``unit``,
    ``ends`` (of an interval or pair, swapped), ``bracket`` (closed for open), ``missing`` and ``extra`` element,
    ``letter`` (another variable), ``relation`` (the other way), ``candidate`` (the gold answer among others, or as a
    bound), ``decimal`` (its value with another sixth digit), ``root`` (another radicand or degree), ``conjugate`` (the
    other sign of the imaginary part), ``equation`` (an equation of which it is a side), ``power`` (of its unit).
    """
    for name, change in CHANGES.items():
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


def _decimals(gold: str) -> Iterator[str]:
    value = _value(gold)
    if value is None or not math.isfinite(value) or float(f"{value:.6g}") == value:
        return
    exponent = math.floor(math.log10(abs(value)))
    for step in (2, -2):  # a unit of the sixth digit may round to the other side
        places = max(5 - exponent, 0)
        yield f"{value + step * 10.0 ** (exponent - 5):.{places}f}"


def _value(gold: str) -> float | None:
    """The value of a ratio of integers, or of a rational multiple of a square root or of pi."""
    if not (found := _CLOSED_FORM.fullmatch(re.sub(r"\s|\$|\\left|\\right", "", gold).replace("dfrac", "frac"))):
        return None
    part = {name: int(text) for name, text in found.groupdict().items() if text and name not in ("sign", "pi")}
    value = part.get("factor", 1) * math.sqrt(part.get("radicand", 1)) * (math.pi if found["pi"] else 1)
    return (-1 if found["sign"] else 1) * value / part.get("under", 1) if part.get("under", 1) else None


def _roots(gold: str) -> Iterator[str]:
    if root := _ROOT.search(gold):
        yield gold[: root.start(1)] + str(int(root[1]) + 1) + gold[root.end(1) :]
        yield gold[: root.start()] + rf"\sqrt[3]{{{root[1]}}}" + gold[root.end() :]


def _conjugates(gold: str) -> Iterator[str]:
    if part := _IMAGINARY.fullmatch(gold.strip(" $")):
        yield part[1] + ("-" if part[2] == "+" else "+") + part[3]


def _equations(gold: str) -> Iterator[str]:
    bare = gold.strip(" $")
    if "=" not in gold and "," not in gold and not re.search(r"text|mbox|[<>]|\\[lgn]e|infty|circ|%|\\\$|[:_!]", gold):
        yield f"w^2+3w={bare}"
        yield f"5u={bare}"
        yield f"3w-2u={bare}"
        yield f"(u-1)^2+(w+2)^2={bare}"


def _powers(gold: str) -> Iterator[str]:
    if (unit := _LENGTH.search(gold)) and not re.search(r"square|cubic|sq|cu\b", gold):
        if unit["power"]:
            yield gold[: unit.start("power")] + gold[unit.end("power") :]
        else:
            yield f"{gold[: unit.end()]}^3{gold[unit.end() :]}"


CHANGES: dict[str, Callable[[str], Iterator[str]]] = {
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
    "decimal": _decimals,
    "root": _roots,
    "conjugate": _conjugates,
    "equation": _equations,
    "power": _powers,
}
"""What is changed, by name."""
