"""Where the grader and math-verify disagree."""

import json
from pathlib import Path

import pytest

from beyond_sharpening.grading import agreement
from beyond_sharpening.grading.agreement import claims, compare, report
from beyond_sharpening.grading.verdict import Claim


def test_a_column_holds_one_completion_or_several() -> None:
    rows = [{"code": ["a", "b"], "gt": 1}, {"code": "c", "gt": "2"}]
    assert list(claims(rows, "code", "gt")) == [Claim("a", "1"), Claim("b", "1"), Claim("c", "2")]


@pytest.mark.whole
def test_every_disagreement_is_listed_and_no_agreement() -> None:
    told = report(compare([Claim(r"\boxed{4}", "4"), Claim(r"\boxed{40.0\%}", "40"), Claim(r"\boxed{5}", "6")], 1))
    assert "| correct | correct | 1 |\n| correct | wrong | 1 |\n| wrong | wrong | 1 |" in told
    assert "Of one mind whether it is correct: 2 of 3. Apart: 1." in told
    assert [line for line in told.splitlines() if line.startswith("- ")] == [
        r"- here correct (40.0%), math-verify wrong (40.0%): gold `40`, … `\boxed{40.0\%}`"
    ]


@pytest.mark.whole
def test_the_command_reads_json_lines(tmp_path: Path, monkeypatch, capsys) -> None:
    file = tmp_path / "outputs.jsonl"
    file.write_text(json.dumps({"text": r"\boxed{4}", "answer": "4"}) + "\n")
    monkeypatch.setattr("sys.argv", ["agreement", str(file), "--completion", "text", "--gold", "answer", "--workers=1"])
    agreement.main()
    assert "Of one mind whether it is correct: 1 of 1. Apart: 0." in capsys.readouterr().out
