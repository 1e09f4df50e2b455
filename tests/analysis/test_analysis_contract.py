"""The samples contract: what passes, and that every fault is told at once with column, row and value."""

import numpy as np
import pandas as pd
import pytest

from beyond_sharpening.analysis import SAMPLE_COLUMNS, estimates, validate_samples
from synthetic_samples import synthetic_samples


@pytest.fixture
def samples():
    return synthetic_samples({"base": 0.5, "task_reward": 0.7}, n_problems=3, n_samples=2)


def test_the_columns_are_those_of_the_design_page():
    assert " ".join(SAMPLE_COLUMNS) == (
        "model policy variant checkpoint train_seed decoder decoder_parameters sample_seed replicate benchmark "
        "problem_id difficulty sample_id completion answer gold outcome correct n_tokens truncated logp_policy "
        "logp_base token_entropy forward_tokens"
    )


def faults(table: pd.DataFrame) -> list[str]:
    """What the contract says of a table, a line each; nothing where it holds."""
    try:
        validate_samples(table)
    except ValueError as error:
        return str(error).splitlines()[1:]
    return []


def test_a_good_table_passes_in_memory_and_from_parquet(samples, tmp_path):
    samples.to_parquet(tmp_path / "samples.parquet")
    again = pd.read_parquet(tmp_path / "samples.parquet")
    assert faults(samples) == faults(again) == []
    pd.testing.assert_frame_equal(estimates(again, [1, 2]), estimates(samples, [1, 2]))


def test_another_systems_table_passes(samples):
    """Extra columns, any row index and column order, no likelihoods or costs, difficulty in words."""
    unknown = dict.fromkeys(["logp_policy", "logp_base", "token_entropy", "forward_tokens"])
    other = samples.assign(difficulty="hard", engine="other", **unknown).set_index(np.arange(len(samples)) + 100)
    other = other[reversed(other.columns)]
    assert faults(other) == []
    ours, theirs = (estimates(table, [1, 2]) for table in (samples, other))
    assert theirs.pop("mean_forward_tokens").isna().all()
    pd.testing.assert_frame_equal(theirs, ours.drop(columns="mean_forward_tokens"))


def test_a_second_replicate_of_the_base_is_no_duplicate(samples):
    base = samples[samples["policy"] == "base"]
    assert faults(pd.concat([base, base.assign(replicate=1)])) == []
    (told,) = faults(pd.concat([base, base.assign(replicate=0)]))
    assert told.startswith("  - column 'sample_id', row 6: 0, row 7: 1, row 8: 0 and 3 more; a row is named once by")


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("outcome", "Correct"),
        ("checkpoint", "final"),
        ("replicate", 2),
        ("policy", ""),
        ("policy", None),
        ("problem_id", 7),
        ("train_seed", -1),
        ("train_seed", 0.5),
        ("train_seed", True),
        ("decoder_parameters", "alpha=2"),
        ("decoder_parameters", "[2]"),
        ("correct", "True"),
        ("correct", None),
        ("n_tokens", 0),
        ("n_tokens", None),
        ("logp_policy", 0.1),
        ("logp_base", "low"),
        ("token_entropy", -0.1),
        ("answer", 5),
    ],
)
def test_a_bad_value_is_named_with_its_column_and_row(samples, column, value):
    samples[column] = samples[column].astype(object)
    samples.loc[4, column] = value
    with pytest.raises(ValueError, match=f"column '{column}', row 4: ") as error:
        validate_samples(samples)
    assert repr(value) in str(error.value)
    assert "allowed: " in str(error.value)


def test_rounding_above_zero_is_no_fault_of_a_log_probability(samples):
    assert faults(samples.assign(logp_policy=1e-6)) == []
    assert [line.split(",")[0] for line in faults(samples.assign(logp_policy=1e-3))] == ["  - column 'logp_policy'"]


def test_all_faults_come_in_one_error(samples):
    bad = samples.drop(columns="gold").assign(outcome="right", n_tokens=0)
    with pytest.raises(ValueError) as error:
        validate_samples(bad)
    assert [line.split(",")[0] for line in str(error.value).splitlines()[1:]] == [
        "  - column 'gold' is missing (text)",
        "  - column 'outcome'",
        "  - column 'n_tokens'",
    ]
    assert "and 9 more" in str(error.value)


def test_columns_must_agree_with_each_other(samples):
    wrong = samples.index[~samples["correct"]][0]
    lying = samples.copy()
    lying.loc[wrong, "correct"] = True
    with pytest.raises(ValueError, match=f"column 'correct', row {wrong}: (np.)?True"):
        validate_samples(lying)

    disputed = samples.assign(answer="5")
    with pytest.raises(ValueError, match="graded both correct and wrong"):
        validate_samples(disputed)


def test_a_correct_completion_needs_no_canonical_answer(samples):
    """A program that passes its tests has none; it abstains from the vote, and counts as right."""
    without = samples.assign(answer=samples["answer"].mask(samples["correct"], None))
    assert faults(without) == []
    pd.testing.assert_series_equal(estimates(without, [1])["pass@1"], estimates(samples, [1])["pass@1"])
    assert estimates(without, [1])["maj@1"].eq(0).all(), "nobody votes for what has no answer"


def test_a_repeated_row_is_found(samples):
    with pytest.raises(ValueError, match=r"column 'sample_id', row 12: .*is named once by \(model, policy"):
        validate_samples(pd.concat([samples, samples.iloc[[3]]]))


def test_an_empty_table_is_a_fault(samples):
    with pytest.raises(ValueError, match="no rows"):
        validate_samples(samples.iloc[:0])
