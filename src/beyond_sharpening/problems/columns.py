"""What graders of the user's ask for beside completions and gold answers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from beyond_sharpening.errors import BadInput
from beyond_sharpening.problems.problem import Problem


def columns_for(grade: object, problems: Sequence[Problem]) -> list[list[str]]:
    """What a grader takes beside completions and gold answers: nothing, or a list with a JSON object a problem.

    Args:
        grade: what is asked for is said by its attribute ``asks``, if it has one (``grading.Grader``).
        problems: one for each completion.

    Raises:
        BadInput: if a problem has no column of a name that the grader cannot do without.
    """
    asks: Mapping[str, bool] = getattr(grade, "asks", {})
    return [[_asked(problem, asks) for problem in problems]] if asks else []


def _asked(problem: Problem, asks: Mapping[str, bool]) -> str:
    there = problem.columns
    for name, is_needed in asks.items():
        if is_needed and name not in there:
            raise BadInput(
                f"task.grader asks for {name!r}, and problem {problem.id} has no such column: it has {', '.join(there)}"
                f"; name the column under columns.others of its block under sources, or give the parameter a default"
            )
    return json.dumps({name: there[name] for name in asks if name in there}, ensure_ascii=False, sort_keys=True)
