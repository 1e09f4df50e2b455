"""Decoding: completions and their log-probabilities, from any causal language model of transformers."""

from beyond_sharpening.decoding.sampling import Completion, SamplingOptions, sample
from beyond_sharpening.decoding.scoring import score

__all__ = ["Completion", "SamplingOptions", "sample", "score"]
