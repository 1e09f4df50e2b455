"""Verifiable instructions ("at least 200 words, no commas"), in the columns of IFEval (arXiv 2311.07911).

The checks are those of IFEval's authors, as the package ``if-verifiable`` carries them. They run in worker processes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from beyond_sharpening.grading.pool import judge_in_processes
from beyond_sharpening.grading.verdict import Claim, Verdict

try:
    import langdetect
    from if_verifiable.common import evaluate_instructions
    from if_verifiable.ifeval.instructions_registry import INSTRUCTION_DICT
except ImportError as error:
    raise ImportError(f"{error}; it comes with pip install -e '.[instructions]'") from error

langdetect.DetectorFactory.seed = 0  # it draws at random, and one text has one language

_WORKERS = 2
_TRIAL = "One sentence. And another."


def grade(
    completions: Sequence[str], golds: Sequence[str], *, workers: int | None = None, timeout: float = 5.0
) -> list[Verdict]:
    """Check each completion, as it stands, against the instructions of its prompt.

    Args:
        completions: texts; thinking before ``</think>`` is left out.
        golds: JSON of the columns that hold the instructions (``gold_reader: instructions``).
        workers: worker processes.
        timeout: seconds that the checks of one completion may take.

    Returns:
        One verdict a completion: correct if it follows every instruction (the paper's strict accuracy by prompt), the
        score is the share that it follows; without an answer, for texts have no canonical form.
    """
    claims = [Claim(*pair) for pair in zip(completions, golds, strict=True)]
    asked = [*dict.fromkeys(claims)]
    judged = judge_in_processes(asked, workers or _WORKERS, timeout, f"{__name__}:judge") if asked else []
    verdicts = dict(zip(asked, judged, strict=True))
    return [verdicts[claim] for claim in claims]


def judge(claim: Claim) -> Verdict:
    """Check one completion; runs in a worker process."""
    asked = json.loads(claim.gold)
    instructions = asked["instruction_id_list"], asked["kwargs"], asked["prompt"]
    score = evaluate_instructions(claim.text, *instructions, INSTRUCTION_DICT)[1].partial_strict
    return Verdict("correct" if score == 1 else "wrong", None, score)


def states_an_answer(gold: str) -> bool:
    """Whether a gold has instructions that can be checked.

    Raises:
        ValueError: if it is not JSON of IFEval's columns, an instruction is unknown, or one lacks a number or word that
            it is about (the checks would draw one at random), or data that its check needs.
    """
    try:
        asked = json.loads(gold)
        pairs = [*zip(asked["instruction_id_list"], asked["kwargs"], strict=True)]
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(
            f"The gold {gold!r:.60} has no instructions: gold_reader: instructions reads the columns of IFEval "
            "(prompt, instruction_id_list, and kwargs, one for each instruction)"
        ) from error
    for fault in (fault for name, given in pairs for fault in _faults(name, given, asked["prompt"])):
        raise ValueError(fault)
    return bool(pairs)


def _faults(name: str, given: Mapping[str, Any], prompt: str) -> Iterator[str]:
    if name not in INSTRUCTION_DICT:
        yield f"the instruction {name!r} is unknown; known: {', '.join(sorted(INSTRUCTION_DICT))}"
        return
    needed = INSTRUCTION_DICT[name](name).get_instruction_args_keys()
    if lacking := [key for key in needed if given.get(key) is None]:
        yield f"the instruction {name!r} lacks {', '.join(map(repr, lacking))} in kwargs"
        return
    try:
        evaluate_instructions(_TRIAL, [name], [dict(given)], prompt, INSTRUCTION_DICT)
    except LookupError:
        yield (
            f"the instruction {name!r} needs NLTK's data to find sentences: python -m nltk.downloader punkt punkt_tab; "
            "or leave its problems out"
        )
