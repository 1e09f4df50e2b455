"""Keeping sets of problems apart: hold-outs, and overlap between training and benchmarks."""

import logging
import random
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from beyond_sharpening.errors import BadInput
from beyond_sharpening.problems.problem import Problem

logger = logging.getLogger(__name__)

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


@dataclass(frozen=True)
class Overlap:
    """A training problem whose question also stands in a benchmark."""

    train: Problem
    benchmark: Problem


def normalise_question(text: str) -> str:
    """Return what two typesettings of one question share.

    Unicode is brought to NFKC, case, all white space and the punctuation of sentences are removed, and so is LaTeX
    that only sets the type: dollar signs, spacing commands, ``\\left`` and ``\\right``, ``\\text``; ``\\dfrac`` becomes
    ``\\frac``, ``\\neq`` ``\\ne``, ``\\cdots`` ``\\dots``, and ``x^{2}`` becomes ``x^2``.
    """
    text = unicodedata.normalize("NFKC", text)
    for pattern, replacement in _TYPESETTING:
        text = pattern.sub(replacement, text)
    return text.casefold()


def drop_overlap(train: Iterable[Problem], benchmarks: Iterable[Problem]) -> tuple[list[Problem], list[Overlap]]:
    """Drop the training problems that stand in a benchmark, compared by normalised question.

    Returns:
        The training problems kept, in order, and each one dropped with the benchmark problem it repeats.
    """
    benchmark_of = {normalise_question(problem.question): problem for problem in benchmarks}
    kept: list[Problem] = []
    dropped: list[Overlap] = []
    for problem in train:
        twin = benchmark_of.get(normalise_question(problem.question))
        if twin is None:
            kept.append(problem)
        else:
            dropped.append(Overlap(problem, twin))
    if dropped:
        names = sorted({overlap.benchmark.source for overlap in dropped})
        logger.warning("Dropped %d training problems that stand in %s.", len(dropped), ", ".join(names))
    return kept, dropped


def hold_out(problems: Sequence[Problem], size: int, seed: int) -> tuple[list[Problem], list[Problem]]:
    """Split off a random validation set, the same for the same problems and seed.

    Returns:
        The training problems and the ``size`` validation problems (their ``split`` says so), both in order.

    Raises:
        BadInput: unless 0 < size < number of problems.
    """
    if not 0 < size < len(problems):
        raise BadInput(
            f"validation_size: cannot hold out {size} of {len(problems)} problems: choose from 1 to {len(problems) - 1}"
        )
    chosen = set(random.Random(seed).sample(range(len(problems)), size))
    train = [problem for index, problem in enumerate(problems) if index not in chosen]
    return train, [replace(problems[index], split="validation") for index in sorted(chosen)]
