"""Right answers over the coefficients of an objective."""

import pandas as pd
import pytest

from beyond_sharpening.reporting.sections.grid import chart

CELLS = {
    ("base", "default"): 0.3,
    ("task_reward", "default"): 0.6,
    ("tilted", "alpha2-beta100"): 0.4,
    ("tilted", "alpha1.5-beta100"): 0.5,
    ("tilted", "alpha2-beta10"): 0.7,
    ("tilted", "alpha2-beta100-steps50"): 0.1,
    ("sharpening", "alpha2"): 0.2,
}


def estimates(cells: dict[tuple[str, str], float]) -> pd.DataFrame:
    rows = [
        {"policy": policy, "variant": variant, "checkpoint": "last", "decoder": "temperature", "benchmark": benchmark,
         "pass@1": right, "ci_low": right - 0.1, "ci_high": right + 0.1}
        for benchmark in ("near", "far")
        for (policy, variant), right in cells.items()
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_cells_that_differ_in_alpha_alone_are_one_line():
    drawn = chart(estimates(CELLS))
    assert drawn is not None
    assert [panel.title for panel in drawn.panels] == ["near", "far"]
    lines = {series.look.label: (series.x, series.y) for series in drawn.panels[0].series}
    assert lines["Tilted sampling, β = 100"] == ([1.5, 2], [50, 40])
    assert lines["Tilted sampling, β = 10"] == ([2], [pytest.approx(70)])
    assert lines["Tilted sampling, β = 100, steps50"] == ([2], [10])
    assert lines["Sharpening"] == ([2], [20])
    assert len(lines) == 4, "what has no α is no point"
    (base,) = drawn.panels[0].levels
    assert (base.y, base.low, base.high) == (30, pytest.approx(20), 40)


def test_without_two_values_of_alpha_there_is_nothing_to_draw():
    few = {cell: right for cell, right in CELLS.items() if cell[1] != "alpha1.5-beta100"}
    assert chart(estimates(few)) is None
