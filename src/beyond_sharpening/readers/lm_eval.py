"""lm-evaluation-harness: ``samples_TASK_DATE.jsonl`` in a folder a model, as ``--log_samples`` writes it.

A line is a document under one filter: ``doc_id``, ``resps`` (requests × repeats), ``filtered_resps``, ``target``,
``filter``, the metrics of what the filter took. Where each document was answered once, the metric is the verdict;
with repeats it speaks of what the filter chose among them, so each repeat is graded here.
"""

from __future__ import annotations

import re
from typing import Any

from beyond_sharpening.errors import BadInput
from beyond_sharpening.readers.files import File
from beyond_sharpening.readers.formats import PROMPT, ROW, Format, Rows, Wishes, gold_of, listed, metric_name, rows_of
from beyond_sharpening.readers.prompts import Prompt, prompt_of

METRICS = ("exact_match", "acc", "math_verify", "extractive_match", "pass@1", "pass_at_1")
_NAME = re.compile(r"samples_(?P<task>.+?)(?:_\d{4}-\d\d-\d\dT[\d.\-]+)?")


def recognises(file: File) -> bool:
    return file.suffix == ".jsonl" and {"doc_id", "resps", "filtered_resps"} <= file.keys


def read(file: File, wishes: Wishes) -> Rows:
    notes: list[str] = []
    lines = list(file.records())
    chosen = _filter(file, [str(line.get("filter", "none")) for _, line in lines], wishes, notes)
    lines = [(number, line) for number, line in lines if str(line.get("filter", "none")) == chosen]
    repeated = any(len(_completions(line)) > 1 for _, line in lines)
    if repeated:
        notes = ["documents were answered several times, and a metric speaks of one answer: all are graded here"]
        frame = rows_of(file, lines, _repeats)
    else:
        found = [name for _, line in lines for name in _metrics(line)]
        metric = metric_name(file, found, METRICS, wishes, notes)
        frame = rows_of(file, lines, lambda number, line: _once(number, line, metric))
    named = _NAME.fullmatch(file.path.stem)
    benchmark = named["task"] if named else file.path.stem
    model = file.path.absolute().parent.name.replace("__", "/")  # as the harness writes a slash
    return Rows(frame.assign(policy=model, benchmark=benchmark), notes)


def _filter(file: File, filters: list[str], wishes: Wishes, notes: list[str]) -> str:
    present = list(dict.fromkeys(filters))
    if wishes.filter is not None:
        if wishes.filter not in present:
            raise BadInput(f"{file.path} has no filter {wishes.filter!r}; it has: {', '.join(present)}")
        return wishes.filter
    chosen = next((name for name in present if "flexible" in name), present[0])
    if len(present) > 1:
        notes.append(f"the filter `{chosen}` of {', '.join(present)} is believed; --filter takes another")
    return chosen


def _metrics(line: dict[str, Any]) -> list[str]:
    return list(line.get("metrics") or [name for name in METRICS if name in line])


def _completions(line: dict[str, Any]) -> list[str]:
    """The texts that were drawn; none where choices were scored instead."""
    requests = line["resps"]
    drawn = requests[0] if isinstance(requests, list) and len(requests) == 1 else []
    return [text for text in drawn if isinstance(text, str)] if isinstance(drawn, list) else []


def _named(number: int, line: dict[str, Any]) -> dict[str, Any]:
    target = listed(line.get("target"))
    several = isinstance(target, list) and all(isinstance(each, str) for each in target)
    gold = gold_of(target if several else line.get("target"))
    named = {ROW: number, "problem_id": line["doc_id"], PROMPT: _prompt(line)}
    return named | ({} if gold is None else {"gold": gold})


def _prompt(line: dict[str, Any]) -> Prompt | None:
    """The context of its one request, as the model read it."""
    requests = line.get("arguments")
    first = requests.get("gen_args_0") if isinstance(requests, dict) else None
    return prompt_of(first.get("arg_0"), "text") if isinstance(first, dict) else None


def _once(number: int, line: dict[str, Any], metric: str) -> list[dict[str, Any]]:
    drawn = _completions(line)
    return [_named(number, line) | ({"completion": drawn[0]} if drawn else {}) | {"correct": line.get(metric)}]


def _repeats(number: int, line: dict[str, Any]) -> list[dict[str, Any]]:
    return [_named(number, line) | {"sample_id": i, "completion": text} for i, text in enumerate(_completions(line))]


FORMAT = Format("lm-evaluation-harness samples", recognises, read)
