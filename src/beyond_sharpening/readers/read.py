"""The door of the room: files in, one samples table out, with what was guessed on the way."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from beyond_sharpening.errors import BadInput
from beyond_sharpening.grading import grade
from beyond_sharpening.readers import plain
from beyond_sharpening.readers.base_scores import holds_base_scores
from beyond_sharpening.readers.files import SUFFIXES, File, find_files
from beyond_sharpening.readers.formats import OURS, PROMPT, ROW, Wishes
from beyond_sharpening.readers.naming import name_benchmarks, name_policies
from beyond_sharpening.readers.registry import FORMATS, recognise
from beyond_sharpening.readers.tidy import tidy

KNOWN = f"{', '.join(known.name for known in FORMATS)} ({', '.join(SUFFIXES)})"
ONE_SAMPLE = ("policy", "variant", "checkpoint", "train_seed", "decoder", "replicate", "benchmark", "problem_id")


class Samples(NamedTuple):
    """A samples table of which columns may be absent, and what was recognised and guessed, a sentence each."""

    table: pd.DataFrame
    notes: list[str]


class _Part(NamedTuple):
    """The rows of one file."""

    file: File
    format: str
    frame: pd.DataFrame
    notes: list[str]


def read_samples(
    named: Sequence[str], wishes: Wishes | None = None, *, anew: bool = False, prompts: bool = False
) -> Samples:
    """Read samples that any system drew.

    Args:
        named: files and folders, each as ``PATH`` or ``POLICY=PATH``; in folders, what holds no samples is left out.
        wishes: the files' names for our columns, and the filter to believe.
        anew: grade completions against golds even where the files say what is correct.
        prompts: keep what was asked too, a ``Prompt`` or None in the column ``prompt``.

    Returns:
        The samples, graded where their files do not say what is correct: ``policy``, ``benchmark``, ``problem_id``,
        ``sample_id``, ``correct``, and of the columns of the samples table (``analysis.contract``) those that the
        files have.

    Raises:
        BadInput: once, with a message for each file that cannot be used: its row, column, and what to do.
    """
    wishes = wishes or Wishes()
    _check_wishes(wishes)
    parts, faults, left_out = _read_all(find_files(named), wishes)
    if faults or not parts:
        raise BadInput(
            "\n".join(faults or left_out or ["there are scores of the base's completions alone: name samples"])
        )
    _check_use(parts, wishes)
    _refuse_copies(parts)
    name_policies([(part.file, part.frame) for part in parts])
    name_benchmarks([(part.file, part.frame) for part in parts])
    notes = [*_what_was_read(parts), *left_out]
    table = pd.concat([part.frame.assign(file=str(part.file.path)) for part in parts], ignore_index=True)
    table = _numbered(_one_grader(table, anew, notes))
    kept = (*OURS, PROMPT) if prompts else OURS
    return Samples(table[[name for name in kept if name in table]], notes)


def _read_all(files: Sequence[File], wishes: Wishes) -> tuple[list[_Part], list[str], list[str]]:
    """What could be read; the faults; and what a folder held beside samples and the base's scores."""
    parts, faults, beside = [], [], []
    for file in files:
        try:
            if holds_base_scores(file):
                continue
            known = recognise(file)
            if known is None and file.in_folder:
                beside.append(file.path.name)
            elif known is None:
                raise BadInput(f"{file.path} holds no samples in a form that is known: {KNOWN}")
            else:
                frame, notes = known.read(file, wishes)
                parts.append(_Part(file, known.name, tidy(file, frame, wishes, notes), notes))
        except BadInput as error:
            faults.append(str(error))
    return parts, faults, [f"left out, since they hold no samples: {', '.join(beside)}"] if beside else []


def _check_wishes(wishes: Wishes) -> None:
    for ours, theirs in wishes.theirs.items():
        if ours not in (*OURS, PROMPT):
            raise BadInput(f"--columns {theirs}={ours}: there is no column {ours!r}; there are: {', '.join(OURS)}")


def _check_use(parts: Sequence[_Part], wishes: Wishes) -> None:
    """What ``--columns`` names must be of use somewhere; the formats that have metrics have checked theirs."""
    there = frozenset.union(*(part.file.keys for part in parts))
    if all(part.format == plain.FORMAT.name for part in parts):
        for ours, theirs in wishes.theirs.items():
            if theirs not in there:
                columns = ", ".join(sorted(there))
                raise BadInput(f"--columns {theirs}={ours}: no file has a column {theirs!r}; there are: {columns}")


