"""The samples table: one row a completion, the contract between generation and statistics."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

BASE = "base"
"""What the start model's rows are called, in the column ``policy``."""

REFERENCE_DECODER = "temperature"
"""Plain samples at temperature 1: what every comparison of policies is made on."""

ARM = ["model", "policy", "variant", "checkpoint", "decoder"]
"""The columns that name an arm: one way of producing completions, over all its training seeds."""

CELL = [*ARM, "benchmark"]
"""One arm on one benchmark: what a row of the estimates is about."""

ONE_COMPLETION = [*ARM, "train_seed", "replicate", "benchmark", "problem_id", "sample_id"]
"""The columns that together name a single row."""

CROSS_SCORE_KEY = [
    *["model", "policy", "variant", "checkpoint", "train_seed"],
    *["benchmark", "problem_id", "replicate", "sample_id"],
]
"""The columns that name a row of the cross scores: the base's completions scored under a policy.

A table of its own beside the samples, one row a (policy's checkpoint, base completion): ``model``, ``policy``,
``variant``, ``checkpoint`` and ``train_seed`` name the policy that scores; ``benchmark``, ``problem_id``, ``replicate``
and ``sample_id`` the base's row (drawn once, decoder ``temperature``); ``logp_policy`` is log π of that completion
under the policy, summed over its tokens, EOS included, in nats, at temperature 1, like the samples' own column.
``mechanism(samples, base_scores=table)`` takes it; without it the estimates that need it are absent.
"""

LOG_PROBABILITY_TOLERANCE = 1e-4
MAX_ROWS_SHOWN = 3


class Column(NamedTuple):
    """What a column may hold, in words and as a check of each non-null value."""

    allowed: str
    holds: Callable[[pd.Series], pd.Series]
    nullable: bool = False


def _one_of(*values: object) -> Column:
    return Column(" | ".join(map(str, values)), lambda column: column.isin(values))


def _text(column: pd.Series) -> pd.Series:
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.isin([value for value in column.cat.categories if isinstance(value, str)])
    if isinstance(column.dtype, pd.StringDtype):
        return column.notna()
    return column.map(lambda value: isinstance(value, str)).astype(bool)


def _name(column: pd.Series) -> pd.Series:
    return _text(column) & (column.astype(str) != "")


def _json_object(column: pd.Series) -> pd.Series:
    def holds(value: object) -> bool:
        try:
            return isinstance(json.loads(str(value)), dict)
        except ValueError:
            return False

    return column.map({value: holds(value) for value in column.unique()}).astype(bool)


def _boolean(column: pd.Series) -> pd.Series:
    if pd.api.types.is_numeric_dtype(column.dtype):  # NumPy's bool among them, and nothing else that is one
        return pd.Series(column.dtype == bool, index=column.index)
    return column.map(lambda value: isinstance(value, bool | np.bool_)).astype(bool)


def _number(column: pd.Series) -> pd.Series:
    """The column as floats, NaN where a value is no number (a boolean is none)."""
    if pd.api.types.is_numeric_dtype(column.dtype) and column.dtype != bool:
        return column.astype(float)
    return pd.to_numeric(column.mask(_boolean(column)).astype(object), errors="coerce").astype(float)


def _integer_from(least: int) -> Callable[[pd.Series], pd.Series]:
    return lambda column: (_number(column) >= least) & (_number(column) % 1 == 0)


TEXT = Column("text", _text)
NAME = Column("non-empty text", _name)
INTEGER = Column("an integer, at least 0", _integer_from(0))
LOG_PROBABILITY = Column(
    "a log-probability in nats, at most 0", lambda column: _number(column) <= LOG_PROBABILITY_TOLERANCE, nullable=True
)

COLUMNS = {
    "model": NAME,
    "policy": NAME,
    "variant": TEXT,
    "checkpoint": _one_of("last", "best"),
    "train_seed": INTEGER,
    "decoder": NAME,
    "decoder_parameters": Column("a JSON object", _json_object),
    "sample_seed": INTEGER,
    "replicate": _one_of(0, 1),
    "benchmark": NAME,
    "problem_id": NAME,
    "difficulty": Column("any value", lambda column: column.notna(), nullable=True),
    "sample_id": INTEGER,
    "completion": TEXT,
    "answer": Column("text", _text, nullable=True),
    "gold": TEXT,
    "outcome": _one_of("correct", "wrong", "unparsable", "timeout"),
    "correct": Column("true | false", _boolean),
    "n_tokens": Column("an integer, at least 1", _integer_from(1)),
    "truncated": Column("true | false", _boolean),
    "logp_policy": LOG_PROBABILITY,
    "logp_base": LOG_PROBABILITY,
    "token_entropy": Column("nats, at least 0", lambda column: _number(column) >= 0, nullable=True),
    "forward_tokens": Column("at least 0", lambda column: _number(column) >= 0, nullable=True),
}

