"""When are two questions the same? What two writings of one share; a domain chooses which function says it."""

import re
import unicodedata

_TYPESETTING = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"(?<!\\)\\(?:[!,;:> ()\[\]]|(?:left|right|displaystyle|q?quad)(?![A-Za-z]))|\\?\$|~", " "),
        (r"\\[dtc]frac(?![A-Za-z])", r"\\frac"),
        (r"\\([lgn])eq(?![A-Za-z])", r"\\\1e"),
        (r"\\[lc]dots(?![A-Za-z])", r"\\dots"),
        (r"\\(?:text|textbf|textit|textrm|mathrm|mbox|emph)\s*\{([^{}]*)\}", r"\1"),
        (r"\{\s*([0-9A-Za-z]|\\[A-Za-z]+)\s*\}", r"\1"),
        # Punctuation of sentences: what stands between numbers and symbols may tell them apart.
        (r"[.,;?]+(?=\s*(?:[A-Za-z]{2}|$))", ""),
        (r"\s+", ""),
    )
)


def normalise_question(text: str) -> str:
    """Return what two typesettings of one question share.

    Unicode is brought to NFKC; case, all white space and the punctuation of sentences are removed, and so is LaTeX
    that only sets the type: dollar signs, spacing commands, ``\\left`` and ``\\right``, ``\\text``; ``\\dfrac`` becomes
    ``\\frac``, ``\\neq`` ``\\ne``, ``\\cdots`` ``\\dots``, and ``x^{2}`` becomes ``x^2``.
    """
    text = unicodedata.normalize("NFKC", text)
    for pattern, replacement in _TYPESETTING:
        text = pattern.sub(replacement, text)
    return text.casefold()


def as_written(text: str) -> str:
    """Return the question without white space at its ends: for code and grids, where every other character counts."""
    return unicodedata.normalize("NFC", text).strip()
