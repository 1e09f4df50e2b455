"""The base's samples predict what sharpening does, with an interval; the prediction is held against what happened."""

import numpy as np
import pandas as pd
import pytest

from beyond_sharpening.analysis import compare_arms, predicted_effect, prediction_lines, prediction_outcomes
from synthetic_samples import synthetic_samples


def base_samples(correct, logp, n_problems=1):
    """``n_problems`` problems with the same completions each."""
    samples = synthetic_samples({"base": 0.5}, n_problems=n_problems, n_samples=len(correct))
    samples["correct"] = np.tile(correct, n_problems)
    samples["logp_base"] = np.tile(np.array(logp, float), n_problems)
    return samples


def drawn_from(probabilities, correct, n_problems, n_samples, seed=0):
    """Samples of problems that all have the same completions, of the given probabilities."""
    drawn = np.random.default_rng(seed).choice(len(probabilities), (n_problems, n_samples), p=probabilities).ravel()
    samples = synthetic_samples({"base": 0.5}, n_problems=n_problems, n_samples=n_samples)
    return samples.assign(correct=np.array(correct)[drawn], logp_base=np.log(probabilities)[drawn])


def test_a_problems_slope_is_the_covariance_with_divisor_n_minus_one():
    samples = base_samples([True, False, True, False, False], [-1.0, -2.0, -0.5, -4.0, -3.0])
    expected = np.cov([1, 0, 1, 0, 0], [-1.0, -2.0, -0.5, -4.0, -3.0])[0, 1]
    (row,) = predicted_effect(samples).to_dict("records")
    assert row["slope"] == pytest.approx(expected)
    assert row["effect"] == "unclear", "one problem has no interval"


def test_the_slope_is_unbiased_for_the_derivative_of_accuracy():
    """The mean over many small groups against a central difference of A(α) on p^α; error bound: five deviations."""
    p, correct = np.array([0.4, 0.3, 0.2, 0.1]), np.array([True, False, True, False])

    def accuracy(alpha):
        return (p**alpha)[correct].sum() / (p**alpha).sum()

    derivative = (accuracy(1 + 1e-5) - accuracy(1 - 1e-5)) / 2e-5
    (row,) = predicted_effect(drawn_from(p, correct, n_problems=20_000, n_samples=2)).to_dict("records")
    deviation = (row["ci_high"] - row["ci_low"]) / 2 / 1.96
    assert abs(row["slope"] - derivative) < 5 * deviation
    assert deviation < 0.01


@pytest.mark.parametrize(("correct", "effect"), [([True, False], "raise"), ([False, True], "lower")])
def test_sharpening_helps_where_right_answers_are_the_likelier_ones(correct, effect):
    samples = drawn_from(np.array([0.7, 0.3]), correct, n_problems=50, n_samples=16)
    prediction = predicted_effect(samples)
    assert prediction["effect"].tolist() == [effect]
    assert f"predicted to {effect} accuracy on chain_easy" in prediction_lines(prediction)[0]


def test_where_likelihood_says_nothing_an_effect_is_predicted_as_rarely_as_the_interval_promises():
    """5 of 100 are expected; 17 or more have a chance of one in a hundred thousand at a true rate of 0.05."""
    tables = [synthetic_samples({"base": 0.5}, n_problems=100, seed=seed) for seed in range(100)]
    effects = [predicted_effect(table)["effect"].item() for table in tables]
    assert sum(effect != "unclear" for effect in effects) < 17
    assert "unclear" in effects


def test_only_the_base_at_temperature_one_counts_and_unknown_likelihoods_are_left_out():
    samples = base_samples([True, False, True], [-1.0, -2.0, np.nan], n_problems=4)
    others = synthetic_samples({"base": 0.9, "tempered": 0.9}, base_decoders={"low_temperature": 4}, seed=1)
    others = others[(others["policy"] != "base") | (others["decoder"] != "temperature")]
    together = pd.concat([samples, others], ignore_index=True)
    pd.testing.assert_frame_equal(predicted_effect(together), predicted_effect(samples))
    assert predicted_effect(samples)["slope"].tolist() == pytest.approx([0.5])


def test_where_nothing_was_solved_the_slope_has_no_interval():
    prediction = predicted_effect(synthetic_samples({"base": 0.0}, spread=0))
    assert prediction[["slope", "effect"]].values.tolist() == [[0, "unclear"]]
    assert prediction_lines(prediction)[0].endswith("dA/dα = +0.000 [–] at α = 1")


def test_without_likelihoods_nothing_is_predicted():
    samples = synthetic_samples({"base": 0.5}).assign(logp_base=None)
    prediction = predicted_effect(samples)
    assert prediction.empty
    assert prediction_lines(prediction) == []
    assert prediction_outcomes(prediction, compare_arms(samples)).empty


@pytest.mark.parametrize(
    ("tempered", "likelihood", "agreement"),
    [
        (0.9, {True: -1.0, False: -3.0}, "same sign"),
        (0.2, {True: -1.0, False: -3.0}, "opposite sign"),
        (0.9, {True: -3.0, False: -1.0}, "opposite sign"),
        (0.9, {True: -2.0, False: -2.0}, "undecided"),
    ],
)
def test_agreement_is_that_of_two_clear_signs(tempered, likelihood, agreement):
    samples = synthetic_samples({"base": 0.5, "tempered": tempered}, base_decoders={"low_temperature": 8})
    samples["logp_base"] = samples["correct"].map(likelihood)
    outcomes = prediction_outcomes(predicted_effect(samples), compare_arms(samples)).set_index("arm")
    assert set(outcomes.index) == {"tempered", "base/low_temperature"}
    assert outcomes.loc["tempered", ["variant", "agreement"]].tolist() == ["alpha2", agreement]
