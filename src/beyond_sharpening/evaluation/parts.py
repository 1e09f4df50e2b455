"""What an evaluation is made of: parts of bounded size, each written whole when it is done and never made again.

A part is what one decoder draws for some problems of one benchmark, or those problems' base completions scored under a
policy. Its file is named for all that determines it: another benchmark, decoder or policy finds what is there and makes
what is new, and an evaluation that was cut off goes on with the next part.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from beyond_sharpening.errors import Damaged
from beyond_sharpening.evaluation.exam import Arm, Exam
from beyond_sharpening.models.policy import Policy
from beyond_sharpening.parameters.decoders import Decoder, IndependentDecoder
from beyond_sharpening.problems import Problem
from beyond_sharpening.storage import written_whole

if TYPE_CHECKING:
    import pyarrow as pa

BATCHES, COMPLETIONS = 4, 32
"""A part holds the problems that fill some batches at this many completions each: few enough to lose, enough to keep
batches full. Its size does not depend on the decoders asked for, or another decoder would draw all parts anew."""

SERVED = 2048
"""Completions of a part that another engine draws, at as many a problem: enough to fill it, few enough for several GPUs
to have parts each."""


@dataclass(frozen=True, eq=False)
class Part:
    """Some problems of one benchmark, and what is made of them.

    Attributes:
        problems: of one benchmark.
        name: of the decoder; ``None`` where base completions are scored.
        decoder: what draws.
        scored: the base completions of these problems, with their ``tokens``.
        digest: of all that determines the part.
    """

    problems: Sequence[Problem]
    digest: str
    name: str | None = None
    decoder: Decoder | None = None
    scored: pd.DataFrame | None = None

    def file(self, folder: Path) -> Path:
        """Where its rows are kept."""
        return folder / f"{self.name or 'base_scores'}-{self.problems[0].source}-{self.digest}.parquet"

    def read(self, folder: Path, columns: list[str] | None = None) -> pd.DataFrame:
        """Its rows, of some of its columns, or all.

        Raises:
            Damaged: if its file was cut short or changed; so do ``table`` and ``schema``.
        """
        with _damage_told(file := self.file(folder)):
            return pd.read_parquet(file, columns=columns)

    def table(self, folder: Path, columns: list[str]) -> pa.Table:
        """The same as it lies in the file."""
        import pyarrow.parquet as pq

        with _damage_told(file := self.file(folder)):
            return pq.read_table(file, columns=columns)

    def schema(self, folder: Path) -> pa.Schema:
        """Names and types of its columns."""
        import pyarrow.parquet as pq

        with _damage_told(file := self.file(folder)):
            return pq.read_schema(file)

    def keep(self, rows: pd.DataFrame, folder: Path) -> None:
        """Write the rows, whole or not at all."""
        with written_whole(self.file(folder)) as beside:
            rows.to_parquet(beside)


@contextmanager
def _damage_told(file: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        raise Damaged(
            f"{file} cannot be read; it was cut short or changed ({str(error).splitlines()[0]}). Bring it back "
            "from a copy, or remove it, and the same command makes it anew"
        ) from error


def drawn_parts(arm: Arm, policy: Policy, base: Policy, exam: Exam) -> list[Part]:
    """What an arm's decoders draw: by problems first, so that decoders that share their draws find them in memory."""
    asked = _asked(arm, policy, exam) | {"base": fingerprint(base)}
    engine = exam.hardware.evaluation_engine
    decoders = exam.decoders_of(arm)
    own = {name: decoder for name, decoder in decoders.items() if not is_served(decoder, exam)}
    parts = _drawn(own, asked, _shares(exam))
    if len(own) < len(decoders):
        served = {name: decoder for name, decoder in decoders.items() if name not in own}
        parts += _drawn(served, asked | {"engine": engine}, _shares(exam, SERVED))
    return parts


def is_served(decoder: Decoder, exam: Exam) -> bool:
    """Whether a decoder's draws come from another engine than the sampling loop."""
    return exam.hardware.evaluation_engine != "transformers" and isinstance(decoder, IndependentDecoder)


def _drawn(
    decoders: Mapping[str, Decoder], asked: Mapping[str, Any], shares: Iterator[Sequence[Problem]]
) -> list[Part]:
    return [
        Part(problems, _digest({**asked, "decoder": decoder.model_dump(mode="json")}, problems), name, decoder)
        for problems in shares
        for name, decoder in decoders.items()
    ]


def scored_parts(arm: Arm, policy: Policy, completions: pd.DataFrame, exam: Exam) -> list[Part]:
    """The base's completions of every share of the problems, to be scored under the arm's policy."""
    asked = _asked(arm, policy, exam)
    parts = []
    for problems in _shares(exam):
        rows = completions[completions["benchmark"] == problems[0].source]
        rows = rows[rows["problem_id"].isin({problem.id for problem in problems})]
        if len(rows):
            drawn = hashlib.sha256(rows["tokens"].map(lambda tokens: str(list(tokens))).str.cat(sep=";").encode())
            digest = _digest({**asked, "base_completions": drawn.hexdigest()}, problems)
            parts.append(Part(problems, digest, scored=rows))
    return parts


def forget(folder: str, policy: str, variant: str, train_seed: int) -> None:
    """Remove the parts of a cell's evaluations, of every checkpoint and replicate."""
    for file in Path(folder).glob("*.parquet"):
        owner = pd.read_parquet(file, columns=["policy", "variant", "train_seed"])
        if len(owner) and tuple(owner.iloc[0]) == (policy, variant, train_seed):
            file.unlink()


def fingerprint(policy: Policy) -> str:
    """What tells a policy's weights from others': sizes of its files, and samples of what they hold."""
    digest = hashlib.sha256()
    for file in sorted([*policy.path.glob("*.safetensors"), *policy.path.glob("*.json")]):
        size = file.stat().st_size
        digest.update(f"{file.name} {size};".encode())
        with file.open("rb") as content:
            for place in {0, size // 2, max(0, size - _SAMPLE)}:
                content.seek(place)
                digest.update(content.read(_SAMPLE))
    return digest.hexdigest()


_SAMPLE = 1 << 20


def _shares(exam: Exam, completions: int | None = None) -> Iterator[Sequence[Problem]]:
    """The problems of each benchmark, in shares of so many completions; those of some batches if it is not said."""
    size = max(1, (completions or BATCHES * exam.hardware.generation_batch) // COMPLETIONS)
    for _, problems in groupby(exam.problems, lambda problem: problem.source):
        of_one = list(problems)
        yield from (of_one[start : start + size] for start in range(0, len(of_one), size))


def _asked(arm: Arm, policy: Policy, exam: Exam) -> dict[str, Any]:
    return {
        "arm": vars(arm),
        "policy": fingerprint(policy),
        "task": exam.task.model_dump(mode="json"),
        "sample_seed": exam.sample_seed,
        "min_completion_tokens": exam.min_completion_tokens,
        "dtype": exam.hardware.dtype,
    }


def _digest(asked: Mapping[str, Any], problems: Sequence[Problem]) -> str:
    graded = [[problem.id, problem.question, problem.gold, problem.difficulty] for problem in problems]
    others = [problem.others for problem in problems if problem.others]
    told = [asked, graded, *([others] if others else [])]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:20]
