"""Grading: what a completion answered, and whether it is the gold answer.

Training and evaluation grade through the one function of this room, :func:`grade`.
"""

from beyond_sharpening.grading.boxes import last_boxed
from beyond_sharpening.grading.gold import any_of, states_an_answer, within
from beyond_sharpening.grading.grader import grade
from beyond_sharpening.grading.loading import Grader
from beyond_sharpening.grading.parity import math_verify
from beyond_sharpening.grading.reading import marked_answer
from beyond_sharpening.grading.verdict import Claim, Outcome, Verdict

__all__ = [
    "Claim",
    "Grader",
    "Outcome",
    "Verdict",
    "any_of",
    "grade",
    "last_boxed",
    "marked_answer",
    "math_verify",
    "states_an_answer",
    "within",
]
