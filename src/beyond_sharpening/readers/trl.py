"""TRL: ``completions/completions_STEP.parquet``, as ``log_completions=True`` writes it while it trains.

A row is a completion: ``step``, ``prompt`` and ``completion`` (texts or chats), a column a reward function,
``advantage``, and what else the reward functions logged. The policy at each step is a policy.
"""

from __future__ import annotations

from typing import Any

from beyond_sharpening.errors import BadInput
from beyond_sharpening.readers.files import File
from beyond_sharpening.readers.formats import (
    PROMPT,
    ROW,
    Format,
    Rows,
    Wishes,
    gold_of,
    message_text,
    metric_name,
    question_id,
    rows_of,
)
from beyond_sharpening.readers.prompts import prompt_of

REWARDS = ("accuracy_reward", "correctness_reward", "reasoning_accuracy_reward", "accuracy", "reward")
GOLDS = ("gold", "solution", "answer", "ground_truth")
_KNOWN = {"step", "prompt", "completion", "advantage", "images"}


def recognises(file: File) -> bool:
    return file.suffix == ".parquet" and {"step", "prompt", "completion", "advantage"} <= file.keys


def read(file: File, wishes: Wishes) -> Rows:
    notes = ["the policy of every step is taken for a policy; NAME=PATH makes one of several steps"]
    lines = list(file.records())
    if not lines:
        raise BadInput(f"{file.path} has no rows")
    numbers = [name for name, value in lines[0][1].items() if name not in _KNOWN and isinstance(value, int | float)]
    reward = metric_name(file, numbers, REWARDS, wishes, notes)
    gold = next((name for name in (wishes.theirs.get("gold"), *GOLDS) if name in lines[0][1]), None)
    folder = file.path.absolute().parent
    run = folder.parent.name if folder.name == "completions" else folder.name
    return Rows(rows_of(file, lines, lambda number, line: [_row(number, line, reward, gold, run)]), notes)


def _row(number: int, line: dict[str, Any], reward: str, gold: str | None, run: str) -> dict[str, Any]:
    row = {
        ROW: number,
        "policy": f"{run}/step-{line['step']}",
        "problem_id": question_id(message_text(line["prompt"])),
        PROMPT: prompt_of(line["prompt"], "text"),
        "completion": message_text(line["completion"]),
        "score": line[reward],
    }
    return row | {"gold": gold_of(line[gold])} if gold else row


FORMAT = Format("TRL completions", recognises, read)
