"""Samples of any system, brought to the contract: defaults for what is absent, faults counted, nothing invented."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from beyond_sharpening.analysis.contract import (
    BASE,
    LOG_PROBABILITY_TOLERANCE,
    MAX_ROWS_SHOWN,
    ONE_COMPLETION,
    REFERENCE_DECODER,
)

NEEDED = ("policy", "problem_id", "correct")

DEFAULTS: dict[str, str | int] = {
    "model": "model",
    "variant": "",
    "checkpoint": "last",
    "train_seed": 0,
    "decoder": REFERENCE_DECODER,
    "decoder_parameters": "{}",
    "sample_seed": 0,
    "replicate": 0,
    "benchmark": "benchmark",
}
"""What a column says where a system has no such thing: one model, one checkpoint, one seed, plain samples."""

IDENTIFIERS = ("model", "policy", "variant", "problem_id", "benchmark")
LOG_PROBABILITIES = ("logp_policy", "logp_base")


def accept_samples(frame: pd.DataFrame, *, whole: bool = True) -> pd.DataFrame:
    """A samples table of another system, ready for ``estimates``, ``compare_arms`` and ``mechanism``.

    Only ``policy``, ``problem_id`` and ``correct`` are needed. ``correct`` may be 0 or 1, ids may be numbers,
    ``sample_id`` is counted where it is absent. Numbers that are absent (log-probabilities, lengths, answers) stay
    absent: what needs them is said to be absent. Of a part of a table (not ``whole``) it is not asked what rows say of
    one another, and ``sample_id`` is not counted.

    Raises:
        ValueError: once, with every fault, how many rows have it and the first of them: a needed column is missing,
            or has no value; ``correct`` is neither true nor false; a log-probability is above 0 or infinite; a row is
            there twice; the base is of another model than the policies.
    """
    missing = [name for name in NEEDED if name not in frame]
    if missing:
        hint = (
            "; completions and gold answers are graded by beyond_sharpening.grading.grade"
            if "correct" in missing
            else ""
        )
        raise ValueError(
            f"the samples table lacks {', '.join(map(repr, missing))}{hint}; it has {', '.join(map(str, frame))}"
        )
    table = frame.reset_index(drop=True)
    table = table.assign(**{name: value for name, value in DEFAULTS.items() if name not in table})
    faults = [fault for name in NEEDED for fault in _describe(table[name], table[name].isna(), "has no value")]
    faults += _describe(table["correct"], ~_as_number(table["correct"]).isin([0, 1]), "is neither true nor false")
    for name in LOG_PROBABILITIES:
        if name in table:
            values = _as_number(table[name])
            high = (values > LOG_PROBABILITY_TOLERANCE) | np.isinf(values)
            faults += _describe(table[name], high, "is no log-probability: above 0, or infinite")
    if not faults:
        table = bring_to_contract(table, [*table])
    if not faults and whole:
        if "sample_id" not in table:
            table["sample_id"] = table.groupby([name for name in ONE_COMPLETION if name in table]).cumcount()
        twice = table.duplicated(ONE_COMPLETION)
        faults = _describe(table["sample_id"], twice, "is there twice; a (policy, problem, sample) is one row")
        faults += [told] if (told := base_of_another_model(table)) else []
    if faults:
        raise ValueError("the samples cannot be judged:\n" + "\n".join(f"  - {fault}" for fault in faults))
    return table


def _as_number(column: pd.Series) -> pd.Series:
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column.astype(float)
    return pd.to_numeric(column.astype(object).map(_plain_truth), errors="coerce").astype(float)


def _plain_truth(value: object) -> object:
    return int(value) if isinstance(value, bool | np.bool_) else value


def bring_to_contract(table: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Columns of an accepted table: identifiers as text, ``correct`` as a boolean, log-probabilities as floats.

    Of those asked for, what names rows is filled in where it is absent.
    """
    absent = {name: value for name, value in DEFAULTS.items() if name in columns and name not in table}
    texts = {name: table[name].map(_as_text) for name in IDENTIFIERS if name in table and not _is_text(table[name])}
    numbers = {name: _as_number(table[name]) for name in LOG_PROBABILITIES if name in table}
    verdicts = {"correct": _as_number(table["correct"]).astype(bool)} if "correct" in table else {}
    return table.assign(**absent, **texts, **numbers, **verdicts)


def _is_text(column: pd.Series) -> bool:
    values = column.cat.categories if isinstance(column.dtype, pd.CategoricalDtype) else column
    return isinstance(values.dtype, pd.StringDtype)


def _as_text(value: object) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def base_of_another_model(table: pd.DataFrame) -> str:
    """Which policies have no base of their model, where there is a base of another; empty where there is no such.

    Of a samples table, or of its counts.
    """
    bases = set(table.loc[table["policy"] == BASE, "model"])
    trained = table[table["policy"] != BASE]
    orphans = trained[~trained["model"].isin(bases)]
    if not bases or orphans.empty:
        return ""
    rows = orphans.groupby("model", observed=True)
    count = rows["n_samples"].sum() if "n_samples" in table else rows.size()
    told = ", ".join(f"{model} ({rows} rows)" for model, rows in count.items())
    return f"the base is of {', '.join(sorted(bases))}, but there are policies of {told}: each needs its own base"


def _describe(column: pd.Series, bad: pd.Series, rule: str) -> list[str]:
    """At most one fault: how many rows of the column are bad, and the first few of them."""
    if not bad.any():
        return []
    shown = ", ".join(f"row {row}: {value!r}" for row, value in column[bad].head(MAX_ROWS_SHOWN).items())
    return [f"column {column.name!r} {rule}, in {int(bad.sum())} of {len(column)} rows; {shown}"]
