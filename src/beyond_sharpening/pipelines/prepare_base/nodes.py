"""The start model: pretrained here or taken from the hub, as one policy folder."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import TypeAdapter

from beyond_sharpening.models.policy import Policy
from beyond_sharpening.models.start_model import check_context, fetch_policy, warn_of_unreadable
from beyond_sharpening.parameters import HubBase, Task, TinyBase
from beyond_sharpening.pipelines.evaluate.nodes import build_exam
from beyond_sharpening.problems import problems_from_frame
from beyond_sharpening.problems.prompts import prompt_token_ids


def make_base(
    options: dict[str, Any],
    seed: int,
    workspace: str,
    task: dict[str, Any],
    validation: pd.DataFrame,
    benchmarks: pd.DataFrame,
) -> tuple[Policy, dict[str, float]]:
    """The start model and its figures; a small one never sees the problems it will be tested on."""
    base: TinyBase | HubBase = TypeAdapter(TinyBase | HubBase).validate_python(options)
    folder = Path(workspace) / "base"
    if isinstance(base, HubBase):
        policy = fetch_policy(base, folder)
        asked, questions = Task.model_validate(task), [*validation["question"], *benchmarks["question"]]
        prompts = prompt_token_ids(policy.tokenizer(), questions, asked.prompt, asked.system_prompt)
        check_context(policy.config(), asked, base.path, prompts)
        return policy, {}

    from beyond_sharpening.models.tiny import pretrain, pretraining_questions
    from beyond_sharpening.wiring.tracking import nested_run

    questions = pretraining_questions(base, seed, problems_from_frame(pd.concat([validation, benchmarks])))
    with nested_run("pretrain base", {"base_seed": seed, "steps": base.steps}, "base") as track:
        return pretrain(questions, base, seed, folder, track)


def describe_base(
    base: Policy,
    figures: dict[str, float],
    validation: pd.DataFrame,
    model: str,
    start: dict[str, Any],
    task: dict[str, Any],
    options: dict[str, Any],
    sample_seed: int,
    hardware: dict[str, Any],
) -> dict[str, Any]:
    """The figures of the start model, and pass@1 and pass@n on the validation problems by difficulty.

    Those of a small start model also by style, of the two that it was pretrained on.
    """
    from beyond_sharpening.evaluation import Arm, evaluate

    asked, tokenizer = Task.model_validate(task), base.tokenizer()
    questions = validation["question"].tolist()
    warn_of_unreadable(tokenizer, prompt_token_ids(tokenizer, questions, asked.prompt, asked.system_prompt))
    exam = build_exam(validation, task, options, sample_seed, hardware)
    reference = {"temperature": exam.decoders["temperature"]}
    samples = evaluate(Arm(model, "base", "default", "last", 0), base, base, replace(exam, decoders=reference))
    solved = samples.groupby(["difficulty", "problem_id"])["correct"].agg(["mean", "max"])
    solved = solved.rename(columns={"mean": "pass@1", "max": "pass@n"})
    return {
        **figures,
        "samples_a_problem": int(samples["sample_id"].max()) + 1,
        "pass@1": float(solved["pass@1"].mean()),
        "pass@n": float(solved["pass@n"].mean()),
        "by_difficulty": solved.groupby("difficulty").mean().reset_index().to_dict("records"),
        **({"by_style": _by_style(samples)} if start["type"] == "tiny" else {}),
    }


def _by_style(samples: pd.DataFrame) -> list[dict[Hashable, Any]]:
    from beyond_sharpening.models.tiny import style

    by_style = samples.groupby([samples["completion"].map(style).rename("style"), "difficulty"])["correct"]
    table = by_style.agg(["mean", "size"]).rename(columns={"mean": "pass@1", "size": "completions"})
    return table.reset_index().to_dict("records")
