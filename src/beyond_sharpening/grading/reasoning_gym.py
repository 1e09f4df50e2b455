"""Grading of reasoning_gym's tasks: graded scores in [0, 1], by the package's own scorers (arXiv 2505.24760).

A completion answers in ``<answer>`` tags. Its gold is a JSON object that holds what the scorer needs: the task, its
settings and the entry. Several scorers evaluate what the model wrote as Python, by ``eval`` or through sympy's
``parse_expr``; both are replaced here, by a literal and by arithmetic on numbers and names. Scorers run in worker
processes that are stopped after a time.
"""

from __future__ import annotations

import ast
import importlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from beyond_sharpening.grading.pool import judge_in_processes
from beyond_sharpening.grading.verdict import UNPARSABLE, Claim, Verdict

if TYPE_CHECKING:
    from reasoning_gym.dataset import ProceduralDataset

SOLVED = 1.0
"""The least score of a correct answer: pass@k counts these."""

LITERAL = (
    "reasoning_gym.algorithmic.binary_matrix",
    "reasoning_gym.algorithmic.spiral_matrix",
    "reasoning_gym.algorithmic.string_insertion",
    "reasoning_gym.games.n_queens",
)
"""The modules whose scorers call ``eval`` on the answer (version 0.1.19)."""

SYMBOLIC = ("sympy", "reasoning_gym.games.countdown", "reasoning_gym.games.puzzle24")
"""The modules whose ``parse_expr`` scorers call on the answer; sympy's evaluates the text as Python."""

_TAGGED = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)
_LONGEST = 10_000  # characters of an answer
_LARGEST_POWER = 1_000
_WORKERS = 2
_TUPLE, _PAIRS = "__tuple__", "__pairs__"  # keys of what JSON does not know


def grade(
    completions: Sequence[str], golds: Sequence[str], *, workers: int | None = None, timeout: float = 5.0
) -> list[Verdict]:
    """Score each completion's last answer in tags; one without is unparsable, and scores 0.

    Args:
        completions: generated texts, prompts excluded.
        golds: of the problems, as :func:`gold_text` writes them.
        workers: worker processes.
        timeout: seconds that a scorer may take.

    Returns:
        One verdict a completion, with the score; it is correct from a score of ``SOLVED`` on. The answer is the text
        in the tags, with white space in one form.
    """
    claims = [Claim(tagged_answer(text) or "", gold) for text, gold in zip(completions, golds, strict=True)]
    asked = [claim for claim in dict.fromkeys(claims) if claim.text]
    judged = judge_in_processes(asked, workers or _WORKERS, timeout, f"{__name__}:judge") if asked else []
    verdicts = dict(zip(asked, judged, strict=True))
    return [verdicts.get(claim, UNPARSABLE) for claim in claims]


def tagged_answer(completion: str) -> str | None:
    """The text in the last pair of ``<answer>`` tags, or None."""
    found = _TAGGED.findall(completion)
    return found[-1].strip()[:_LONGEST] or None if found else None


def gold_text(task: str, settings: Mapping[str, Any], entry: Mapping[str, Any]) -> str:
    """The gold of a problem: all that its scorer needs, as JSON."""
    kept = {key: _packed(entry[key]) for key in ("question", "answer", "metadata")}
    return json.dumps({"task": task, "settings": settings, "entry": kept}, sort_keys=True)


def _packed(value: Any) -> Any:
    """What JSON keeps of a value, tuples and keys that are no text told apart: scorers compare them."""
    if isinstance(value, tuple):
        return {_TUPLE: [_packed(each) for each in value]}
    if isinstance(value, list):
        return [_packed(each) for each in value]
    if isinstance(value, dict):
        if all(isinstance(key, str) for key in value):
            return {key: _packed(each) for key, each in value.items()}
        return {_PAIRS: [[_packed(key), _packed(each)] for key, each in value.items()]}
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _unpacked(value: dict[str, Any]) -> Any:
    """For ``json.loads``: the objects that ``_packed`` wrote as what they were."""
    if _TUPLE in value:
        return tuple(value[_TUPLE])
    return dict(value[_PAIRS]) if _PAIRS in value else value


