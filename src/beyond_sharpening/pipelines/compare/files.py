"""The comparison for samples that somebody else drew: from files to the report, without a catalog."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from beyond_sharpening.analysis import (
    accept_samples,
    accuracy_by_difficulty,
    compare_arms,
    compare_at_k,
    designs,
    estimates,
    mechanism,
    pass_at_k_curves,
    policies_verdict,
    second_opinions,
    solve_rate_transitions,
)
from beyond_sharpening.errors import BadInput
from beyond_sharpening.readers import (
    Wishes,
    absent,
    as_samples,
    one_policy_a_variant,
    read_base_scores,
    read_samples,
    roles,
    same_problems,
    under_names,
)
from beyond_sharpening.reporting import Results, Run, report, summary

MOST_K = 1024


class Question(NamedTuple):
    """What is asked of the samples: which policy is the base, which contrasts are primary (None: guess).

    ``anew``: grade even what the files have a verdict on.
    """

    base: str | None = None
    primary: str | None = None
    anew: bool = False
    wishes: Wishes = Wishes()


def compare_files(named: Sequence[str], question: Question, out: Path) -> list[str]:
    """Read, compare, and write the report, its figures, ``summary.json`` and the samples into a folder.

    Args:
        named: files and folders, as ``[POLICY=]PATH``.
        question: what is asked of them.
        out: the folder; made if need be, and what an earlier comparison left there is written over.

    Returns:
        What to tell: what was read and guessed, and the verdict.

    Raises:
        BadInput: if a file, or the samples together, cannot be used, or the folder cannot be written.
    """
    read, notes = read_samples(named, question.wishes, anew=question.anew)
    table = one_policy_a_variant(read)
    if (scores := read_base_scores(named)) is not None:
        scores = under_names(scores, read, table)
        notes.append(f"the base's completions have scores under {', '.join(scores['policy'].unique())}")
    roles_of = roles(list(table["policy"].unique()), question.base, question.primary)
    table, left_out = same_problems(table, roles_of.family)
    samples, granted = as_samples(table, roles_of.base)
    try:
        samples = accept_samples(samples)
    except ValueError as error:
        raise BadInput(str(error)) from error
    notes = [*notes, *roles_of.notes, *left_out, *granted]
    family = [tuple("base" if name == roles_of.base else name for name in pair) for pair in roles_of.family]
    frames = _compared(samples, [(a, b) for a, b in family], table, scores)
    if frames["comparisons"].empty:
        raise BadInput(
            "no two policies have samples of the same benchmark: call it alike in both (--columns THEIRS=benchmark)"
        )
    knows = "logp_base" in table and bool(table["logp_base"].notna().any())
    verdict = policies_verdict(frames["comparisons"], frames["curves"], frames["mechanism"] if knows else None)
    run = Run(roles_of.base, read=notes, absent=absent(table))
    readable = "completion" in table and table["completion"].notna().all()
    shown = samples.assign(gold=samples["gold"].fillna("–")) if readable else None
    _write(out, samples, Results(verdict=verdict, run=run, samples=shown, **frames))
    return [*notes, "", verdict.headline, *verdict.lines]


def _compared(
    samples: pd.DataFrame, family: Sequence[tuple[str, str]], known: pd.DataFrame, scores: pd.DataFrame | None
) -> dict[str, Any]:
    """The frames of the comparison; ``known`` has the columns that the files had, ``scores`` are the base's."""
    sizes = samples.groupby(["policy", "benchmark", "train_seed", "problem_id"]).size().clip(upper=MOST_K)
    ks = sorted({*(2**i for i in range(MOST_K.bit_length()) if 2**i <= sizes.max()), int(sizes.min())})
    curves, estimated = pass_at_k_curves(samples, ks), estimates(samples, ks)
    if "answer" not in known:  # a vote in which all abstain is none
        curves = curves.assign(**dict.fromkeys(("maj_at_k", "maj_low", "maj_high"), np.nan))
        estimated = estimated.assign(**dict.fromkeys((f"maj@{k}" for k in ks), np.nan))
    if "outcome" not in known:
        estimated = estimated.assign(unparsable_rate=np.nan, timeout_rate=np.nan)
    comparisons = compare_arms(samples, family=family)
    return {
        "comparisons": comparisons,
        "at_k": compare_at_k(samples, ks, family=family),
        "designs": designs(samples, comparisons),
        "opinions": second_opinions(samples, comparisons),
        "mechanism": mechanism(samples, None if scores is None else scores.assign(model=samples["model"].iloc[0])),
        "transitions": solve_rate_transitions(samples),
        "curves": curves,
        "estimates": estimated,
        "by_difficulty": accuracy_by_difficulty(samples),
    }


def _write(out: Path, samples: pd.DataFrame, results: Results) -> None:
    written = report(results)
    seeds = sorted(int(seed) for seed in samples.loc[samples["policy"] != "base", "train_seed"].unique())
    told = summary(results.estimates, results.comparisons, results.run.model, seeds, results.mechanism)
    try:
        (out / "figures").mkdir(parents=True, exist_ok=True)
        for name, figure in written.figures.items():
            figure.savefig(out / "figures" / f"{name}.png")
        (out / "report.md").write_text(written.markdown, encoding="utf-8")
        (out / "report.html").write_text(written.html, encoding="utf-8")
        (out / "summary.json").write_text(json.dumps(told, indent=2, allow_nan=False), encoding="utf-8")
        samples.dropna(axis="columns", how="all").to_parquet(out / "samples.parquet")
    except OSError as error:
        raise BadInput(f"--out={out}: cannot be written ({error.strerror or error})") from error
