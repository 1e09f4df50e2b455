"""Does the analysis find what was put in? Worlds in which base and policy are exact, and studies of them."""

from beyond_sharpening.analysis.validation.studies import validate_statistics

__all__ = ["validate_statistics"]
