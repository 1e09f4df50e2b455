"""Values as the samples table holds them; what cannot be so is told with its file, row, column, and what to do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from beyond_sharpening.errors import BadInput
from beyond_sharpening.grading import states_an_answer
from beyond_sharpening.readers.files import File
from beyond_sharpening.readers.formats import ROW, Wishes

RIGHT = ("1", "1.0", "true", "yes", "correct", "right")
WRONG = ("0", "0.0", "false", "no", "incorrect", "wrong")
NUMBERS = ("n_tokens", "logp_policy", "logp_base", "token_entropy", "forward_tokens")
WHOLE = ("train_seed", "sample_seed", "replicate")
NAMES = ("model", "policy", "variant", "checkpoint", "decoder", "benchmark")


def tidy(file: File, frame: pd.DataFrame, wishes: Wishes, notes: list[str]) -> pd.DataFrame:
    """The rows of one file with values that the samples table allows: text ids, booleans, numbers.

    Raises:
        BadInput: at the first column that cannot be used; the message names the file, the first row and its value.
    """
    empty = [name for name in frame if name not in ("problem_id", "correct") and frame[name].map(_empty).all()]
    frame = frame.drop(columns=empty) if len(frame) else frame
    _require(file, frame)
    frame["problem_id"] = _text(file, frame, "problem_id", wishes)
    for name in NAMES:
        if name in frame:
            frame[name] = _text(file, frame, name, wishes, needed=name in ("policy", "benchmark"))
    for name in ("gold", "answer", "completion"):
        if name in frame:
            frame[name] = frame[name].map(lambda value: None if _empty(value) else _plain(value))
    if "correct" not in frame and "score" in frame:
        frame["correct"] = _from_score(file, frame, wishes, notes)
    elif "correct" in frame:
        frame["correct"] = _truth(file, frame, "correct", wishes)
    if "truncated" in frame:
        frame["truncated"] = _truth(file, frame, "truncated", wishes)
    for name in (*NUMBERS, *WHOLE):
        if name in frame:
            frame[name] = _number(file, frame, name, wishes, whole=name in WHOLE)
    return _gradable(file, frame, wishes)


def _require(file: File, frame: pd.DataFrame) -> None:
    there = f"its columns: {', '.join(sorted(file.keys))}"
    if frame.empty:
        raise BadInput(f"{file.path} has no rows: it was cut off, or nothing was drawn")
    if "problem_id" not in frame:
        raise BadInput(
            f"{file.path}: no column says which problem a row is of ({there}); say which: --columns THEIRS=problem_id"
        )
    if not {"correct", "score"} & {*frame} and not {"completion", "gold"} <= {*frame}:
        raise BadInput(
            f"{file.path}: `correct` is needed, or `completion` and `gold` ({there}); say which they are: "
            "--columns THEIRS=correct, or --columns THEIRS=completion,THEIRS=gold"
        )


def refuse(file: File, frame: pd.DataFrame, name: str, bad: pd.Series, wishes: Wishes, remedy: str) -> None:
    """Stop at the rows that are bad, with the first of them as it stands in the file."""
    if bad.any():
        row, value = frame.loc[bad, [ROW, name]].iloc[0]
        more = f" (and {bad.sum() - 1} more)" if bad.sum() > 1 else ""
        theirs = wishes.theirs.get(name, name)
        shown = "is empty" if _empty(value) else f"is {value!r}"
        raise BadInput(f"{file.path}, row {row}{more}: column `{theirs}` {shown}: {remedy}")


def _empty(value: Any) -> bool:
    return value is None or value == "" or (isinstance(value, float) and np.isnan(value)) or value is pd.NA


def _plain(value: Any) -> str:
    """A value as text; 3.0 is the id 3 of a table that had a gap somewhere."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _text(file: File, frame: pd.DataFrame, name: str, wishes: Wishes, needed: bool = True) -> pd.Series:
    empty = frame[name].map(_empty)
    if needed or name == "problem_id":
        refuse(file, frame, name, empty, wishes, "every row needs one; fill it in, or drop the row")
    return frame[name].map(_plain).where(~empty, "")


def _truth(file: File, frame: pd.DataFrame, name: str, wishes: Wishes) -> pd.Series:
    said = frame[name].map(lambda value: str(value).strip().lower())
    bad = ~said.isin([*RIGHT, *WRONG])
    remedy = "true, false, 1 or 0 is needed; grade it, or drop the row"
    numbers = pd.to_numeric(frame[name].astype(object), errors="coerce")
    if bad.any() and numbers.between(0, 1).all():
        remedy = f"a share is a score; say so: --columns {wishes.theirs.get(name, name)}=score"
    refuse(file, frame, name, bad, wishes, remedy)
    return said.isin(RIGHT)


def _from_score(file: File, frame: pd.DataFrame, wishes: Wishes, notes: list[str]) -> pd.Series:
    """Right is a full score; the score stays beside it where it says more."""
    score = pd.to_numeric(frame["score"].map(_as_number), errors="coerce")
    bad = ~score.between(0, 1)
    refuse(file, frame, "score", bad, wishes, "a number from 0 to 1 is needed; scale it, or name another column")
    frame["score"] = score.astype(float)
    if (between := (score > 0) & (score < 1)).any():
        notes.append(f"{between.mean():.0%} of the scores lie between 0 and 1: only 1 counts as right")
    return score.eq(1)


def _as_number(value: Any) -> Any:
    said = str(value).strip().lower()
    return 1.0 if said in RIGHT else 0.0 if said in WRONG else value


def _number(file: File, frame: pd.DataFrame, name: str, wishes: Wishes, whole: bool) -> pd.Series:
    empty = frame[name].map(_empty)
    numbers = pd.to_numeric(frame[name].mask(empty, np.nan).astype(object), errors="coerce")
    remedy = "a whole number from 0 is needed in every row" if whole else "a number is needed, or nothing"
    bad = (numbers.isna() | (numbers % 1 != 0) | (numbers < 0)) if whole else (numbers.isna() & ~empty)
    refuse(file, frame, name, bad, wishes, remedy)
    return numbers.astype(int) if whole else numbers.astype(float)


def _gradable(file: File, frame: pd.DataFrame, wishes: Wishes) -> pd.DataFrame:
    """Without what cannot be graded where all is said already; a refusal where it is not."""
    if not {"completion", "gold"} <= {*frame}:
        return frame
    bad = frame["gold"].map(lambda gold: _empty(gold) or not _states(gold))
    if "correct" in frame:
        return frame.drop(columns="gold") if bad.any() else frame
    refuse(file, frame, "gold", bad, wishes, "no answer can be read in it; correct it, or drop the problem")
    return frame.assign(completion=frame["completion"].fillna(""))


def _states(gold: str) -> bool:
    try:
        return states_an_answer(gold)
    except ValueError:
        return False
