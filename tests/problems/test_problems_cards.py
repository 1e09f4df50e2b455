"""A card tells two versions of a benchmark apart, and nothing else."""

import json
from pathlib import Path
from typing import Any

import datasets
import pytest
from pydantic import TypeAdapter

from beyond_sharpening.parameters.sources import Source
from beyond_sharpening.problems import Problem, card, load_problems, shared_questions

ROWS = [{"question": "1+1?", "answer": "2"}, {"question": "1+2?", "answer": "3"}, {"question": "", "answer": "4"}]
PROMPT = "{question} Answer in a box."


def hub(**changes: Any) -> Any:
    fields = {"type": "hub", "path": "org/toy", "split": "test", "file": "toy.jsonl", "licence": "MIT"}
    return TypeAdapter(Source).validate_python({**fields, **changes})


def card_of(folder: Path, rows: list[dict[str, str]] = ROWS, prompt: str = PROMPT, **changes: Any) -> dict[str, Any]:
    folder.joinpath("toy.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    source = hub(**changes)
    problems, dropped = load_problems("toy", source, seed=0, split="benchmark", copies=folder)
    return card(source, prompt, problems, dropped, folder)


def test_it_says_what_the_benchmark_is(tmp_path: Path) -> None:
    made = card_of(tmp_path)
    assert made["problems"] == 2
    assert [row["reason"] for row in made["dropped"]] == ["empty question in column 'question'"]
    assert (made["source"]["path"], made["source"]["licence"], made["prompt"]) == ("org/toy", "MIT", PROMPT)
    assert json.loads(json.dumps(made)) == made


def test_the_version_changes_with_prompt_reading_and_data(tmp_path: Path) -> None:
    other_gold, other_question = [dict(row) for row in ROWS], [dict(row) for row in ROWS]
    other_gold[1]["answer"], other_question[0]["question"] = "4", "1 + 1?"
    made = [
        card_of(tmp_path),
        card_of(tmp_path, prompt="{question}"),
        card_of(tmp_path, columns={"rounded": True}),
        card_of(tmp_path, amendments=[{"question": "1+2", "gold": "three"}]),
        card_of(tmp_path, rows=other_gold),
        card_of(tmp_path, rows=other_question),
        card_of(tmp_path, rows=ROWS[1::-1]),
    ]
    assert len({each["version"] for each in made}) == len(made)


def test_the_version_does_not_depend_on_where_the_same_data_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets, "load_dataset", lambda *_, **__: datasets.Dataset.from_list(ROWS))
    problems, dropped = load_problems("toy", hub(), seed=0, split="benchmark")
    from_hub = card(hub(), PROMPT, problems, dropped)
    from_copy = card_of(tmp_path, revision="abc", licence="other")
    assert from_hub["version"] == from_copy["version"]
    assert (from_hub["read_from_copy"], from_copy["read_from_copy"]) == (False, True)


def test_questions_that_benchmarks_share_are_counted() -> None:
    def problems(*questions: str) -> list[Problem]:
        return [Problem(question, "toy", question, "1", "", "benchmark") for question in questions]

    shared = shared_questions(
        {"whole": problems("a", "b $c$", "d"), "part": problems("b c", "a"), "other": problems("z")}
    )
    assert shared == {"whole": {"part": 2}, "part": {"whole": 2}}
