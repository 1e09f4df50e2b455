"""Do the statistics find what was put in? Counted on draws from something known."""

from __future__ import annotations

from typing import Any

import pandas as pd

from beyond_sharpening.parameters import Validation


def validate(options: dict[str, Any]) -> tuple[pd.DataFrame, str, dict[str, dict[str, float]]]:
    """Every study in one table, the same in words, and how many of its shares are what they should be."""
    from beyond_sharpening.analysis.validation import as_markdown, validate_statistics

    asked = Validation.model_validate(options)
    table = validate_statistics(asked.draws, asked.worlds, asked.seed)
    return table, as_markdown(table), {"shares that hold": {"value": float(table["holds"].sum()), "step": 0}}
