"""Training ends at the closed-form optimum, and the null control stays where it is."""

import pytest

from beyond_sharpening.objectives import OBJECTIVES
from beyond_sharpening.theory.optimum import CELLS, check_training


@pytest.fixture(scope="module")
def check():
    return check_training(OBJECTIVES)


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.label)
def test_the_optimum_is_reached(check, cell):
    """TV of the worst question at most 0.05 with entropy; 1 % of the way left without; 0.02 for the null control."""
    claims = check.table[check.table["claim"].str.startswith(f"{cell.label}:")]
    assert len(claims)
    assert claims["holds"].all(), claims[["claim", "computed", "expected"]].to_string()


def test_the_curves_start_at_the_start(check):
    to_go = check.series["Expected reward still to gain"]
    assert set(to_go["objective"]) == {"task reward", "sharpening"}
    assert to_go[to_go["step"] == 0]["share of the way still to go"].tolist() == pytest.approx([1, 1])


def test_where_no_optimum_exists_the_cap_is_filled_with_every_seed(check):
    """Below the critical power Σ π_ref^α grows with the cap for ever, and so do the lengths; above it neither does."""
    claims = check.table[check.table["claim"].str.startswith("α = ")]
    assert len(claims) == 5
    assert claims["holds"].all(), claims[["claim", "computed", "expected"]].to_string()
    lengths = check.series["Where no optimum exists the cap is filled"]
    assert {f"α = 0.25, cap of 6, seed {seed}" for seed in (0, 1, 2)} < set(lengths["run"])
