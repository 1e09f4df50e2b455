"""From a policy to a samples table, part by part, in one process or several."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path

import pandas as pd

from beyond_sharpening.analysis import SAMPLE_COLUMNS
from beyond_sharpening.evaluation.exam import Arm, Exam
from beyond_sharpening.evaluation.examiner import Examiner
from beyond_sharpening.evaluation.gathered import Gathered
from beyond_sharpening.evaluation.parts import Part, drawn_parts, scored_parts
from beyond_sharpening.models.policy import Policy

BASE_COMPLETION = ["benchmark", "problem_id", "replicate", "sample_id", "tokens"]
"""The columns of the base's completions that policies score: whose they are, and their token ids."""


def examine(arm: Arm, policy: Policy, base: Policy, exam: Exam, folder: Path) -> Gathered:
    """Draw from ``policy`` with every decoder and grade; one row a completion, the samples contract.

    Log-probabilities are sums in nats at temperature 1, EOS included, whatever decoder drew. Beside the contract's
    columns stand ``score``, in [0, 1], ``diagnostics``, how the decoder fared at this completion, a JSON object, and
    ``tokens``, its ids. The processes of the hardware share the parts; completions are the same however many there are.

    Args:
        arm: whose completions they are; no two arms share their draws.
        policy: what is decoded.
        base: what scores every completion too.
        exam: problems, decoders, lengths, grader and seed.
        folder: where parts are kept; those that are there are not made again.
    """
    parts = drawn_parts(arm, policy, base, exam)
    _complete(parts, arm, policy, base, exam, folder)
    places = {name: place for place, name in enumerate(exam.decoders)}
    parts.sort(key=lambda part: places[str(part.name)])
    return Gathered(parts, folder, [*dict.fromkeys([*SAMPLE_COLUMNS, "score", "diagnostics", "tokens"])])


def cross_score(
    arm: Arm, policy: Policy, base: Policy, completions: pd.DataFrame, exam: Exam, folder: Path
) -> Gathered:
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
    _complete(parts, arm, policy, base, exam, folder)
    named = [key for key in vars(arm) if key != "replicate"]
    told = [name for name in BASE_COMPLETION if name != "tokens"]
    return Gathered(parts, folder, [*told, *named, "logp_policy"])


def evaluate(arm: Arm, policy: Policy, base: Policy, exam: Exam, folder: Path | None = None) -> pd.DataFrame:
    """What ``examine`` gathers, in memory; a folder of None keeps no parts."""
    with _kept(folder) as kept:
        return examine(arm, policy, base, exam, kept).frame()


def score_base(
    arm: Arm, policy: Policy, base: Policy, completions: pd.DataFrame, exam: Exam, folder: Path | None = None
) -> pd.DataFrame:
    """What ``cross_score`` gathers, in memory; a folder of None keeps no parts."""
    with _kept(folder) as kept:
        return cross_score(arm, policy, base, completions, exam, kept).frame()


@contextmanager
def _kept(folder: Path | None) -> Iterator[Path]:
    if folder is not None:
        yield folder
        return
    with tempfile.TemporaryDirectory() as passing:
        yield Path(passing)


def _complete(parts: Sequence[Part], arm: Arm, policy: Policy, base: Policy, exam: Exam, folder: Path) -> None:
    """Make the parts that are not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = [part for part in parts if not part.file(folder).is_file()]
    _make(missing, arm, policy, base, exam, folder)


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
