"""Samples tables to estimates, contrasts and a verdict; no model is needed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import asdict
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd

from beyond_sharpening.analysis import (
    PRIMARY_FAMILY,
    Parts,
    Rows,
    Samples,
    accuracy_by_difficulty,
    break_even,
    compare_arms,
    compare_at_k,
    count_samples,
    decoder_costs,
    decoder_diagnostics,
    designs,
    estimates,
    goals,
    mechanism,
    pass_at_k_curves,
    predicted_effect,
    prediction_outcomes,
    prompt_tokens,
    scores_of,
    second_opinions,
    solve_rate_transitions,
    store_samples,
    training_tokens,
    verdict,
)
from beyond_sharpening.cells.compared import asking_for
from beyond_sharpening.cells.identity import training_identity
from beyond_sharpening.errors import BadInput
from beyond_sharpening.parameters import Comparison, Hardware, Training

COMPARED = {*chain.from_iterable(PRIMARY_FAMILY)}

TRACKED = ("alpha", "beta", "kl", "residual_share", "coverage_gained", "coverage_lost", "n_beyond")
"""Numbers of the mechanism that are followed across runs."""

logger = logging.getLogger(__name__)


def read_samples(tables: dict[str, Callable[[], Parts]], problems: dict[str, Any], model: str) -> Rows:
    """All samples tables present, checked and counted; benchmarks in the order of the parameters.

    Raises:
        BadInput: if there is none, or one breaks the samples contract, or has no base here; the message names it.
    """
    if not tables:
        raise BadInput("there is no samples table yet: run `kedro run --pipeline=evaluate`, or put one there")
    try:
        samples = store_samples({name: load() for name, load in tables.items()}, model)
    except ValueError as error:
        raise BadInput(str(error)) from error
    benchmark = samples.counts["benchmark"].cat
    there = dict.fromkeys([*problems["benchmarks"], *benchmark.categories])
    samples.counts["benchmark"] = benchmark.set_categories(list(there)).cat.remove_unused_categories()
    return samples


def estimate(samples: Samples, options: dict[str, Any], seed: int) -> dict[str, Any]:
    """What is known of every arm by itself, and pass@k for the tracker.

    Accuracy, pass@k and maj@k curves, accuracy by difficulty; what the base's decoders cost beside a majority vote of
    the same price, and how every decoder fared.
    """
    ks = Comparison.model_validate(options).ks
    curves = pass_at_k_curves(samples, ks)
    drawn = curves[curves["decoder"] == "temperature"]
    tracked: dict[str, list[dict[str, float]]] = {}  # curves along k
    for row in drawn[drawn["checkpoint"] == "last"].to_dict("records"):
        name = f"{row['policy']}/{row['variant']}/{row['benchmark']}"
        tracked.setdefault(name, []).append({"value": row["pass_at_k"], "step": row["k"]})
    estimated = estimates(samples, ks)
    return {
        "estimates": estimated,
        "curves": curves,
        "by_difficulty": accuracy_by_difficulty(samples),
        "costs": decoder_costs(estimated, curves),
        "diagnostics": decoder_diagnostics(samples),
        "tracked": tracked,
    }


def choose_variants(
    samples: Samples, manifests: dict[str, Callable[[], dict[str, Any]]], training: dict[str, Any]
) -> dict[str, str]:
    """The variant of each objective to compare: the one that the parameters ask for, or the only one there.

    Raises:
        BadInput: if an objective of the primary contrasts has several and none is asked for; the message names them.
    """
    chosen, faults = {}, []
    counts = count_samples(samples)
    last = counts[counts["checkpoint"] == "last"]
    for policy, block in training.items():
        present = sorted(last.loc[last["policy"] == policy, "variant"].unique())
        asked = Training.model_validate(block).naming()
        if asked in present:
            chosen[policy] = asked
        elif len(present) == 1:
            chosen[policy] = present[0]
            logger.warning("%s is there as %s alone: that is compared, not %s", policy, present[0], asked)
        elif present and policy in COMPARED:
            made = {cell: load() for cell, load in manifests.items()}
            ways = "\n  ".join(asking_for(policy, variant, made, block) for variant in present)
            faults.append(f"{policy} is there in {', '.join(present)}, not in {asked}; compare one of them:\n  {ways}")
    if faults:
        raise BadInput("\n".join(faults))
    return chosen


def name_mechanism(
    samples: Samples, scores: dict[str, Callable[[], Parts]], options: dict[str, Any], seed: int
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, dict[str, float]]]:
    """What each training did to its base, by policy and benchmark, and where each problem's solve rate went.

    The numbers go to the policies' cells in the tracker too.
    """
    from beyond_sharpening.wiring.tracking import add_to_cells

    scored = scores_of(*(load() for load in scores.values())) if scores else None
    did = mechanism(samples, scored, thresholds=Comparison.model_validate(options).rule.mechanism, seed=seed)
    tracked = {}
    for (policy, variant), rows in did.groupby(["policy", "variant"], sort=False):
        numbers = {
            f"mechanism/{row['benchmark']}/{name}": float(row[name])
            for row in rows.to_dict("records")
            for name in TRACKED
        }
        add_to_cells(f"{policy}/{variant}/%", numbers)
        tracked[f"problems beyond the base/{policy}/{variant}"] = {"value": float(rows["n_beyond"].sum()), "step": 0}
    return did, solve_rate_transitions(samples), tracked


def compare(
    samples: Samples,
    estimated: pd.DataFrame,
    did: pd.DataFrame,
    variants: dict[str, str],
    options: dict[str, Any],
    seed: int,
) -> dict[str, Any]:
    """The contrasts between the chosen variants, the verdict on them, what of them was predicted, and the tracker's.

    Beside them: the same contrasts of pass@k, what other designs would have shown, and a second opinion.
    """
    asked = Comparison.model_validate(options)
    counts = count_samples(samples)
    rule, chosen = asked.rule, _of_variants(counts, variants)
    comparisons = compare_arms(chosen, seed=seed, margin=rule.margin)
    tracked = {
        f"{row['a']} - {row['b']}/{row['benchmark']}": {"value": row["difference"], "step": 0}
        for row in comparisons[comparisons["family"] == "primary"].to_dict("records")
    }
    return {
        "comparisons": comparisons,
        "verdict": asdict(verdict(comparisons, estimated, _of_variants(did, variants), rule)),
        "outcomes": prediction_outcomes(predicted_effect(counts), comparisons),
        "at_k": compare_at_k(chosen, asked.ks, seed=seed, margin=rule.margin),
        "designs": designs(chosen, comparisons),
        "opinions": second_opinions(chosen, comparisons),
        "tracked": tracked,
    }


def weigh(
    samples: Samples,
    variants: dict[str, str],
    histories: dict[str, Callable[[], pd.DataFrame]],
    manifests: dict[str, Callable[[], dict[str, Any]]],
    options: dict[str, Any],
    seed: int,
) -> dict[str, Any]:
    """Of each training compared: how far it came to its goal, what it took, and whether decoding is cheaper."""
    compared, chosen = _of_variants(count_samples(samples), variants), set(variants.items())
    cells = {cell: load() for cell, load in manifests.items() if _arm(cell) in chosen}
    asked = {cell: _training(_arm(cell)[0], made) for cell, made in cells.items()}
    objectives = {_arm(cell): block.build_objective() for cell, block in asked.items()}
    prompt, took = prompt_tokens(compared), []
    for cell in sorted(cells.keys() & histories.keys()):
        history, block = histories[cell](), asked[cell]
        processes = Hardware.model_validate(cells[cell]["hardware"]).all_processes
        policy, variant = _arm(cell)
        tokens = training_tokens(history, block.prompts_per_step * block.completions_per_prompt, prompt)
        hours = history["step_time"].sum() * processes / 3600
        took.append({"policy": policy, "variant": variant, "tokens": tokens, "hours": hours})
    columns = ["policy", "variant", "tokens", "hours"]
    trainings = pd.DataFrame(took, columns=columns).groupby(columns[:2], as_index=False).mean()
    known = {(row["policy"], row["variant"]): row["tokens"] for row in trainings.to_dict("records")}
    reached = goals(samples, objectives, seed)
    return {
        "goals": reached,
        "trainings": trainings,
        "break_even": break_even(compared, known, Comparison.model_validate(options).ks, seed),
        "tracked": {
            f"{policy}": {"value": float(share), "step": 0}
            for policy, share in reached.groupby("policy")["share"].max().dropna().items()
        },
    }


def _training(objective: str, made: dict[str, Any]) -> Training:
    """What a cell was trained with, by its manifest, which may be of an earlier version."""
    return Training.model_validate(training_identity(objective, made["identity"]["train"][objective]))


def _of_variants(frame: pd.DataFrame, variants: dict[str, str]) -> pd.DataFrame:
    """The rows of the variants compared; a policy that none was chosen of keeps all its rows."""
    kept = np.ones(len(frame), dtype=bool)
    for policy, variant in variants.items():
        kept &= (frame["policy"].ne(policy) | frame["variant"].eq(variant)).to_numpy()
    return frame.copy(deep=False) if kept.all() else frame[kept]


def _arm(cell: str) -> tuple[str, str]:
    """Policy and variant of a cell: of ``tilted/alpha2-beta100/seed-0`` the first two."""
    policy, _, rest = cell.partition("/")
    return policy, rest.partition("/")[0]
