"""The door of the room: completions and gold answers in, verdicts out."""

import os
from collections.abc import Sequence

from beyond_sharpening.grading.canonical import canonical
from beyond_sharpening.grading.gold import acceptable
from beyond_sharpening.grading.judge import quick_verdict
from beyond_sharpening.grading.pool import judge_in_processes
from beyond_sharpening.grading.reading import stated_answer
from beyond_sharpening.grading.remembered import LONGEST
from beyond_sharpening.grading.verdict import Claim, Verdict

_MOST_WORKERS = 16
_MOST_REMEMBERED = 1 << 17
_judged: dict[Claim, Verdict] = {}


def grade(
    completions: Sequence[str], golds: Sequence[str], *, workers: int | None = None, timeout: float = 5.0
) -> list[Verdict]:
    """Grade each completion against its gold answer.

    The answer is what the completion states (:func:`stated_answer`). Strings (up to typesetting), exact numbers, and
    lists, intervals and quantities made of them are decided at once, microseconds each; other expressions go to
    computer algebra in worker processes, milliseconds each, started when first needed and kept for later calls. Equal
    answers to equal golds are judged once, and what was found is remembered. Safe to call from any thread.

    Args:
        completions: generated texts, prompts excluded.
        golds: the gold answers, as many, as LaTeX or plain text without a box; :mod:`grading.gold` says how one
            carries a tolerance or several acceptable answers.
        workers: worker processes, at least 1; by default one a CPU core, at most 16.
        timeout: seconds of computing that one comparison may take before it is stopped with the outcome ``timeout``.

    Returns:
        One verdict a completion, in order. When math-verify cannot read an answer, the verdict is ``unparsable``; so
        it is when it cannot read the gold, fails, or its process dies, and then a warning names both.

    Raises:
        TypeError: if a completion is no text, or one text is given where a list is due.
        ValueError: if the lengths differ, a gold answer is empty or miswritten, or an option is out of range.
        RuntimeError: if worker processes cannot be started.
    """
    check_claims(completions, golds, workers, timeout)
    claims = [Claim(stated_answer(completion) or "", gold) for completion, gold in zip(completions, golds, strict=True)]
    verdicts: dict[Claim, Verdict] = {}
    undecided: list[Claim] = []
    for claim in dict.fromkeys(claims):
        verdict = quick_verdict(claim) or _judged.get(claim)
        if verdict is None:
            undecided.append(claim)
        else:
            verdicts[claim] = verdict
    if undecided:
        judged = judge_in_processes(undecided, workers or default_workers(), timeout)
        verdicts.update(zip(undecided, judged, strict=True))
        _remember(verdicts, undecided)
    return [verdicts[claim] for claim in claims]


def grade_by(
    function: str,
    completions: Sequence[str],
    golds: Sequence[str],
    columns: Sequence[str] = (),
    *,
    workers: int,
    timeout: float = 60.0,
) -> list[Verdict]:
    """Grade by a function of the user's, ``module:function``, in worker processes under limits of time and memory.

    Args:
        function: has the signature of :func:`grade`; it is called with one completion at a time, for it is stopped
            when its time is over.
        completions: as for :func:`grade`.
        golds: as for :func:`grade`; what they may hold is the function's own matter.
        columns: what else of each problem the function asks for, as many JSON objects; none where it asks for nothing.
        workers: worker processes.
        timeout: seconds of computing that one completion may take.

    Raises:
        BadInput: if the function fails on every one of several completions.
        RuntimeError: if worker processes cannot be started.
    """
    claims = [Claim(*parts) for parts in zip(completions, golds, columns or [""] * len(golds), strict=True)]
    different = list(dict.fromkeys(claims))
    judged = judge_in_processes(different, workers, timeout, function) if claims else []
    verdicts = dict(zip(different, judged, strict=True))
    return [verdicts[claim] for claim in claims]


def default_workers() -> int:
    """One a CPU core, at most 16."""
    return min(os.cpu_count() or 1, _MOST_WORKERS)


def _remember(verdicts: dict[Claim, Verdict], judged: list[Claim]) -> None:
    """Keep what computer algebra found, for a training asks about the same answers again and again."""
    if len(_judged) > _MOST_REMEMBERED:
        _judged.clear()
    short = (claim for claim in judged if len(claim.text) <= LONGEST)
    _judged.update({claim: verdicts[claim] for claim in short if verdicts[claim].outcome != "timeout"})


def check_claims(completions: Sequence[str], golds: Sequence[str], workers: int | None, timeout: float) -> None:
    """Raise the errors that :func:`grade` names for what it cannot grade."""
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
        if not isinstance(gold, str) or not all(canonical(each.answer) for each in acceptable(gold)):
            raise ValueError(
                f"The gold answer {gold!r} at position {position} is not a text with an answer in it: "
                "correct it in the data, or drop the problem."
            )
