"""Where this grader and math-verify disagree is listed, with what each says."""

import json
import subprocess
import sys
from pathlib import Path

from beyond_sharpening.grading.agreement import claims, compare, report

ROWS = [
    {"code": [r"It is $\boxed{35.0\%}$."], "gt": 35},
    {"code": [r"It is $\boxed{7}$.", r"It is $\boxed{8}$."], "gt": 7},
]


def test_a_row_may_hold_several_completions():
    texts = [row["code"] for row in ROWS]
    assert [claim.text for claim in claims(ROWS, "code", "gt")] == [*texts[0], *texts[1]]
    assert [claim.gold for claim in claims(ROWS, "code", "gt")] == ["35", "7", "7"]


def test_only_disagreements_are_listed():
    """math-verify reads 35 % as 7/20; where a percentage is asked for, the sign may be left out."""
    pairs = compare(list(claims(ROWS, "code", "gt")), workers=1)
    assert [(pair.ours.outcome, pair.theirs.outcome) for pair in pairs] == [
        ("correct", "wrong"),
        ("correct", "correct"),
        ("wrong", "wrong"),
    ]
    told = report(pairs)
    assert "| correct | wrong | 1 |" in told
    assert "Of one mind whether it is correct: 2 of 3. Apart: 1." in told
    (line,) = [line for line in told.splitlines() if line.startswith("- ")]
    assert line.startswith("- here correct (35.0%), math-verify wrong (")
    assert "gold `35`" in line


def test_it_runs_on_a_file(tmp_path: Path):
    file = tmp_path / "outputs.jsonl"
    file.write_text("\n".join(json.dumps({"completion": r"\boxed{4}", "gold": "4"}) for _ in range(2)))
    command = [sys.executable, "-m", "beyond_sharpening.grading.agreement", str(file), "--workers=1"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "Of one mind whether it is correct: 2 of 2. Apart: 0." in told
