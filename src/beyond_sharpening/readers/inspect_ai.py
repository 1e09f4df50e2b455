"""inspect_ai: a log as ``.eval`` (a zip with a JSON file a sample) or as one ``.json``.

A sample has ``id``, ``epoch`` (the repeat), ``target``, ``output`` and ``scores``: a scorer a name, its ``value``
``C``, ``I``, ``P``, ``N``, a boolean or a number. The JSON is read directly; newer ``.eval`` files are packed with
Zstandard, which Python 3.11 cannot unpack, and go through inspect_ai's own reader where that is installed.
"""

from __future__ import annotations

import importlib.util
import json
import zipfile
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
    rows_of,
)
from beyond_sharpening.readers.prompts import Prompt, prompt_of

LETTERS = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0}
_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
_LENGTH = ("max_tokens", "length", "model_length")


def recognises(file: File) -> bool:
    return file.suffix == ".eval" or (file.suffix == ".json" and {"eval", "samples"} <= file.keys)


def read(file: File, wishes: Wishes) -> Rows:
    notes: list[str] = []
    log = file.document if file.suffix == ".json" else _unpacked(file)
    if not {"model", "task"} <= {*(log.get("eval") or {})}:
        raise BadInput(f"{file.path} is no whole log of inspect_ai: it does not say of which model and task it is")
    samples = list(enumerate(log["samples"] or [], 1))
    failed = [sample for _, sample in samples if not sample.get("scores")]
    scored = [(number, sample) for number, sample in samples if sample.get("scores")]
    if not scored:
        raise BadInput(f"{file.path} has no scored sample: was the evaluation cut off? `inspect score` scores a log")
    if log.get("status", "success") != "success":
        notes.append(f"the evaluation {file.path.name} ended with the status {log['status']!r}: samples may be missing")
    if failed:
        notes.append(f"{len(failed)} of {len(samples)} samples have no score (an error, a limit) and are left out")
    found = [name for _, sample in scored for name in sample["scores"]]
    scorer = metric_name(file, found, (), wishes, notes)
    frame = rows_of(file, scored, lambda number, sample: [_row(number, sample, scorer)])
    made = log["eval"]
    return Rows(frame.assign(policy=str(made["model"]), benchmark=str(made["task"]).rsplit("/", 1)[-1]), notes)


def _row(number: int, sample: dict[str, Any], scorer: str) -> dict[str, Any]:
    output = sample.get("output") or {}
    choice = (output.get("choices") or [{}])[0]
    row = {ROW: number, "problem_id": sample["id"], "sample_id": int(sample.get("epoch", 1)) - 1}
    row[PROMPT] = _prompt(sample, choice.get("message", {}).get("content"))
    if text := _text(choice.get("message", {}).get("content"), sample.get("attachments") or {}):
        row["completion"] = text
    if gold := gold_of(sample.get("target") or None):
        row["gold"] = gold
    if "stop_reason" in choice:
        row["truncated"] = choice["stop_reason"] in _LENGTH
    if tokens := (output.get("usage") or {}).get("output_tokens"):
        row["n_tokens"] = tokens
    value = (sample["scores"].get(scorer) or {}).get("value")
    row["score"] = LETTERS.get(value, value) if isinstance(value, str) else value
    return row


def _prompt(sample: dict[str, Any], answered: Any) -> Prompt | None:
    """What came before the last answer; None where the model reasoned before it, which its text does not show."""
    parts = answered if isinstance(answered, list) else []
    if any(isinstance(part, dict) and part.get("type") == "reasoning" for part in parts):
        return None
    said = list(sample.get("messages") or [])
    while said and said[-1].get("role") != "assistant":
        said.pop()
    before = said[:-1] or sample.get("input")
    if any("attachment://" in str(each) for each in before or []):
        return None
    return prompt_of(before if isinstance(before, list) else [{"role": "user", "content": before}], "chat")


def _text(content: Any, attachments: dict[str, str]) -> str:
    """What the model said; long texts may lie beside the sample, under a name."""
    text = message_text(content or "")
    return attachments.get(text.removeprefix("attachment://"), text) if text.startswith("attachment://") else text


def _unpacked(file: File) -> dict[str, Any]:
    """A ``.eval`` file as the one JSON document that it would be."""
    packed = file.members()
    if any(member.compress_type not in _PACKED for member in packed.infolist()):
        return _through_its_own_reader(file)
    names = packed.namelist()
    header = next((name for name in ("header.json", "_journal/start.json", "start.json") if name in names), None)
    if header is None:
        raise BadInput(f"{file.path} is no log of inspect_ai: it has no header.json; was it cut off?")
    try:
        samples = [json.loads(packed.read(name)) for name in sorted(names) if _is_sample(name)]
        return json.loads(packed.read(header)) | {"samples": samples}
    except (ValueError, KeyError, zipfile.BadZipFile) as error:
        raise BadInput(f"{file.path} is damaged inside ({error}): copy it again") from error


def _is_sample(name: str) -> bool:
    return name.startswith("samples/") and name.endswith(".json")


def _through_its_own_reader(file: File) -> dict[str, Any]:
    if importlib.util.find_spec("inspect_ai") is None:
        raise BadInput(
            f"{file.path} is packed with Zstandard: `pip install inspect-ai` beside this project reads it, or turn it "
            "into JSON where it was made: inspect log convert --to json --output-dir FOLDER FILE"
        )
    from inspect_ai.log import read_eval_log

    try:
        return dict(read_eval_log(str(file.path)).model_dump(mode="json"))
    except Exception as error:  # whatever its reader raises, it is about this file
        raise BadInput(f"{file.path}: inspect_ai cannot read it ({error}): copy it again") from error


FORMAT = Format("inspect_ai log", recognises, read)
