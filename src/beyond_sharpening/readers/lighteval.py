"""lighteval: ``details/MODEL/DATE/details_TASK_DATE.parquet``, as ``--save-details`` writes it.

A row is a document: since 0.11 as structs ``doc`` (``query``, ``choices``, ``gold_index``, ``id``, ``task_name``),
``model_response`` (``text``: a completion a sample, ``output_tokens``) and ``metric``; before that as columns
``predictions``, ``gold`` and ``metrics``, often written as text. A metric speaks of all samples of a document, so it is
the verdict where there is one sample; where there are more, each is graded here.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from beyond_sharpening.readers.files import File
from beyond_sharpening.readers.formats import (
    PROMPT,
    ROW,
    Format,
    Rows,
    Wishes,
    gold_of,
    listed,
    metric_name,
    question_id,
    rows_of,
)
from beyond_sharpening.readers.prompts import prompt_of

METRICS = ("extractive_match", "em", "qem", "acc", "exact_match", "pem", "quasi_exact_match")
_DATE = re.compile(r"\d{4}-\d\d-\d\dT[\d.\-]+")
_NAME = re.compile(rf"details_(?P<task>.+?)_{_DATE.pattern}")


def recognises(file: File) -> bool:
    structs, columns = {"doc", "model_response", "metric"}, {"predictions", "gold", "metrics"}
    return file.suffix == ".parquet" and (structs <= file.keys or columns <= file.keys)


def read(file: File, wishes: Wishes) -> Rows:
    notes: list[str] = []
    frame = rows_of(file, file.records(), _samples)
    metrics = [metric for metric in frame.pop("metric") if metric]
    if frame["sample_id"].any():
        notes.append("documents were answered several times, and a metric speaks of all answers: each is graded here")
    else:
        name = metric_name(file, [name for metric in metrics for name in metric], METRICS, wishes, notes)
        frame["correct"] = [metric.get(name) for metric in metrics]
    task = _task(file, frame.pop("task").iloc[0])
    return Rows(frame.assign(policy=_model(file.path), benchmark=task), notes)


def _document(number: int, record: dict[str, Any]) -> dict[str, Any]:
    if "doc" not in record:
        return {
            "id": question_id(record.get("full_prompt") or record.get("example") or number),
            "asked": prompt_of(record.get("full_prompt"), "text"),
            "texts": _as_list(listed(record["predictions"])),
            "gold": gold_of(_as_list(listed(record["gold"]))),
            "metric": listed(record["metrics"]) or {},
            "tokens": [],
            "task": None,
        }
    doc, response = record["doc"], record["model_response"]
    choices = [doc["choices"][i] for i in _as_list(doc.get("gold_index")) if i < len(doc.get("choices") or [])]
    return {
        "id": doc.get("id") or question_id(doc.get("query", number)),
        "asked": prompt_of(response.get("input"), "text"),
        "texts": response.get("text") or [],
        "gold": gold_of(choices) if choices else None,
        "metric": {name: value for name, value in record["metric"].items() if value is not None},
        "tokens": response.get("output_tokens") or [],
        "task": doc.get("task_name"),
    }


def _samples(number: int, record: dict[str, Any]) -> list[dict[str, Any]]:
    document = _document(number, record)
    row = {ROW: number, "problem_id": document["id"], "task": document["task"], "metric": document["metric"]}
    row[PROMPT] = document["asked"]
    if document["gold"] is not None:
        row["gold"] = document["gold"]
    rows = [row | {"sample_id": i, "completion": text} for i, text in enumerate(document["texts"])]
    for each, tokens in zip(rows, document["tokens"], strict=False):  # not every back end keeps the tokens
        if tokens:
            each["n_tokens"] = len(tokens)
    return rows or [row | {"sample_id": 0}]


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _model(path: Path) -> str:
    """What stands between ``details`` and the date."""
    parents = list(path.absolute().parent.parts)
    if parents and _DATE.fullmatch(parents[-1]):
        parents.pop()
    above = len(parents) - parents[::-1].index("details") if "details" in parents else len(parents) - 1
    return "/".join(parents[above:]) or parents[-1]


def _task(file: File, task: str | None) -> str:
    """``suite|task|shots``, or ``task|shots``, without suite and shots."""
    named = _NAME.fullmatch(file.path.stem)
    parts = (task or (named["task"] if named else file.path.stem)).split("|")
    return parts[1] if len(parts) > 2 else parts[0]


FORMAT = Format("lighteval details", recognises, read)
