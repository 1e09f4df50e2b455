"""Right answers of every policy and decoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beyond_sharpening.reporting.blocks import Section, Table
from beyond_sharpening.reporting.frames import by_arm, cells, majority, most_samples, pass_at_1, settling
from beyond_sharpening.reporting.labels import interval_note, look, side_label

if TYPE_CHECKING:
    import pandas as pd

    from beyond_sharpening.reporting.results import Results


def section(results: Results) -> Section:
    words = [f"In brackets: {interval_note(results.estimates['ci_unit'])}."]
    if results.curves["maj_at_k"].notna().any():
        words.append("A majority vote has the same kind of interval.")
    if not results.run.read:
        words.append("The policies are the last checkpoints of training.")
    return Section("Right answers", [table(results.estimates, results.curves), " ".join(words)])


def table(estimates: pd.DataFrame, curves: pd.DataFrame) -> Table:
    """Pass@1 by policy and benchmark, then the base model's other decoders and its majority vote."""
    last = estimates[estimates["checkpoint"] == "last"]
    benchmarks = list(last["benchmark"].unique())
    rows = [[f"{label}, one sample", *cells(part, benchmarks, pass_at_1)] for label, part in by_arm(settling(last))]
    base = last[(last["policy"] == "base") & (last["decoder"] != "temperature")]
    for decoder, part in base.groupby("decoder", sort=False):
        rows.append([side_label(f"base/{decoder}"), *cells(part, benchmarks, pass_at_1)])
    k = most_samples(curves)
    votes = settling(curves).query("policy == 'base' and k == @k").dropna(subset=["maj_at_k"])
    if len(votes) and k > 1:
        rows.append([f"{look('base').label}, majority vote of {k}", *cells(votes, benchmarks, majority)])
    return Table(["policy and decoder", *benchmarks], rows)
