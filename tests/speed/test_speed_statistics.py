"""The statistics' contest: both loops do the work that ours does, to the same numbers."""

import numpy as np
import pytest

from beyond_sharpening.analysis.solve_rates import problem_table
from beyond_sharpening.speed import statistics


def test_the_loops_get_our_numbers():
    table = statistics._samples(20)
    ours = problem_table(table, statistics.KS).set_index("problem_id")
    for number, rows in table.groupby("problem_id"):
        problem = statistics._problem(rows)
        for k in statistics.KS:
            expected = tuple(ours.loc[number, [f"pass@{k}", f"maj@{k}"]])
            assert statistics._exactly(problem, k) == pytest.approx(expected)
            passed, voted = statistics._by_draws(problem, k)
            assert passed == pytest.approx(expected[0])
            # A tie goes to whom the loop meets first, in random order. Four deviations of 1000 draws, and a draw more.
            spread = 4 * np.sqrt(expected[1] * (1 - expected[1]) / statistics.DRAWS)
            assert voted == pytest.approx(expected[1], abs=spread + 1 / statistics.DRAWS)


def test_both_contests_count_the_samples_they_have_done():
    for contest in statistics.contests(60):
        assert contest.ours() == 60 * statistics.SAMPLES
    assert statistics._loop([(["a", "b"], [True, False])], lambda problem, k: None) == 2