SAMPLE_COLUMNS = tuple(COLUMNS)
"""The samples table's columns, in order; a table may hold others beside them."""


def settling(frame: pd.DataFrame, replicates: Sequence[int] = (0,)) -> pd.DataFrame:
    """The rows that settle the question: last checkpoint, reference decoder, replicate 0 (or those asked for).

    For a samples table or any table made of one; a column that is absent selects nothing.
    """
    wanted = {"checkpoint": ("last",), "decoder": (REFERENCE_DECODER,), "replicate": tuple(replicates)}
    keep = np.ones(len(frame), dtype=bool)
    for name, values in wanted.items():
        if name in frame:
            keep &= frame[name].isin(values).to_numpy()
    return frame.copy(deep=False) if keep.all() else frame[keep]  # nothing is copied where all are wanted


def validate_samples(frame: pd.DataFrame, needed: Sequence[str] = SAMPLE_COLUMNS, *, whole: bool = True) -> None:
    """Check a samples table, from this project or any other system, against the contract.

    Columns that are not ``needed`` may be absent; those that are there must hold what they may.

    ``answer`` (an abstention, or answers that have no canonical form), ``difficulty``, ``logp_policy``, ``logp_base``,
    ``token_entropy`` and ``forward_tokens`` may be null where unknown. Rows are counted from 0, whatever the index.
    Of a part of a table (not ``whole``) it is not asked what rows say of one another.

    Raises:
        ValueError: once, with every fault: the column, the first rows and their values, what is allowed.
    """
    frame = frame.reset_index(drop=True)
    present = [name for name in SAMPLE_COLUMNS if name in frame]
    faults = [f"column {name!r} is missing ({COLUMNS[name].allowed})" for name in needed if name not in frame]
    if frame.empty:
        faults.append("the table has no rows")
    else:
        faults += [fault for name in present for fault in _column_faults(frame[name], COLUMNS[name])]
    if not faults:
        faults = _row_faults(frame, whole)
    if faults:
        raise ValueError("the samples table breaks its contract:\n" + "\n".join(f"  - {fault}" for fault in faults))


def _column_faults(column: pd.Series, rule: Column) -> list[str]:
    bad = ~rule.holds(column).astype(bool)
    if rule.nullable:
        bad &= column.notna()
    return _describe(column, bad, f"allowed: {rule.allowed}{' or null' if rule.nullable else ''}")


def _row_faults(frame: pd.DataFrame, whole: bool) -> list[str]:
    """Faults between columns; asked only once every column holds what it may."""
    correct, faults = frame["correct"].astype(bool), []
    if "outcome" in frame:
        contrary = correct != (frame["outcome"] == "correct")
        faults += _describe(frame["correct"], contrary, "must be true exactly if outcome is")
    if not whole:
        return faults
    if "answer" in frame:
        scored = frame["outcome"].isin(["correct", "wrong"]) if "outcome" in frame else True
        faults += _describe(
            frame["answer"],
            _disputed(frame, correct, frame["answer"].notna() & scored),
            "one answer of a problem is graded both correct and wrong",
        )
    if set(ONE_COMPLETION) <= set(frame):
        repeated = frame.duplicated(ONE_COMPLETION)
        faults += _describe(frame["sample_id"], repeated, f"a row is named once by ({', '.join(ONE_COMPLETION)})")
    return faults


def _disputed(frame: pd.DataFrame, correct: pd.Series, voting: pd.Series) -> pd.Series:
    """Rows whose answer, of the same problem, is right in one row and wrong in another."""
    keys = [frame.loc[voting, name] for name in ("benchmark", "problem_id", "answer")]
    verdicts = correct[voting].groupby(keys, observed=True)
    mixed = verdicts.transform("min") != verdicts.transform("max")
    return mixed.reindex(frame.index, fill_value=False).astype(bool)


def _describe(column: pd.Series, bad: pd.Series, rule: str) -> list[str]:
    """At most one fault: which rows of the column are bad, with the first few values."""
    if not bad.any():
        return []
    shown = ", ".join(f"row {row}: {value!r}" for row, value in column[bad].head(MAX_ROWS_SHOWN).items())
    more = f" and {bad.sum() - MAX_ROWS_SHOWN} more" if bad.sum() > MAX_ROWS_SHOWN else ""
    return [f"column {column.name!r}, {shown}{more}; {rule}"]
