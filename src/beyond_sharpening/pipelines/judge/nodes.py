"""Policies that were trained elsewhere: taken over, evaluated beside the base, judged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from beyond_sharpening.analysis import (
    accuracy_by_difficulty,
    compare_arms,
    decoder_costs,
    estimates,
    mechanism,
    pass_at_k_curves,
    policies_verdict,
)
from beyond_sharpening.analysis.contract import BASE
from beyond_sharpening.cells.place import place
from beyond_sharpening.models.policy import Policy
from beyond_sharpening.parameters import Comparison, ForeignPolicy
from beyond_sharpening.pipelines.evaluate.nodes import build_exam
from beyond_sharpening.reporting import Results, Run

Taken = dict[str, list[tuple[Policy, list[str]]]]
Judged = dict[str, Any]


def take_policies_over(policies: dict[str, dict[str, Any]], base: Policy, workspace: str) -> Taken:
    """The seeds of each policy, each with what is to be told of it."""
    from beyond_sharpening.models.foreign import take_over

    taken: Taken = {}
    for name, options in policies.items():
        asked, folder = ForeignPolicy.model_validate(options), Path(workspace) / "policies" / name
        taken[name] = [
            take_over(name, path, asked, base, folder / f"seed-{seed}") for seed, path in enumerate(asked.paths)
        ]
    return taken


def evaluate_policies(
    taken: Taken,
    base: Policy,
    base_completions: pd.DataFrame,
    benchmarks: pd.DataFrame,
    model: str,
    task: dict[str, Any],
    options: dict[str, Any],
    sample_seed: int,
    hardware: dict[str, Any],
    parts: str,
) -> dict[str, dict[str, Any]]:
    """Samples of every policy and the base's completions scored under it, by cell; all of it in one for the judge."""
    from beyond_sharpening.evaluation import Arm, evaluate, score_base

    exam = build_exam(benchmarks, task, options, sample_seed, hardware)
    samples: dict[str, pd.DataFrame] = {}
    scores: dict[str, pd.DataFrame] = {}
    for name, seeds in taken.items():
        for seed, (policy, _) in enumerate(seeds):
            examined = (Arm(model, name, "default", "last", seed), policy, base)
            cell = place(name, "default", seed)
            samples[cell] = evaluate(*examined, exam, Path(parts)).drop(columns="tokens")
            scores[cell] = score_base(*examined, base_completions, exam, Path(parts))
    told = list(dict.fromkeys(line for seeds in taken.values() for _, notes in seeds for line in notes))
    judged = {"samples": [*samples.values()], "base_scores": [*scores.values()], "notes": told}
    return {"samples": samples, "base_scores": scores, "judged": judged}


def judge(
    base_samples: pd.DataFrame,
    judged: Judged,
    cards: dict[str, dict[str, Any]],
    policies: dict[str, dict[str, Any]],
    start: dict[str, Any],
    options: dict[str, Any],
    seed: int,
) -> dict[str, Any]:
    """What each training did to the base, and whether it answers more rightly: all that the report is written from."""
    samples = pd.concat([base_samples, *judged["samples"]], ignore_index=True)
    samples["benchmark"] = pd.Categorical(samples["benchmark"], [*dict.fromkeys(samples["benchmark"])])
    asked = Comparison.model_validate(options)
    scores: pd.DataFrame = pd.concat(judged["base_scores"], ignore_index=True)
    did = mechanism(samples, scores, thresholds=asked.rule.mechanism, seed=seed)
    curves, estimated = pass_at_k_curves(samples, asked.ks), estimates(samples, asked.ks)
    family = [(name, BASE) for name in policies]
    comparisons = compare_arms(samples, family=family, seed=seed, margin=asked.rule.margin)
    name = str(start.get("path") or base_samples["model"].iloc[0])
    results = Results(
        verdict=policies_verdict(comparisons, curves, did, asked.rule),
        run=Run(name, base=start, read=judged["notes"]),
        estimates=estimated,
        curves=curves,
        by_difficulty=accuracy_by_difficulty(samples),
        comparisons=comparisons,
        costs=decoder_costs(estimated, curves),
        samples=samples,
        mechanism=did,
        cards=cards,
    )
    return {"results": results, "samples": samples}


def announce(lines: str, project: str, data: str) -> None:
    """Print the verdict and where the report is."""
    print(f"\n{lines}\nThe report: {Path(project) / data / '08_reporting' / 'judge' / 'report.html'}\n")
