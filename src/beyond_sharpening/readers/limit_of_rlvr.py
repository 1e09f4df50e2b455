"""limit-of-RLVR, and the evaluation of Qwen2.5-Math that it is made from: ``MODEL/BENCHMARK/test_….jsonl``.

A line is a problem: ``idx``, ``gt``, ``level``, and lists with a value a sample: ``code`` (the completions), ``pred``
(their answers), ``score``, ``finish_reason``.
"""

from __future__ import annotations

from typing import Any

from beyond_sharpening.errors import BadInput
from beyond_sharpening.readers.files import File
from beyond_sharpening.readers.formats import PROMPT, ROW, Format, Rows, Wishes, rows_of
from beyond_sharpening.readers.prompts import prompt_of


def recognises(file: File) -> bool:
    return file.suffix == ".jsonl" and {"idx", "gt", "code", "pred"} <= file.keys


def read(file: File, wishes: Wishes) -> Rows:
    """Wishes have nothing to say here: the layout is one."""
    frame = rows_of(file, file.records(), lambda number, line: _samples(file, number, line))
    folders = file.path.absolute().parents
    return Rows(frame.assign(policy=folders[1].name, benchmark=folders[0].name), [])


def _samples(file: File, number: int, line: dict[str, Any]) -> list[dict[str, Any]]:
    lists = {
        name: line[name] for name in ("code", "pred", "score", "finish_reason") if isinstance(line.get(name), list)
    }
    lengths = {name: len(values) for name, values in lists.items()}
    if len(set(lengths.values())) != 1:
        raise BadInput(f"{file.path}, row {number}: `code`, `pred` and `score` must be lists of one length: {lengths}")
    problem = {ROW: number, "problem_id": line["idx"], "gold": str(line["gt"])}
    problem[PROMPT] = prompt_of(line.get("question"), "question")
    if line.get("level") is not None:
        problem["difficulty"] = line["level"]
    return [problem | _sample({name: values[i] for name, values in lists.items()}) for i in range(lengths["code"])]


def _sample(values: dict[str, Any]) -> dict[str, Any]:
    row = {"completion": values["code"], "answer": str(values["pred"]) if values["pred"] not in (None, "") else None}
    if "score" in values:
        row["correct"] = values["score"]
    if values.get("finish_reason"):
        row["truncated"] = values["finish_reason"] == "length"
    return row


FORMAT = Format("limit-of-RLVR and Qwen2.5-Math outputs", recognises, read)
