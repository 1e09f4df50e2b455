"""Cases that a careful person judged: every one agrees, and nothing wrong is taken for right."""

import json

import pytest

from beyond_sharpening.grading import grade, math_verify
from shared_files import SHARED

FOLDER = SHARED / "grading"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the labelled cases are not here")
PATIENT = 60.0  # seconds; the machine that tests may be busy


def cases(file: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in (FOLDER / file).read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("file", ["answers.jsonl", "extraction.jsonl"])
def test_every_labelled_case_agrees(file: str) -> None:
    rows = cases(file)
    verdicts = grade([row["completion"] for row in rows], [row["gold"] for row in rows], workers=2, timeout=PATIENT)
    judged = [
        (row, "correct" if verdict.correct else "not_correct") for row, verdict in zip(rows, verdicts, strict=True)
    ]
    assert [(row["id"], told) for row, told in judged if told != row["expected"]] == []


def test_parity_is_with_trls_own_reward() -> None:
    from trl.rewards import accuracy_reward

    rows = cases("extraction.jsonl")[::4]
    ours = math_verify([row["completion"] for row in rows], [row["gold"] for row in rows], workers=2, timeout=PATIENT)
    messages = [[{"role": "assistant", "content": row["completion"]}] for row in rows]
    theirs = accuracy_reward(messages, [f"${row['gold']}$" for row in rows])
    assert [float(verdict.correct) for verdict in ours] == [reward or 0.0 for reward in theirs]
