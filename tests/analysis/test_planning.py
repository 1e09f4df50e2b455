"""Variance components against those that made the data, what designs would detect, and the second opinion."""

import numpy as np
import pytest

from beyond_sharpening.analysis import mixed_logistic, what_more_would_buy
from beyond_sharpening.analysis.planning import variance_components
from beyond_sharpening.analysis.solve_rates import SolveRates
from synthetic_samples import synthetic_samples


def layout(rng, seeds, seed_deviation, effects, interaction, n_samples=16, n_problems=100):
    """Rates of 0.5 + seed + the problem's effect + interaction, drawn n times."""
    chance = 0.5 + effects + seed_deviation * rng.standard_normal((seeds, 1))
    chance = chance + interaction * rng.standard_normal((seeds, n_problems))
    drawn = rng.binomial(n_samples, np.clip(chance, 0, 1))
    samples = np.full(drawn.shape, n_samples)
    return SolveRates(drawn / n_samples, samples, np.arange(n_problems), deterministic=False)


def test_components_are_those_that_made_the_data():
    """300 draws: the mean of the moment estimates, within a tenth (seeds: four deviations)."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(300):
        a = layout(rng, 5, 0.03, 0.1 * rng.standard_normal(100), 0.05)
        b = layout(rng, 5, 0.03, 0, 0.05)
        found.append(variance_components(a, b))
    seed, problem, interaction, draw = np.mean(found, axis=0)
    assert problem == pytest.approx(0.01, rel=0.1)
    assert interaction == pytest.approx(2 * 0.05**2, rel=0.1)
    assert draw == pytest.approx(2 * 0.25 - 0.01 - 2 * 0.05**2 - 2 * 0.03**2, rel=0.02)
    assert seed == pytest.approx(0.03**2, rel=4 * np.sqrt(2 / 4 / 2 / 300))


def test_seeds_buy_what_samples_do_not():
    samples = synthetic_samples(
        {"base": 0.5, "task_reward": 0.6, "sharpening": 0.5}, seeds=range(5), n_problems=60, seed_deviation=0.03
    )
    table = what_more_would_buy(samples, "task_reward", "sharpening", problems=(500,))
    detectable = table.set_index(["n_seeds", "n_samples"])["detectable"]
    assert detectable[10, 16] < 0.7 * detectable[5, 16] < 0.5 * detectable[3, 16]
    assert detectable[5, 64] > 0.9 * detectable[5, 16]
    one = synthetic_samples({"base": 0.5, "task_reward": 0.6})
    assert what_more_would_buy(one, "task_reward", "base")["detectable"].isna().all(), "one seed knows nothing of seeds"
    assert what_more_would_buy(one, "task_reward", "base", seed_deviation=0.01)["detectable"].notna().all()


def test_the_mixed_logistic_model_agrees_and_says_where_it_cannot():
    samples = synthetic_samples({"base": 0.4, "task_reward": 0.7}, n_problems=40, n_samples=8, spread=0)
    row = mixed_logistic(samples, "task_reward", "base").iloc[0]
    truth = np.log(0.7 / 0.3) - np.log(0.4 / 0.6)
    assert row["log_odds"] == pytest.approx(truth, abs=0.5)
    assert row["note"] == ""
    solved = mixed_logistic(samples.assign(correct=True), "task_reward", "base").iloc[0]
    assert np.isnan(solved["log_odds"])
    assert solved["note"] == "nothing varies"
