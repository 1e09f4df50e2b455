"""Function completion with unit tests, in the columns of HumanEval (arXiv 2107.03374) and MBPP (arXiv 2108.07732).

A completion is right if the program of its code and the problem's tests comes to its end in the sandbox.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from beyond_sharpening.grading.confine import missing
from beyond_sharpening.grading.sandbox import run_program
from beyond_sharpening.grading.verdict import UNPARSABLE, Outcome, Verdict

if reason := missing():
    raise ImportError(reason)  # a grader that cannot be imported is named at the start of a run

OUTCOMES: dict[str, Outcome] = {"passed": "correct", "failed": "wrong", "timeout": "timeout"}
_FENCED = re.compile(r"```(?:python|py)?[ \t]*\n(.*?)(?:```|\Z)", re.DOTALL)
_IMPORT = re.compile(r"^(?:from|import) .*$", re.MULTILINE)
_WORKERS = 2


def grade(
    completions: Sequence[str], golds: Sequence[str], *, workers: int | None = None, timeout: int = 5
) -> list[Verdict]:
    """Run each completion's code with its problem's tests.

    Args:
        completions: texts; the code is the last that stands between ``` fences, or all of it.
        golds: JSON of the columns that hold the tests (``gold_reader: tests``).
        workers: programs that run at a time.
        timeout: seconds of computing that a program may take.

    Returns:
        One verdict a completion, without an answer: programs have no canonical form.
    """

    def judge(completion: str, gold: str) -> Verdict:
        if not (code := written_code(completion)).strip():
            return UNPARSABLE
        return Verdict(OUTCOMES[run_program(program(code, json.loads(gold)), timeout)], None)

    with ThreadPoolExecutor(workers or _WORKERS) as pool:
        return list(pool.map(judge, completions, golds))


def states_an_answer(gold: str) -> bool:
    """Whether a gold has tests.

    Raises:
        ValueError: if it is not JSON of HumanEval's columns or MBPP's.
    """
    try:
        tests = json.loads(gold)
        return bool(tests["test_list"] if "test_list" in tests else tests["test"].strip() and tests["entry_point"])
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(
            f"The gold {gold!r:.60} has no tests: gold_reader: tests reads the columns of HumanEval (prompt, test, "
            "entry_point) or of MBPP (test_list, test_setup_code)"
        ) from error


def written_code(completion: str) -> str:
    """The last code in fences, or all of a completion that has none."""
    fenced = _FENCED.findall(completion)
    return fenced[-1] if fenced else completion


def program(code: str, tests: Mapping[str, Any]) -> str:
    """The code and the tests as one program; code that goes on with HumanEval's prompt is put behind it."""
    if "test_list" in tests:
        return "\n".join([code, tests.get("test_setup_code") or "", *tests["test_list"]])
    name, prompt = tests["entry_point"], tests.get("prompt") or ""
    whole = re.search(rf"^(?:async )?def {re.escape(name)}\b", code, re.MULTILINE)
    start = "\n".join(_IMPORT.findall(prompt)) + "\n" if whole else prompt
    return "\n".join([start + code, tests["test"], f"check({name})"])
