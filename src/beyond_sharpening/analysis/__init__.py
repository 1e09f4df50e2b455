"""Statistics of the samples table: estimators, intervals, paired tests and the verdict.

Pure functions of a table with the columns ``SAMPLE_COLUMNS``, from this project or any other system;
no model is needed. Nothing here imports torch.
"""

from beyond_sharpening.analysis.accept import accept_samples, base_of_another_model
from beyond_sharpening.analysis.at_k import maj_at_k, pass_at_k
from beyond_sharpening.analysis.contract import CROSS_SCORE_KEY, SAMPLE_COLUMNS, settling, validate_samples
from beyond_sharpening.analysis.contrasts import compare_arms, compare_at_k, seeds_needed
from beyond_sharpening.analysis.counts import count_parts
from beyond_sharpening.analysis.decoders import decoder_costs, decoder_diagnostics
from beyond_sharpening.analysis.families import PRIMARY_FAMILY
from beyond_sharpening.analysis.goals import goals
from beyond_sharpening.analysis.mechanisms import Thresholds, mechanism, solve_rate_transitions
from beyond_sharpening.analysis.planning import designs, what_more_would_buy
from beyond_sharpening.analysis.policies import policies_verdict
from beyond_sharpening.analysis.prediction import predicted_effect, prediction_lines, prediction_outcomes
from beyond_sharpening.analysis.price import break_even, prompt_tokens, training_tokens
from beyond_sharpening.analysis.rows import Parts, Rows, Samples, count_samples, scores_of
from beyond_sharpening.analysis.ruling import Rule, Verdict, verdict
from beyond_sharpening.analysis.second_opinion import mixed_logistic, second_opinions
from beyond_sharpening.analysis.stored import store_samples
from beyond_sharpening.analysis.tables import accuracy_by_difficulty, estimates, pass_at_k_curves
from beyond_sharpening.analysis.told import parting_step, told_and_true

__all__ = [
    "CROSS_SCORE_KEY",
    "PRIMARY_FAMILY",
    "SAMPLE_COLUMNS",
    "Parts",
    "Rows",
    "Rule",
    "Samples",
    "Thresholds",
    "Verdict",
    "accept_samples",
    "accuracy_by_difficulty",
    "base_of_another_model",
    "break_even",
    "compare_arms",
    "compare_at_k",
    "count_parts",
    "count_samples",
    "decoder_costs",
    "decoder_diagnostics",
    "designs",
    "estimates",
    "goals",
    "maj_at_k",
    "mechanism",
    "mixed_logistic",
    "parting_step",
    "pass_at_k",
    "pass_at_k_curves",
    "policies_verdict",
    "predicted_effect",
    "prediction_lines",
    "prediction_outcomes",
    "prompt_tokens",
    "scores_of",
    "second_opinions",
    "seeds_needed",
    "settling",
    "solve_rate_transitions",
    "store_samples",
    "told_and_true",
    "training_tokens",
    "validate_samples",
    "verdict",
    "what_more_would_buy",
]
