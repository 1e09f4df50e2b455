"""Problems: questions with gold answers, where they come from, and how they are put to a model."""

from beyond_sharpening.problems.cards import card, shared_questions
from beyond_sharpening.problems.columns import columns_for
from beyond_sharpening.problems.problem import Problem, problems_from_frame, problems_to_frame
from beyond_sharpening.problems.prompts import prompt_token_ids, render_messages
from beyond_sharpening.problems.rows import DroppedRow
from beyond_sharpening.problems.sameness import as_written, normalise_question
from beyond_sharpening.problems.sources import load_problems
from beyond_sharpening.problems.splits import Overlap, drop_overlap, drop_seen, hold_out

__all__ = [
    "DroppedRow",
    "Overlap",
    "Problem",
    "as_written",
    "card",
    "columns_for",
    "drop_overlap",
    "drop_seen",
    "hold_out",
    "load_problems",
    "normalise_question",
    "problems_from_frame",
    "problems_to_frame",
    "prompt_token_ids",
    "render_messages",
    "shared_questions",
]
