"""The base's completions scored under the policies: a table beside the samples, as ``score`` and cells keep it."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from beyond_sharpening.readers.files import File, find_files

KEY = ("policy", "variant", "checkpoint", "train_seed", "benchmark", "problem_id", "replicate", "sample_id")
"""What names a row (``analysis.contract.CROSS_SCORE_KEY``, less the ``model``)."""


def holds_base_scores(file: File) -> bool:
    """Whether a file is such a table: it says how likely completions are, and nothing of what is right."""
    return (
        file.suffix == ".parquet"
        and {*KEY, "logp_policy"} <= file.keys
        and not {"correct", "completion", "score"} & file.keys
    )


def under_names(scores: pd.DataFrame, read: pd.DataFrame, named: pd.DataFrame) -> pd.DataFrame:
    """The scores under the names that their policies' samples have been given since they were read.

    Args:
        scores: from ``read_base_scores``.
        read: the samples, as they were read.
        named: the same rows, under other names.
    """
    variants = read["variant"] if "variant" in read else [""] * len(read)
    now = zip(named["policy"], named.get("variant", variants), strict=True)
    names = dict(zip(zip(read["policy"], variants, strict=True), now, strict=True))
    found = [names.get(key, key) for key in zip(scores["policy"], scores["variant"], strict=True)]
    return scores.assign(policy=[policy for policy, _ in found], variant=[variant for _, variant in found])


def read_base_scores(named: Sequence[str]) -> pd.DataFrame | None:
    """The tables of base scores among the files that are named, as one; None where there is none."""
    tables = [file.table() for file in find_files(named) if holds_base_scores(file)]
    scores = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
    return scores[[*KEY, "logp_policy"]] if len(scores) else None
