"""Grading as TRL's accuracy reward does, for those who must reproduce a number that was made with it."""

import logging
from collections.abc import Sequence

from beyond_sharpening.grading.canonical import canonical
from beyond_sharpening.grading.gold import acceptable
from beyond_sharpening.grading.grader import check_claims, default_workers
from beyond_sharpening.grading.pool import judge_in_processes
from beyond_sharpening.grading.verdict import UNPARSABLE, Claim, Verdict


def math_verify(
    completions: Sequence[str], golds: Sequence[str], *, workers: int | None = None, timeout: float = 10.0
) -> list[Verdict]:
    r"""Grade each completion against its gold answer as ``trl.rewards.accuracy_reward`` does, by math-verify alone.

    The gold answer is read as the formula ``$gold$``. A tolerance is not known to math-verify; of several acceptable
    answers (``\anyof``) each counts.

    Args:
        completions: as for :func:`grade`.
        golds: as for :func:`grade`.
        workers: as for :func:`grade`.
        timeout: seconds of computing one comparison may take.

    Returns:
        One verdict a completion, in order: ``unparsable`` where math-verify finds no answer (TRL's reward is 0) or
        cannot read the gold answer (TRL leaves the row out).

    Raises:
        TypeError, ValueError, RuntimeError: as :func:`grade`.
    """
    check_claims(completions, golds, workers, timeout)
    claims = [Claim(completion, gold) for completion, gold in zip(completions, golds, strict=True)]
    different = list(dict.fromkeys(claims))
    judged = judge_in_processes(different, workers or default_workers(), timeout, f"{__name__}:judge") if claims else []
    verdicts = dict(zip(different, judged, strict=True))
    return [verdicts[claim] for claim in claims]


def judge(claim: Claim) -> Verdict:
    """Judge a completion with the settings of TRL 1.16, without math-verify's own time limits."""
    from latex2sympy2_extended import NormalizationConfig
    from math_verify import LatexExtractionConfig, parse, verify

    logging.getLogger("math_verify").setLevel(logging.ERROR)  # warns that its time limits are off
    reading = LatexExtractionConfig(
        normalization_config=NormalizationConfig(units=True), boxed_match_priority=0, try_extract_without_anchor=False
    )
    found = parse(claim.text, extraction_config=[reading], extraction_mode="first_match", parsing_timeout=None)
    golds = [parse(f"${each.answer}$", parsing_timeout=None) for each in acceptable(claim.gold)]
    if not found or not all(golds):
        return UNPARSABLE
    correct = any(verify(gold, found, timeout_seconds=None) for gold in golds)
    return Verdict("correct" if correct else "wrong", canonical(str(found[-1])) or None)
