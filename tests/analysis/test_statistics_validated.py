"""The large studies, small: intervals cover, the primary test keeps its level and pooling does not, names are right."""

import numpy as np
import pytest
from scipy import stats

from beyond_sharpening.analysis.intervals import PROBLEMS_LIKE_THESE, THESE_PROBLEMS, proportion_interval
from beyond_sharpening.analysis.mechanisms.draws import arms
from beyond_sharpening.analysis.validation import studies
from beyond_sharpening.analysis.validation.hierarchy import Hierarchy
from beyond_sharpening.analysis.validation.truths import true_numbers
from beyond_sharpening.analysis.validation.worlds import draw_samples, make_world, member

N = 150


def least(share, n=N):
    """The smallest count of n that a true share gives with more than a chance of 1e-4."""
    return stats.binom.ppf(1e-4, n, share)


@pytest.mark.parametrize(("level", "k"), [(0.0, 1), (-3.0, 4), (2.0, 16)])
def test_intervals_about_problems_like_these_cover(level, k):
    made = Hierarchy(level=level, n_problems=30)
    rng, hits = np.random.default_rng(0), 0
    for _ in range(N):
        low, high = proportion_interval(made.draw(made.difficulty(rng), rng, k), PROBLEMS_LIKE_THESE, draws=k)
        hits += low <= made.expected(k) <= high
    assert hits >= least(0.95)


def test_an_interval_about_these_problems_does_not_cover_similar_ones():
    """Why the target is said: five seeds of 30 problems, over seeds alone, and the accuracy on problems like these."""
    made, hits = Hierarchy(n_problems=30, n_seeds=5, seeds=1.0), {PROBLEMS_LIKE_THESE: 0, THESE_PROBLEMS: 0}
    rng = np.random.default_rng(0)
    for _ in range(N):
        drawn = made.draw(made.difficulty(rng), rng)
        for target in hits:
            low, high = proportion_interval(drawn, target)
            hits[target] += low <= made.expected() <= high
    assert hits[PROBLEMS_LIKE_THESE] >= least(0.95)
    assert hits[THESE_PROBLEMS] < 0.7 * N


def test_the_primary_test_keeps_its_level_and_pooling_samples_does_not():
    rng = np.random.default_rng(0)
    for n_seeds, rival in ((3, "base"), (5, "another training")):
        made = Hierarchy(seeds=2.0, interaction=0.3, n_seeds=n_seeds)
        tests, pooled = np.transpose([studies._null(made, rival, rng) for _ in range(N)])
        assert (tests < 0.05).sum() <= stats.binom.isf(1e-4, N, 0.05)
        assert (pooled < 0.05).sum() > 0.15 * N


def test_names_are_right_and_stay_under_other_thresholds_in_fresh_worlds():
    """Two worlds of each kind, with 16 samples and one seed; the large study has a hundred and three settings."""
    drawn = [row for row in studies.names_of_policies(2, seed=7) if row.case == "16 samples, 1 seed"]
    assert len(drawn) == 2 * len(studies.KINDS)
    assert [row for row in drawn if row.measured < 1] == []


def test_numbers_in_truth_lie_within_the_intervals_of_their_own_world():
    """An interval about problems like these is wide for the very problems drawn; a wrong truth would lie outside."""
    world = make_world(3)
    for make in (member(2, between_seeds=0), member(1, 2, between_seeds=0), member(0.5, between_seeds=0)):
        truth = true_numbers(make, [(world, 0)], 64, 1)
        samples, _ = draw_samples(world, {"policy": make}, n_samples=64, noise=0.001)
        (drawn,) = arms(samples)
        for name, (low, high) in studies._intervals(drawn, 0).items():
            if np.isfinite(truth.get(name, np.nan)):
                assert low <= truth[name] <= high, name


def test_the_table_of_studies_says_what_holds(monkeypatch):
    rows = [studies.Row("a", "b", "c", 0.95, 400, 0.93, 0.97), studies.Row("a", "b", "d", 0.85, 400, 0.93, 0.97)]
    for name in ("accuracy_intervals", "pass_at_k_bands", "levels_of_tests", "family_intervals", "mechanism_intervals"):
        monkeypatch.setattr(studies, name, lambda n, seed: [])
    monkeypatch.setattr(studies, "names_of_policies", lambda n, seed: rows)
    table = studies.validate_statistics()
    assert table["holds"].tolist() == [True, False]
    assert studies.as_markdown(table).splitlines()[2:] == [
        "Draws behind a number: 400.",
        "",
        "| | c | d |",
        "|---|---|---|",
        "| b | 0.950 | 0.850† |",
    ]
