"""Does the analysis find what was put in? Worlds in which base and policy are exact, and studies of them."""

from beyond_sharpening.analysis.validation.studies import as_markdown, validate_statistics

__all__ = ["as_markdown", "validate_statistics"]
