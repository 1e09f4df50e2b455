"""Samples that another system drew: read, scored under the base and under the policies that drew them, kept."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

from beyond_sharpening.parameters import ForeignPolicy, Hardware, HubBase, Scoring, Task
from beyond_sharpening.readers import Wishes, read_samples, start_of


def read(options: dict[str, Any], policies: dict[str, Any]) -> dict[str, Any]:
    """The samples, graded where their files do not say what is right; what was recognised; which policy is the base."""
    from beyond_sharpening.evaluation.scoring import check_askable

    asked = Scoring.model_validate(options)
    wishes = Wishes({ours: theirs for theirs, ours in asked.columns.items()}, asked.filter)
    table, notes = read_samples(asked.files, wishes, prompts=True)
    start = start_of(list(table["policy"].unique()), asked.base, policies)
    check_askable(table)
    return {"samples": table, "start": start, "notes": notes}


def score(
    foreign: dict[str, Any],
    start: dict[str, Any],
    policies: dict[str, dict[str, Any]],
    options: dict[str, Any],
    task: dict[str, Any],
    hardware: dict[str, Any],
    workspace: str,
    parts: str,
) -> dict[str, Any]:
    """The samples with log-probabilities, the base's completions scored under the policies, and what is to be told."""
    from beyond_sharpening.evaluation.retokenised import Retokeniser
    from beyond_sharpening.evaluation.scoring import Scorer, score_samples
    from beyond_sharpening.models.foreign import take_over
    from beyond_sharpening.models.policy import eos_token_ids
    from beyond_sharpening.models.start_model import fetch_policy

    asked = Scoring.model_validate(options)
    Path(workspace).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=workspace, prefix="score-") as kept:
        base = fetch_policy(HubBase.model_validate(start), Path(kept) / "base")
        models, notes = {}, list(foreign["notes"])
        for name, given in policies.items():
            own = ForeignPolicy.model_validate(given)
            folders = [Path(kept) / name / f"seed-{seed}" for seed in range(len(own.paths))]
            taken = [take_over(name, path, own, base, to) for path, to in zip(own.paths, folders, strict=True)]
            models[name] = [policy for policy, _ in taken]
            notes += dict.fromkeys(line for _, told in taken for line in told)
        ends = eos_token_ids(base.model(), tokenizer := base.tokenizer())
        retokeniser = Retokeniser(tokenizer, ends, Task.model_validate(task), asked.asked)
        scorer = Scorer(Hardware.model_validate(hardware), Path(parts))
        made = score_samples(foreign["samples"], foreign["start"], base, models, retokeniser, scorer, asked.max_tokens)
    told = {"start": foreign["start"], "notes": [*notes, *made.notes]}
    return {"samples": made.samples, "base_scores": made.base_scores, "told": told}


def announce(told: dict[str, Any], samples: pd.DataFrame, project: str, data: str) -> None:
    """Print what was found, and how to go on."""
    folder = Path(project) / data / "08_reporting" / "score"
    named = "" if told["start"] is None else f" --base={told['start']}"
    lines = "\n".join(told["notes"])
    print(f"\n{lines}\n{len(samples)} samples with log-probabilities: {folder}\nkedro compare {folder}{named}\n")