def states_an_answer(gold: str) -> bool:
    """Whether a gold can be scored against.

    Raises:
        ValueError: if it is not as :func:`gold_text` writes it.
    """
    try:
        return {"task", "settings", "entry"} == set(json.loads(gold))
    except (ValueError, TypeError) as error:
        raise ValueError(f"The gold {gold!r:.60} is not one of a reasoning_gym source") from error


def judge(claim: Claim) -> Verdict:
    """Score one answer; runs in a worker process."""
    gold = json.loads(claim.gold, object_hook=_unpacked)
    score_answer = scorer(gold["task"], json.dumps(gold["settings"]))
    answer = " ".join(claim.text.split())
    try:
        score = min(max(float(score_answer(claim.text, gold["entry"])), 0.0), 1.0)
    except MemoryError:
        raise
    except Exception:  # of a scorer that cannot read the answer
        return Verdict("unparsable", answer)
    return Verdict("correct" if score >= SOLVED else "wrong", answer, score)


@lru_cache(maxsize=256)
def scorer(task: str, settings: str = "{}") -> Callable[[str, Mapping[str, Any]], float]:
    """The package's scorer of a task, which evaluates nothing that a model wrote."""
    _disarm()
    from reasoning_gym import create_dataset

    if task == "game_of_life_halting":  # the package's takes every text for right: bool("False") is True
        return lambda answer, entry: float(answer.strip().lower() == str(entry["answer"]).lower())
    dataset: ProceduralDataset = create_dataset(task, **json.loads(settings), size=1, seed=0)
    return lambda answer, entry: dataset.score_answer(answer=answer, entry=entry)


@lru_cache(maxsize=1)
def _disarm() -> None:
    for name in LITERAL:
        vars(importlib.import_module(name))["eval"] = ast.literal_eval
    for name in SYMBOLIC:
        vars(importlib.import_module(name))["parse_expr"] = expression


def expression(text: str, local_dict: Mapping[str, Any] | None = None, **_: Any) -> Any:
    """A sympy expression from arithmetic on numbers, names and the elementary functions, by its syntax tree.

    Raises:
        ValueError: for anything else.
    """
    try:
        tree = ast.parse(text.strip().replace("^", "**"), mode="eval")
    except SyntaxError as error:
        raise ValueError(f"no expression: {text!r:.60}") from error
    return _built(tree.body, local_dict or {})


def _built(node: ast.expr, names: Mapping[str, Any]) -> Any:
    import sympy

    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return sympy.sympify(number)
        case ast.Name(id=name):
            return names.get(name) or {"pi": sympy.pi, "E": sympy.E}.get(name) or sympy.Symbol(name)
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=operand):
            value = _built(operand, names)
            return -value if isinstance(sign, ast.USub) else value
        case ast.BinOp(left=left, op=operator, right=right):
            return _combined(_built(left, names), operator, _built(right, names))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in _FUNCTIONS:
            return getattr(sympy, name)(*(_built(argument, names) for argument in arguments))
    raise ValueError(f"neither number, name, sum, product, power nor known function: {ast.unparse(node)[:60]!r}")


_FUNCTIONS = {
    "sin",
    "cos",
    "tan",
    "cot",
    "sec",
    "csc",
    "asin",
    "acos",
    "atan",
    "sinh",
    "cosh",
    "tanh",
    "asinh",
    "acosh",
}
_FUNCTIONS |= {"atanh", "exp", "log", "ln", "sqrt", "Abs", "erf"}


def _combined(left: Any, operator: ast.operator, right: Any) -> Any:
    match operator:
        case ast.Add():
            return left + right
        case ast.Sub():
            return left - right
        case ast.Mult():
            return left * right
        case ast.Div():
            return left / right
        case ast.Pow():
            if right.is_number and abs(right) > _LARGEST_POWER:
                raise ValueError(f"a power beyond {_LARGEST_POWER}")
            return left**right
    raise ValueError(f"no operator of arithmetic: {type(operator).__name__}")
