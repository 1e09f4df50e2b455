"""verl: what ``trainer.validation_data_dir`` and ``trainer.rollout_data_dir`` are filled with, ``STEP.jsonl`` a step.

A line is a completion: ``input`` (the prompt, templated), ``output``, ``gts`` (in newer versions), ``score``, ``step``,
and what else the reward function gave, as ``acc``. The policy at each step is a policy; step 0 is the start model.
"""

from __future__ import annotations

from typing import Any

from beyond_sharpening.readers.files import File
from beyond_sharpening.readers.formats import PROMPT, ROW, Format, Rows, Wishes, gold_of, question_id, rows_of
from beyond_sharpening.readers.prompts import prompt_of

TOLD_BY = ("acc", "correct", "score")


def recognises(file: File) -> bool:
    return file.suffix == ".jsonl" and {"input", "output", "score", "step"} <= file.keys


def read(file: File, wishes: Wishes) -> Rows:
    notes: list[str] = []
    lines = list(file.records())
    told = wishes.theirs.get("correct") or next(name for name in TOLD_BY if name in lines[0][1])
    run = file.path.absolute().parent.name
    frame = rows_of(file, lines, lambda number, line: [_row(number, line, told, run)])
    column = "correct" if "correct" in frame else "score"
    if frame[column].isin([-1, 1]).all() and frame[column].eq(-1).any():
        notes.append(f"`{told}` is -1 or 1: read as wrong or right")
        frame[column] = frame[column].eq(1)
    return Rows(frame, [*notes, "the policy of every step is taken for a policy; NAME=PATH makes one of several steps"])


def _row(number: int, line: dict[str, Any], told: str, run: str) -> dict[str, Any]:
    row = {
        ROW: number,
        "policy": f"{run}/step-{line['step']}",
        "problem_id": question_id(line["input"]),
        PROMPT: prompt_of(line["input"], "stripped"),
        "completion": line["output"],
        "score" if told == "score" else "correct": line.get(told),
    }
    gold = gold_of(line.get("gts"))
    return row if gold is None else row | {"gold": gold}


FORMAT = Format("verl rollouts", recognises, read)
