"""Any table: CSV, JSONL, a JSON list or parquet, a row a sample or a row a problem with lists.

Columns are taken by our names, by those that ``--columns`` gives them, and else by names that are usual elsewhere; what
was taken for what is told.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from beyond_sharpening.errors import BadInput
from beyond_sharpening.readers.files import File
from beyond_sharpening.readers.formats import (
    OURS,
    PROMPT,
    ROW,
    Format,
    Rows,
    Wishes,
    gold_of,
    listed,
    message_text,
    question_id,
)
from beyond_sharpening.readers.prompts import Kind, prompt_of

USUAL = {
    "policy": ("model", "model_name", "run"),
    "problem_id": ("id", "question_id", "task_id", "doc_id", "idx", "index", "uid", "unique_id", "problem_idx"),
    "sample_id": ("sample", "sample_idx", "sample_index", "epoch", "attempt", "rollout", "repeat", "generation_id"),
    "benchmark": ("dataset", "task", "data_source", "dataset_name"),
    "correct": ("is_correct", "passed", "acc", "accuracy", "correctness", "label"),
    "score": ("reward", "rewards", "scores"),
    "completion": ("completions", "response", "responses", "output", "outputs", "generation", "generations",
                   "generated_text", "prediction", "model_output", "text", "code"),
    "gold": ("ground_truth", "gt", "target", "reference", "expected_answer", "gold_answer", "solution"),
    "logp_policy": ("logprob", "logp", "cumulative_logprob"),
    "n_tokens": ("num_tokens", "completion_tokens", "response_length"),
    "train_seed": ("seed",),
}  # fmt: skip
"""Names that other systems give to what we name so, the likeliest first."""

QUESTIONS = ("question", "problem", "prompt", "input", "query", "messages")
ASKED: dict[str, Kind] = {
    "prompt": "unsaid",
    "messages": "chat",
    "input": "unsaid",
    "question": "question",
    "problem": "question",
    "query": "question",
}
"""Columns that hold what was asked, that which the model read first, and what kind of prompt each is."""

PER_SAMPLE = (
    "completion",
    "correct",
    "score",
    "answer",
    "sample_id",
    "n_tokens",
    "truncated",
    "logp_policy",
    "logp_base",
)


def recognises(file: File) -> bool:
    """A JSON object is no table: it is what models and evaluations keep beside their samples."""
    return file.suffix != ".eval" and not (file.suffix == ".json" and isinstance(file.document, dict))


def read(file: File, wishes: Wishes) -> Rows:
    notes: list[str] = []
    frame = _named(_table(file), wishes, notes)
    if "problem_id" not in frame and (question := next((name for name in QUESTIONS if name in frame), None)):
        frame["problem_id"] = frame[question].map(lambda asked: question_id(message_text(asked)))
        notes.append(f"a problem is known by its `{question}`, since no column names it")
    if asked := next((name for name in ASKED if name in frame), None):
        frame[PROMPT] = frame[asked].map(lambda value: prompt_of(value, ASKED[asked]))
    frame = _one_row_a_sample(file, frame[[ROW, *(name for name in (*OURS, PROMPT) if name in frame)]])
    if "completion" in frame:
        frame["completion"] = frame["completion"].map(message_text)
        frame = _reference(frame, notes)
    if "gold" in frame:
        known = {text: gold_of(text) for text in frame["gold"].dropna().unique() if isinstance(text, str)}
        frame["gold"] = frame["gold"].map(
            lambda gold: known.get(gold, gold) if isinstance(gold, str) else gold_of(gold)
        )
    return Rows(frame, notes)


def _table(file: File) -> pd.DataFrame:
    if file.suffix in (".csv", ".tsv"):
        frame = file.table()
        frame.insert(0, ROW, range(1, len(frame) + 1))
        return frame
    rows = [{ROW: number} | record for number, record in file.records()]
    return pd.DataFrame(rows) if rows else pd.DataFrame(columns=[ROW])


def _named(frame: pd.DataFrame, wishes: Wishes, notes: list[str]) -> pd.DataFrame:
    """The table with our names for its columns."""
    asked = {theirs: ours for ours, theirs in wishes.theirs.items() if theirs in frame and theirs != ours}
    frame = frame.drop(columns=[ours for ours in asked.values() if ours in frame and ours not in asked]).rename(
        columns=asked
    )
    taken = {str(name).lower(): str(name) for name in frame if name not in OURS}
    guessed: dict[str, str] = {}
    for ours, usual in USUAL.items():
        theirs = next((taken[name] for name in (ours, *usual) if name in taken), None)
        told = {"correct", "score"} & {*frame, *guessed.values()}
        if ours not in frame and theirs is not None and theirs not in guessed and not (ours == "score" and told):
            guessed[theirs] = ours
    if "policy" not in {*frame, *guessed.values()} and "model" in frame:
        guessed["model"] = "policy"
    if guessed:
        notes.append("read as ours: " + ", ".join(f"`{theirs}` = {ours}" for theirs, ours in guessed.items()))
    return frame.rename(columns=guessed)


def _reference(frame: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """``answer`` beside completions is the gold answer where it is one for all samples of a problem."""
    if "answer" not in frame or "gold" in frame or "problem_id" not in frame:
        return frame
    if frame["answer"].astype(str).groupby(frame["problem_id"].astype(str)).nunique().gt(1).any():
        return frame
    notes.append("`answer` is one for all samples of a problem: read as the gold answer")
    return frame.rename(columns={"answer": "gold"})


def _one_row_a_sample(file: File, frame: pd.DataFrame) -> pd.DataFrame:
    """Rows of a problem, with lists of what belongs to its samples, as rows of samples."""
    lists = [name for name in PER_SAMPLE if name in frame and frame[name].map(_is_list).any()]
    if not lists:
        return frame
    frame = frame.assign(**{name: frame[name].map(listed) for name in lists})
    lengths = pd.DataFrame({name: frame[name].map(_length) for name in lists})
    uneven = lengths.nunique(axis=1).ne(1) | lengths.iloc[:, 0].eq(0)
    if uneven.any():
        row, counts = frame.loc[uneven, ROW].iloc[0], lengths[uneven].iloc[0].to_dict()
        raise BadInput(f"{file.path}, row {row}: lists of one length are needed, one value a sample, not {counts}")
    return frame.explode(lists, ignore_index=True)


def _is_list(value: Any) -> bool:
    """A chat is one completion, not a list of them."""
    value = listed(value) if isinstance(value, str) and value.startswith("[") else value
    return isinstance(value, list) and not any(isinstance(each, dict) for each in value)


def _length(value: Any) -> int:
    return len(value) if isinstance(value, list) else 1


FORMAT = Format("plain table", recognises, read)
