"""Answers without what only sets the type: one way to write what LaTeX, Unicode and Markdown write in several."""

import re
import unicodedata

from beyond_sharpening.grading.remembered import remembered

_INTEGER = re.compile(r"[+-]?[0-9]+")  # most answers are, so they take a short way
_GROUP = r"\{((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\}"

# --- Unicode. What is not here is written as LaTeX by its name, or by its compatible form (full width, bold, italic).
_CHARACTERS = str.maketrans(
    {"−": "-", "–": "-", "×": r"\times ", "·": r"\cdot ", "⋅": r"\cdot ", "∙": r"\cdot ", "÷": "/", "⁄": "/", "∕": "/"}
    | {"∞": r"\infty ", "∪": r"\cup ", "∩": r"\cap ", "∅": r"\emptyset ", "∈": r"\in ", "±": r"\pm ", "≈": r"\approx "}
    | {"≤": r"\le ", "≥": r"\ge ", "≠": r"\ne ", "°": r"^\circ ", "º": r"^\circ ", "∠": r"\angle ", "…": r"\ldots "}
    | {"⟨": r"\langle ", "⟩": r"\rangle ", "⌊": r"\lfloor ", "⌋": r"\rfloor ", "⌈": r"\lceil ", "⌉": r"\rceil "}
    | {
        "ℝ": r"\mathbb{R}",
        "ℤ": r"\mathbb{Z}",
        "ℕ": r"\mathbb{N}",
        "′": "'",
        "″": "''",
        "。": ".",
        "、": ",",
        "→": r"\to ",
    }
    | dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff")  # no width
)
_ROOT = re.compile(r"([√∛])\s*(?:\(([^()]*)\)|([0-9.]+|[A-Za-z]|\\[A-Za-z]+))")
_RAISED = re.compile(r"[⁰¹²³⁴-⁹⁺⁻⁽⁾ⁱⁿˣ]+")
_LOWERED = re.compile(r"[₀-₉₊₋ₐₑₒₓₕₖₗₘₙₚₛₜ]+")

# --- LaTeX and Markdown
_FONTS = (
    "textbf|textit|textrm|textnormal|textsf|texttt|textup|mathrm|mathbf|mathsf|mathit|mathtt|mathnormal|boldsymbol|bm"
    "|pmb|mbox|hbox|emph|underline|underbar|operatorname"
)
_SWITCHES = (
    "displaystyle|textstyle|scriptstyle|limits|bf|rm|it|sf|tt|bfseries|itshape|large|Large|LARGE|huge|Huge|small"
)
# Commands that a backslash too many, as in a string of JSON, makes a line break of.
_ESCAPED_TWICE = (
    "[dt]?frac|sqrt|text|mathrm|pi|cdot|times|left|right|infty|circ|leq?|geq?|pm|cup|boxed|theta|angle|ln|log"
)

