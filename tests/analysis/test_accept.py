"""Samples of another system: what is needed, what is forgiven, and what is told with counts and first rows."""

import numpy as np
import pandas as pd
import pytest

from beyond_sharpening.analysis import accept_samples, compare_arms, estimates, mechanism


@pytest.fixture
def least():
    rng = np.random.default_rng(0)
    rows = [
        {"policy": policy, "problem_id": problem, "correct": int(rng.random() < rate)}
        for policy, rate in (("base", 0.3), ("ours", 0.7))
        for problem in range(12)
        for _ in range(4)
    ]
    return pd.DataFrame(rows)


def test_three_columns_are_enough_for_every_table(least):
    samples = accept_samples(least)
    assert samples["correct"].dtype == bool
    assert samples["problem_id"].tolist()[:5] == ["0", "0", "0", "0", "1"]
    assert samples["sample_id"].tolist()[:5] == [0, 1, 2, 3, 0]
    table = estimates(samples, [1, 4])
    assert table["n_samples"].tolist() == [4, 4]
    assert table[["mean_tokens", "maj@4", "mean_forward_tokens"]].isna().all().all(), "absent, not 0"
    assert compare_arms(samples)["difference"].item() > 0.2
    row = mechanism(samples).iloc[0]
    assert np.isnan(row["alpha"])
    assert "no logp_base" in row["absent"]


@pytest.mark.parametrize("correct", [[1, 0] * 48, [1.0, 0.0] * 48, [True, False] * 48, np.array([True, False] * 48)])
def test_verdicts_may_be_numbers_or_booleans(least, correct):
    assert accept_samples(least.assign(correct=correct))["correct"].tolist() == [True, False] * 48


@pytest.mark.parametrize(
    ("column", "value", "told"),
    [
        ("correct", np.nan, "column 'correct' has no value, in 2 of 96 rows; row 3: nan, row 5: nan"),
        ("correct", 0.5, "column 'correct' is neither true nor false, in 2 of 96 rows; row 3: 0.5"),
        ("problem_id", None, "column 'problem_id' has no value, in 2 of 96 rows; row 3: "),
        (
            "logp_base",
            0.7,
            "column 'logp_base' is no log-probability: above 0, or infinite, in 2 of 96 rows; row 3: 0.7",
        ),
        ("logp_policy", -np.inf, "column 'logp_policy' is no log-probability: above 0, or infinite, in 2 of 96 rows"),
    ],
)
def test_what_cannot_be_used_is_counted_and_shown(least, column, value, told):
    bad = least.assign(logp_base=-1.0, logp_policy=-1.0).astype({"correct": object, "problem_id": object})
    bad.loc[[3, 5], column] = value
    with pytest.raises(ValueError) as error:
        accept_samples(bad)
    assert told in str(error.value)


def test_rows_that_are_there_twice_are_counted(least):
    numbered = least.assign(sample_id=least.groupby(["policy", "problem_id"]).cumcount())
    with pytest.raises(ValueError, match=r"'sample_id' is there twice.*, in 3 of 99 rows; row 96: 0"):
        accept_samples(pd.concat([numbered, numbered.head(3)]))


def test_a_base_of_another_model_is_no_base(least):
    models = np.where(least["policy"] == "base", "small", "large")
    with pytest.raises(ValueError, match=r"the base is of small, but there are policies of large \(48 rows\)"):
        accept_samples(least.assign(model=models))


def test_what_is_missing_is_named_with_the_remedy(least):
    with pytest.raises(ValueError, match=r"lacks 'correct'; .*grading.grade; it has policy, problem_id"):
        accept_samples(least.drop(columns="correct"))
