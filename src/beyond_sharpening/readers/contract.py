"""Samples of other systems as the statistics take them: the base called ``base``, what is not known left empty."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from beyond_sharpening.analysis.contract import SAMPLE_COLUMNS
from beyond_sharpening.errors import BadInput

BASE = "base"
REFERENCE_DECODER = "temperature"
NAMES: dict[str, Any] = {
    "variant": "",
    "checkpoint": "last",
    "train_seed": 0,
    "decoder": REFERENCE_DECODER,
    "decoder_parameters": "{}",
    "sample_seed": 0,
    "replicate": 0,
}
"""What a row is called that says nothing else: one training, its last checkpoint, plain samples."""

ABSENT = {
    "completion": "what was said",
    "answer": "majority votes",
    "n_tokens": "lengths",
    "truncated": "how many were cut short",
    "logp_policy": "how likely the policy found its samples",
    "logp_base": "how likely the base found them, and with it α, β and sharpening",
    "difficulty": "easy and hard problems",
}
"""Columns without which the report knows less, and what it does not know then."""


def absent(table: pd.DataFrame) -> list[str]:
    """What cannot be told for want of a column, a phrase each: ``no `answer`: majority votes``."""
    return [f"no `{name}`: {what}" for name, what in ABSENT.items() if name not in table or table[name].isna().all()]


def one_policy_a_variant(table: pd.DataFrame) -> pd.DataFrame:
    """The samples with policies that have several variants named with them: ``tilted-alpha2``."""
    if "variant" not in table:
        return table
    several = table.groupby("policy")["variant"].transform("nunique") > 1
    named = table["policy"] + np.where(several & (table["variant"] != ""), "-" + table["variant"], "")
    return table.assign(policy=named, variant=table["variant"].where(~several, ""))


def as_samples(table: pd.DataFrame, base: str) -> tuple[pd.DataFrame, list[str]]:
    """A samples table with every column, null where nothing is known, in which ``base`` is called so.

    Args:
        table: from ``read_samples``.
        base: the base's own name, which becomes the ``model`` of every row.

    Returns:
        The table, and what was taken for granted.

    Raises:
        BadInput: if another policy is called ``base``, or samples of several decoders have no plain ones among them.
    """
    if base != BASE and table["policy"].eq(BASE).any():
        raise BadInput(f"a policy is called {BASE!r}, but --base={base}: give it another name, as NAME=FILE")
    table, notes = _plain_decoder(table)
    missing = {name: value for name, value in NAMES.items() if name not in table}
    table = table.assign(**missing, model=base, policy=table["policy"].where(table["policy"] != base, BASE))
    if "outcome" not in table:
        table["outcome"] = np.where(table["correct"], "correct", "wrong")
    for name in SAMPLE_COLUMNS:
        if name not in table:
            table[name] = np.nan
    return table, notes


def _plain_decoder(table: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """With the one decoder that there is as the one that comparisons are made on."""
    decoders = sorted(table["decoder"].unique()) if "decoder" in table else [REFERENCE_DECODER]
    if REFERENCE_DECODER in decoders:
        return table, []
    if len(decoders) > 1:
        raise BadInput(
            f"column `decoder` has {', '.join(decoders)}: call the one to compare policies on {REFERENCE_DECODER!r}"
        )
    return table.assign(decoder=REFERENCE_DECODER), [f"all samples were drawn by {decoders[0]}, and are compared so"]