_TYPESETTING: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"^\s*(\*\*|__|\*|`)(.+)\1\s*$", r"\2"),
        (rf"(?<!\\)\\\\(?=(?:{_ESCAPED_TWICE})(?![A-Za-z]))", r"\\"),
        (r"\.{3,}|\\[lc]?dots(?![A-Za-z])", r"\\ldots "),
        (r",\s*\\!\s*", ","),
        # A command is not the second half of a line break: \\ (-1) and \\[2pt] stand in matrices.
        (rf"(?<!\\)\\(?:(?:left|right|[bB]igg?[lmr]?|{_SWITCHES})(?![A-Za-z])|[!,;:()\[\]])|\\?\$", ""),
        (r"(?<!\\)\\(?: |q?quad(?![A-Za-z]))|~", " "),
        (r"\\(?:text)?color\s*\{[^{}]*\}\s*(?:\{([^{}]*)\})?", r"\1"),
        (r"\\%", "%"),
        (r"\{,\}", ","),
        (r"\{:\}", ":"),
        (r"(\\[A-Za-z]+)\s+(?![A-Za-z])", r"\1"),
        (r"\\[dtc]frac(?![A-Za-z])", r"\\frac"),
        (r"\\[dt]binom(?![A-Za-z])", r"\\binom"),
        (r"\\([lgn])e(?:q|qslant)?(?![A-Za-z])", r"\\\1e"),
        (r"(?<![A-Za-z])np\.(?=[a-z])", r"\\"),
        (r"\\(frac|sqrt)\s*([0-9]|\\(?:pi|alpha|beta|theta)(?![A-Za-z]))", r"\\\1{\2}"),
        (r"(\\frac\{[^{}]*\})\s*([0-9A-Za-z])", r"\1{\2}"),
        (r"\\phantom(?![A-Za-z])(?:\s*\{[^{}]*\})?", ""),
        (r"\^\s*\{\s*\\circ\s*\}|\\degree(?![A-Za-z])", r"^\\circ"),
        (r"\\varnothing(?![A-Za-z])|\\\{\s*\\\}|\\lbrace\s*\\rbrace(?![A-Za-z])", r"\\emptyset"),
        (r"\\lbrace(?![A-Za-z])", r"\\{"),
        (r"\\rbrace(?![A-Za-z])", r"\\}"),
        (r"\\langle(?![A-Za-z])", "("),
        (r"\\rangle(?![A-Za-z])", ")"),
        (r"\{([^{}]*)\\over(?![A-Za-z])([^{}]*)\}", r"\\frac{\1}{\2}"),
        (r"\\log\s*_\s*(?:\{\s*e\s*\}|e(?![A-Za-z]))", r"\\ln"),
        (r"\\text\s*\{([^{}]*)\}", r"\1"),
        (rf"\\(?:{_FONTS})\s*{_GROUP}", r"\1"),
        (r"([\^_])\{([0-9A-Za-z])\}", r"\1\2"),
        (r"\s+", " "),
        (r"^ ?(?:(?:[Tt]he )?(?:[Ff]inal |[Cc]orrect )?[Aa]nswers?(?: is| are)?)[ :=](?=.)", ""),
        # A space counts between letters and digits only, "1 1/2" is not "11/2"; and in a list of two numbers that
        # would be one with a thousands separator without it: "81, 256".
        (r"(?<![0-9A-Za-z])(?!(?<=[0-9],) [0-9]{3}(?![0-9])) | (?![0-9A-Za-z])", ""),
        (r"^(?:=|\\approx(?![A-Za-z]))", ""),
        (r"^(?:[Nn]egative|[Mm]inus) (?=[0-9.\\])", "-"),
        (r"(?:^|(?<=[(\[,={]))\+(?=[0-9A-Za-z.\\(])", ""),
        (r"[.,;]+$", ""),
        (r"^[Nn]o (?:real )?solutions?$", r"\\emptyset"),
        (r"^[Aa]ll real numbers$", r"\\mathbb{R}"),
    )
)


@remembered(1 << 14)
def without_typesetting(text: str) -> str:
    """Return the text without what only sets the type; its numbers as they were written."""
    if _INTEGER.fullmatch(text):
        return text
    text = in_ascii(text)
    for pattern, replacement in _TYPESETTING:
        text = pattern.sub(replacement, text)
    return text + "}" * (text.count("{") - text.count("}"))  # as in a gold answer that was cut short


def in_ascii(text: str) -> str:
    """Write the characters of mathematics as LaTeX; letters of other scripts stay."""
    if text.isascii():
        return text
    text = _ROOT.sub(lambda root: rf"\sqrt{'[3]' if root[1] == '∛' else ''}{{{root[2] or root[3]}}}", text)
    text = _RAISED.sub(lambda found: f"^{{{_compatible(found[0])}}}", text)
    text = _LOWERED.sub(lambda found: f"_{{{_compatible(found[0])}}}", text)
    return "".join(map(_as_latex, text.translate(_CHARACTERS)))


def _compatible(text: str) -> str:
    return unicodedata.normalize("NFKC", text.replace("ˣ", "x")).replace("−", "-")


def _as_latex(character: str) -> str:
    if character.isascii():
        return character
    plain = _compatible(character)
    name = unicodedata.name(plain, "") if len(plain) == 1 else ""
    if "⁄" in plain:  # one half is a character of its own
        over, _, under = plain.partition("⁄")
        return rf"\frac{{{over}}}{{{under}}}"
    if letter := re.fullmatch(r"GREEK (SMALL|CAPITAL) LETTER (?:FINAL )?([A-Z]+)", name):
        return "\\" + (letter[2].lower() if letter[1] == "SMALL" else letter[2].title()) + " "
    return plain
