"""From a policy to a samples table, part by part, in one process or several."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path

import pandas as pd

from beyond_sharpening.analysis import SAMPLE_COLUMNS
from beyond_sharpening.evaluation.exam import Arm, Exam
from beyond_sharpening.evaluation.examiner import Examiner
from beyond_sharpening.evaluation.parts import Part, drawn_parts, scored_parts
from beyond_sharpening.models.policy import Policy

BASE_COMPLETION = ["benchmark", "problem_id", "replicate", "sample_id", "tokens"]
"""The columns of the base's completions that policies score: whose they are, and their token ids."""


def evaluate(
    arm: Arm, policy: Policy, base: Policy, exam: Exam, folder: Path | None = None, *, tokens: bool = True
) -> pd.DataFrame:
    """Draw from ``policy`` with every decoder and grade; one row a completion, the samples contract.

    Log-probabilities are sums in nats at temperature 1, EOS included, whatever decoder drew. Beside the contract's
    columns stand ``score``, in [0, 1], ``diagnostics``, how the decoder fared at this completion, a JSON object, and
    ``tokens``, its ids. The processes of the hardware share the parts; completions are the same however many there are.

    Args:
        arm: whose completions they are; no two arms share their draws.
        policy: what is decoded.
        base: what scores every completion too.
        exam: problems, decoders, lengths, grader and seed.
        folder: where parts are kept; those that are there are not made again. None keeps nothing.
        tokens: whether the table has them; they take more memory than all else.
    """
    columns = [*dict.fromkeys([*SAMPLE_COLUMNS, "score", "diagnostics", *(["tokens"] if tokens else [])])]
    parts = drawn_parts(arm, policy, base, exam)
    tables = _complete(parts, arm, policy, base, exam, folder, columns)
    places = {name: place for place, name in enumerate(exam.decoders)}
    order = sorted(range(len(parts)), key=lambda row: places[str(parts[row].name)])
    return pd.concat([tables[row] for row in order], ignore_index=True)[columns]


def score_base(
    arm: Arm, policy: Policy, base: Policy, completions: pd.DataFrame, exam: Exam, folder: Path | None = None
) -> pd.DataFrame:
    """log π of the base's completions under an arm's policy: the cross scores of the samples contract.

    Args:
        arm: whose policy scores.
        policy: what scores.
        base: the start model.
        completions: of the base, with the columns ``BASE_COMPLETION``.
        exam: the same that the base had.
        folder: where parts are kept.
    """
    parts = scored_parts(arm, policy, completions, exam)
    return pd.concat(_complete(parts, arm, policy, base, exam, folder), ignore_index=True)


def _complete(
    parts: Sequence[Part],
    arm: Arm,
    policy: Policy,
    base: Policy,
    exam: Exam,
    folder: Path | None,
    columns: list[str] | None = None,
) -> list[pd.DataFrame]:
    """The rows of all parts, in order, or columns of them; those that are not there yet are made first."""
    with ExitStack() as until_read:
        kept = Path(until_read.enter_context(tempfile.TemporaryDirectory())) if folder is None else folder
        kept.mkdir(parents=True, exist_ok=True)
        missing = [part for part in parts if not part.file(kept).is_file()]
        _make(missing, arm, policy, base, exam, kept)
        return [part.read(kept, columns) for part in parts]


def _make(parts: Sequence[Part], arm: Arm, policy: Policy, base: Policy, exam: Exam, folder: Path) -> None:
    shares = [list(share) for _, share in groupby(parts, lambda part: id(part.problems))]
    count = min(exam.hardware.processes, len(shares))
    if count <= 1:
        _make_here(0, parts, arm, policy, base, exam, folder)
        return
    from pebble import ProcessPool

    pool = ProcessPool(count, context=multiprocessing.get_context("spawn"))
    try:
        asked = (arm, policy, base, exam, folder)
        given = [[part for share in shares[place::count] for part in share] for place in range(count)]
        futures = [pool.schedule(_make_there, args=(place, own, *asked)) for place, own in enumerate(given)]
        for future in futures:
            future.result()
    finally:
        pool.stop()  # also where this process has been told to stop
        pool.join()


def _make_there(
    place: int, parts: Sequence[Part], arm: Arm, policy: Policy, base: Policy, exam: Exam, folder: Path
) -> None:
    """In one of several processes, each on a GPU of its own, the only one that it sees: engines take the first."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES") or ",".join(map(str, range(exam.hardware.processes)))
    if exam.hardware.device == "cuda":
        os.environ["CUDA_VISIBLE_DEVICES"] = visible.split(",")[place]
    _make_here(place, parts, arm, policy, base, exam, folder)


def _make_here(
    place: int, parts: Sequence[Part], arm: Arm, policy: Policy, base: Policy, exam: Exam, folder: Path
) -> None:
    """In this process; the first of several shows its progress."""
    examiner = Examiner(arm, policy, base, exam, shows_progress=place == 0)
    for part in parts:
        part.keep(examiner.make(part), folder)
