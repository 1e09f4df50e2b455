"""The door of the room: completions and gold answers in, verdicts out."""

import os
from collections.abc import Sequence

from beyond_sharpening.grading.reading import stated_answer
from beyond_sharpening.grading.gold import states_an_answer
from beyond_sharpening.grading.judge import Claim, quick_verdict
from beyond_sharpening.grading.pool import judge_in_processes
from beyond_sharpening.grading.verdict import Verdict

_MOST_WORKERS = 16


def grade(
    completions: Sequence[str], golds: Sequence[str], *, workers: int | None = None, timeout: float = 5.0
) -> list[Verdict]:
    """Grade each completion against its gold answer.

    The answer is what the completion states (:func:`stated_answer`: its last ``\\boxed{...}``, or else what follows
    ``####`` or the word *answer*, or ends the text). Strings (up to typesetting), exact numbers, and lists, intervals
    and quantities made of them are decided at once, microseconds each; other expressions go to math-verify in worker
    processes, milliseconds each, started when first needed and kept for later calls. Equal answers to equal golds are
    judged once. Safe to call from any thread.

    Args:
        completions: generated texts, prompts excluded.
        golds: the gold answers, as many, as LaTeX or plain text without a box; :mod:`grading.gold` says how one
            carries a tolerance or several acceptable answers.
        workers: worker processes, at least 1; by default one a CPU core, at most 16.
        timeout: seconds one comparison may take in its worker before it is stopped with the outcome ``timeout``.

    Returns:
        One verdict a completion, in order. When math-verify cannot read an answer, the verdict is ``unparsable``; so
        it is when it cannot read the gold, fails, or its process dies, and then a warning names both.

    Raises:
        TypeError: if a completion is no text, or one text is given where a list is due.
        ValueError: if the lengths differ, a gold answer is empty or miswritten, or an option is out of range.
        RuntimeError: if worker processes cannot be started.
    """
    _check(completions, golds, workers, timeout)
    claims = [Claim(stated_answer(completion) or "", gold) for completion, gold in zip(completions, golds, strict=True)]
    verdicts: dict[Claim, Verdict] = {}
    undecided: list[Claim] = []
    for claim in dict.fromkeys(claims):
        verdict = quick_verdict(claim)
        if verdict is None:
            undecided.append(claim)
        else:
            verdicts[claim] = verdict
    if undecided:
        processes = workers or min(os.cpu_count() or 1, _MOST_WORKERS)
        verdicts.update(zip(undecided, judge_in_processes(undecided, processes, timeout), strict=True))
    return [verdicts[claim] for claim in claims]


def _check(completions: Sequence[str], golds: Sequence[str], workers: int | None, timeout: float) -> None:
    for name, texts in (("completions", completions), ("golds", golds)):
        if isinstance(texts, str):
            raise TypeError(f"{name}={texts[:40]!r}: give a list of texts, not one text.")
    for position, completion in enumerate(completions):
        if not isinstance(completion, str):
            raise TypeError(f"The completion at position {position} is no text: {completion!r}.")
    if len(completions) != len(golds):
        raise ValueError(f"{len(completions)} completions for {len(golds)} gold answers: give one gold a completion.")
    if workers is not None and workers < 1:
        raise ValueError(f"workers={workers}: at least one worker process is needed, or None for one a CPU core.")
    if not timeout > 0:
        raise ValueError(f"timeout={timeout}: give a positive number of seconds.")
    for position, gold in enumerate(golds):
        if not isinstance(gold, str) or not states_an_answer(gold):
            raise ValueError(
                f"The gold answer {gold!r} at position {position} is not a text with an answer in it: "
                "correct it in the data, or drop the problem."
            )