def _refuse_copies(parts: Sequence[_Part]) -> None:
    """The same file twice would count every sample twice, or compare a policy with itself."""
    seen: dict[str, File] = {}
    for part in parts:
        content = hashlib.sha256(part.file.path.read_bytes()).hexdigest()
        if content in seen:
            raise BadInput(f"{part.file.path} holds the same as {seen[content].path}: name one of them")
        seen[content] = part.file


def _what_was_read(parts: Sequence[_Part]) -> list[str]:
    """A sentence a format, with the policies found in it, and once each guess."""
    notes = []
    for known in dict.fromkeys(part.format for part in parts):
        of_it = [part for part in parts if part.format == known]
        policies = dict.fromkeys(str(name) for part in of_it for name in part.frame["policy"].unique())
        files = "1 file" if len(of_it) == 1 else f"{len(of_it)} files"
        notes.append(f"{files} read as {known}: {', '.join(policies)}")
        notes += dict.fromkeys(note for part in of_it for note in part.notes)
    return notes


def _one_grader(table: pd.DataFrame, anew: bool, notes: list[str]) -> pd.DataFrame:
    """One grader for all that is compared: theirs where all files have a verdict, else ours for all.

    Raises:
        BadInput: if some files have no verdict, and others nothing that could be graded.
    """
    ungradable = table.reindex(columns=["completion", "gold"]).isna().any(axis=1)
    if not anew and "correct" in table and table["correct"].notna().all():
        notes.append("what is correct is what the files say")
        return _without_disputes(table.assign(correct=table["correct"].astype(bool)), notes)
    if ungradable.any():
        raise BadInput(
            f"{table.loc[ungradable, 'file'].iloc[0]} has no completions with golds to grade"
            + ("" if anew else ", and other files do not say what is correct: policies are compared by one grader")
            + "; name them by --columns THEIRS=completion,THEIRS=gold"
        )
    completions, golds = (table[name].astype(str).to_list() for name in ("completion", "gold"))
    verdicts = grade(completions, golds)
    notes.append("completions were graded here against the golds (docs/grading.md)")
    table = table.drop(columns="score", errors="ignore")
    for name in ("correct", "outcome", "answer"):
        table[name] = pd.Series([getattr(verdict, name) for verdict in verdicts], index=table.index)
    return table


def _without_disputes(table: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Without answers, where one answer of a problem was judged both right and wrong: no vote can be held on them."""
    if "answer" not in table:
        return table
    verdicts = table.groupby(["benchmark", "problem_id", "answer"])["correct"].nunique()
    unanswered = table["correct"] & table["answer"].isna()
    if not (disputed := int(verdicts.gt(1).sum())) and not unanswered.any():
        return table
    why = f"{disputed} answers are judged both ways" if disputed else f"{unanswered.sum()} right ones are missing"
    notes.append(f"answers are not used, and there is no majority vote: {why}; --grade judges all anew")
    return table.drop(columns="answer")


def _numbered(table: pd.DataFrame) -> pd.DataFrame:
    """Every sample of a problem with a number of its own: theirs where it names a row once, else counted.

    Raises:
        BadInput: if a file's own numbers repeat.
    """
    keys = [name for name in ONE_SAMPLE if name in table]
    counted = table.groupby(keys, dropna=False).cumcount()
    if "sample_id" not in table or table["sample_id"].isna().any():
        return table.assign(sample_id=counted)
    repeated = table.duplicated([*keys, "sample_id"])
    if repeated.any():
        again = table[repeated].iloc[0]
        same = (table[[*keys, "sample_id"]] == again[[*keys, "sample_id"]]).all(axis=1)
        first = table[same].iloc[0]
        raise BadInput(
            f"{again['file']}, row {again[ROW]}: sample {again['sample_id']} of problem {again['problem_id']!r} of "
            f"{again['policy']} is in {first['file']}, row {first[ROW]}, already: drop one of them, or give the files "
            "policies of their own (NAME=FILE)"
        )
    numbers = pd.to_numeric(table["sample_id"].astype(object), errors="coerce")
    whole = bool(((numbers >= 0) & (numbers % 1 == 0)).all())
    return table.assign(sample_id=numbers.astype(int) if whole else counted)
