"""Where the grader and math-verify disagree: ``python -m beyond_sharpening.grading.agreement FILES``.

FILES are completions with gold answers as JSON lines, such as somebody's published outputs. Each is graded by this
project's grader and by math-verify with the settings of TRL's reward; every disagreement is printed, for a person to
say who is right.
"""

import argparse
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from beyond_sharpening.grading.audit import read_rows
from beyond_sharpening.grading.grader import grade
from beyond_sharpening.grading.parity import math_verify
from beyond_sharpening.grading.verdict import Claim, Verdict

_SHOWN = 160  # characters of a completion's end that are printed


class Pair(NamedTuple):
    """A completion and its gold answer, as this grader and as math-verify judges them."""

    claim: Claim
    ours: Verdict
    theirs: Verdict


def claims(rows: Iterable[dict[str, Any]], completion: str, gold: str) -> Iterator[Claim]:
    """The completions of rows, of which a column holds one or a list of them.

    Raises:
        KeyError: if a row lacks a column.
    """
    for row in rows:
        texts = row[completion] if isinstance(row[completion], list) else [row[completion]]
        yield from (Claim(text, str(row[gold])) for text in texts)


def compare(every: Sequence[Claim], workers: int | None = None) -> list[Pair]:
    """Grade each claim by both."""
    completions, golds = [claim.text for claim in every], [claim.gold for claim in every]
    both = grade(completions, golds, workers=workers), math_verify(completions, golds, workers=workers)
    return [Pair(*row) for row in zip(every, *both, strict=True)]


def report(pairs: Sequence[Pair]) -> str:
    """Return Markdown: how often each says what, and every pair of which only one says that it is correct."""
    count = Counter((pair.ours.outcome, pair.theirs.outcome) for pair in pairs)
    lines = ["| here | math-verify | completions |", "|---|---|---|"]
    lines += [f"| {ours} | {theirs} | {number} |" for (ours, theirs), number in sorted(count.items())]
    apart = [pair for pair in pairs if pair.ours.correct != pair.theirs.correct]
    agreed = len(pairs) - len(apart)
    lines += ["", f"Of one mind whether it is correct: {agreed} of {len(pairs)}. Apart: {len(apart)}.", ""]
    lines += [
        f"- here {pair.ours.outcome} ({pair.ours.answer}), math-verify {pair.theirs.outcome} ({pair.theirs.answer}): "
        f"gold `{pair.claim.gold}`, … `{' '.join(pair.claim.text[-_SHOWN:].split())}`"
        for pair in apart
    ]
    return "\n".join(lines)


def main() -> None:
    """Print how far both agree, and every disagreement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", type=Path, nargs="+", help="completions with gold answers as JSON lines")
    parser.add_argument("--completion", default="completion", help="column of the completion, or of a list of them")
    parser.add_argument("--gold", default="gold", help="column of the gold answer")
    parser.add_argument("--workers", type=int, default=None, help="worker processes; by default one a CPU core")
    options = parser.parse_args()
    logging.getLogger("beyond_sharpening").setLevel(logging.ERROR)
    rows = [row for file in options.files for row in read_rows(file)]
    print(report(compare(list(claims(rows, options.completion, options.gold)), options.workers)))


if __name__ == "__main__":
    main()
