"""Statistics of the samples table: estimators, intervals, paired tests and the verdict.

Pure functions of a table with the columns ``SAMPLE_COLUMNS``, from this project or any other system;
no model is needed. Nothing here imports torch.
"""

from beyond_sharpening.analysis.at_k import maj_at_k, pass_at_k
from beyond_sharpening.analysis.contract import SAMPLE_COLUMNS, validate_samples
from beyond_sharpening.analysis.contrasts import PRIMARY_FAMILY, compare_arms
from beyond_sharpening.analysis.decoders import decoder_costs, decoder_diagnostics
from beyond_sharpening.analysis.goals import goals
from beyond_sharpening.analysis.prediction import predicted_effect, prediction_lines, prediction_outcomes
from beyond_sharpening.analysis.price import break_even, prompt_tokens, training_tokens
from beyond_sharpening.analysis.ruling import Verdict, verdict
from beyond_sharpening.analysis.tables import accuracy_by_difficulty, estimates, pass_at_k_curves
from beyond_sharpening.analysis.told import parting_step, told_and_true

__all__ = [
    "PRIMARY_FAMILY",
    "SAMPLE_COLUMNS",
    "Verdict",
    "accuracy_by_difficulty",
    "break_even",
    "compare_arms",
    "decoder_costs",
    "decoder_diagnostics",
    "estimates",
    "goals",
    "maj_at_k",
    "parting_step",
    "pass_at_k",
    "pass_at_k_curves",
    "predicted_effect",
    "prediction_lines",
    "prediction_outcomes",
    "prompt_tokens",
    "told_and_true",
    "training_tokens",
    "validate_samples",
    "verdict",
]
