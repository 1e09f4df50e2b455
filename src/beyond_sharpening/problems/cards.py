"""Cards: what a benchmark is, so that two results on it can be told to be on the same."""

import hashlib
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from beyond_sharpening.parameters.sources import DataSource, Source
from beyond_sharpening.problems.problem import Problem
from beyond_sharpening.problems.rows import DroppedRow
from beyond_sharpening.problems.sameness import normalise_question

_VERSION_LENGTH = 12


def card(
    source: Source, prompt: str, problems: Sequence[Problem], dropped: Sequence[DroppedRow], copies: Path | None = None
) -> dict[str, Any]:
    """Describe the problems of a source, ready for JSON.

    Args:
        source: where they come from.
        prompt: template of the message that asks a problem.
        problems: what was loaded.
        dropped: the rows that gave no problem.
        copies: folder of the copies that were read in place of the hub.

    Returns:
        ``version``, the number of ``problems``, the ``dropped`` rows with their reasons, the ``prompt``, and the
        source's own fields: where it is, how it is read, licence, paper. The version is a hash of the prompt, the way
        golds are read and the problems themselves; not of where they were read from.
    """
    fields = source.model_dump(mode="json")
    reading = source.model_dump(include={"columns", "amendments"}) if isinstance(source, DataSource) else {}
    return {
        "version": _hash([prompt, reading, [[problem.id, problem.question, problem.gold] for problem in problems]]),
        "problems": len(problems),
        "dropped": [vars(row) for row in dropped],
        "prompt": prompt,
        "read_from_copy": copies is not None and source.type == "hub",
        "source": fields,
    }


def shared_questions(
    problems: Mapping[str, Collection[Problem]], normalise: Callable[[str], str] = normalise_question
) -> dict[str, dict[str, int]]:
    """Count, for each benchmark, its questions that each of the others has too; those without any are left out."""
    questions = {name: {normalise(problem.question) for problem in each} for name, each in problems.items()}
    counts = {
        name: {other: len(here & there) for other, there in questions.items() if other != name and here & there}
        for name, here in questions.items()
    }
    return {name: others for name, others in counts.items() if others}


def _hash(content: Any) -> str:
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:_VERSION_LENGTH]
