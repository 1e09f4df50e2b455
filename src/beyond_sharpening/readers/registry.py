"""The formats that are known, the particular before the general: a file is read as the first that recognises it."""

from __future__ import annotations

from beyond_sharpening.readers import inspect_ai, lighteval, limit_of_rlvr, lm_eval, plain, trl, verl
from beyond_sharpening.readers.files import SUFFIXES, File
from beyond_sharpening.readers.formats import Format

FORMATS = (
    lm_eval.FORMAT,
    lighteval.FORMAT,
    inspect_ai.FORMAT,
    limit_of_rlvr.FORMAT,
    verl.FORMAT,
    trl.FORMAT,
    plain.FORMAT,
)


def recognise(file: File) -> Format | None:
    """The format of a file; None if it holds no samples in any that is known."""
    return next((known for known in FORMATS if file.suffix in SUFFIXES and known.recognises(file)), None)
