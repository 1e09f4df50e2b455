"""Samples tables of any system become one: what is needed, what is forgiven, and what is told with counts and rows."""

import numpy as np
import pandas as pd
import pytest

from beyond_sharpening.analysis import compare_arms, estimates, mechanism
from beyond_sharpening.analysis.rows import InMemory
from beyond_sharpening.errors import BadInput
from beyond_sharpening.pipelines.compare.nodes import estimate, read_samples
from beyond_sharpening.pipelines.report.nodes import read_completions
from beyond_sharpening.wiring.datasets import InParts
from synthetic_samples import synthetic_samples

PROBLEMS = {"benchmarks": {}}


def read(model="tiny", **tables):
    return read_samples({name: lambda table=table: InMemory(table) for name, table in tables.items()}, PROBLEMS, model)


@pytest.fixture
def ours():
    return synthetic_samples({"base": 0.4, "task_reward": 0.7}, n_problems=12, n_samples=4)


@pytest.fixture
def theirs(ours):
    """Another system's verdicts on the same problems, of which the last is missing: numbers, and three columns."""
    drawn = ours[ours["policy"].eq("task_reward") & ours["problem_id"].ne("chain_easy-11")]
    verdicts = drawn.assign(policy="grpo", correct=drawn["correct"].astype(int))
    return verdicts[["policy", "benchmark", "problem_id", "correct"]]


def test_a_table_with_three_columns_joins_the_comparison_and_what_it_lacks_is_absent_not_zero(ours, theirs):
    samples = read(ours=ours, theirs=theirs)
    assert set(samples.counts["model"]) == {"tiny"}, "it is said to be of the model that is asked about"
    table = estimates(samples, [1, 4]).set_index("policy")
    absent = ["mean_tokens", "truncated_rate", "unparsable_rate", "timeout_rate", "maj@4", "mean_forward_tokens"]
    assert table.loc["grpo", absent].isna().all()
    assert table.loc["task_reward", absent].notna().all()
    assert table.loc["grpo", "pass@1"] == pytest.approx(theirs["correct"].mean())
    contrast = compare_arms(samples, family=[("grpo", "base")]).iloc[0]
    assert contrast[["n_problems", "n_left_out", "left_out"]].tolist() == [11, 1, "chain_easy-11"]
    did = mechanism(samples).set_index("policy")
    assert did.loc["grpo", "name"] == "undetermined"
    assert "no logp_base: α, β, shift, ceiling" in did.loc["grpo", "absent"]
    assert estimate(samples, {"ks": [1, 4]}, 0)["estimates"].shape == table.reset_index().shape


def test_integer_ids_and_verdicts_are_taken(ours):
    numbered = ours.assign(
        problem_id=ours["problem_id"].str.removeprefix("chain_easy-").astype(int), correct=ours["correct"].astype(int)
    )
    samples = read(numbered=numbered)
    assert sorted(samples.counts["problem_id"].unique())[:3] == ["0", "1", "10"]
    assert samples.read(["correct"], samples.counts)["correct"].tolist() == ours["correct"].tolist()


def test_texts_become_categories_and_no_number_changes(ours):
    samples = read(a=ours[ours["policy"] == "base"], b=ours[ours["policy"] != "base"])
    assert isinstance(samples.counts["policy"].dtype, pd.CategoricalDtype)
    pd.testing.assert_frame_equal(estimates(samples, [1, 2, 4]).astype({"benchmark": str}), estimates(ours, [1, 2, 4]))
    pd.testing.assert_frame_equal(compare_arms(samples), compare_arms(ours))
    pd.testing.assert_frame_equal(mechanism(samples), mechanism(ours))


@pytest.mark.parametrize(
    ("column", "value", "told"),
    [
        ("correct", np.nan, "samples table bad: .*column 'correct' has no value, in 2 of 96 rows; row 3: nan, row 5"),
        ("logp_base", 0.7, "column 'logp_base' is no log-probability: above 0, or infinite, in 2 of 96 rows; row 3: 0"),
        ("n_tokens", 0, "column 'n_tokens', row 3: 0, row 5: 0; allowed: an integer, at least 1"),
        ("sample_id", 1, "column 'sample_id' is there twice; .* in [12] of 96 rows; row "),
        ("model", "other", r"the base is of tiny, but there are policies of other \(48 rows\)"),
    ],
)
def test_what_cannot_be_used_is_counted_and_shown(ours, column, value, told):
    bad = ours.astype({"correct": object})
    rows = ours["policy"] == "task_reward" if column == "model" else bad.index.isin([3, 5])
    bad.loc[rows, column] = value
    with pytest.raises(BadInput, match=f"(?s){told}"):
        read(bad=bad)


def test_a_base_of_another_model_in_a_table_of_its_own_is_told(ours):
    trained = ours[ours["policy"] != "base"].assign(model="large")
    with pytest.raises(BadInput, match=r"do not belong together: the base is of tiny, but there are policies of large"):
        read(base=ours[ours["policy"] == "base"], trained=trained)


def test_completions_are_read_for_what_the_report_shows_alone(ours, tmp_path):
    files = {"a": ours[ours["policy"] == "base"], "b": ours[ours["policy"] != "base"].drop(columns="completion")}
    tables = {}
    for name, table in files.items():
        path = str(tmp_path / f"{name}.parquet")
        table.to_parquet(path, row_group_size=10)
        tables[name] = InParts(filepath=path).load
    samples = read_samples(tables, PROBLEMS, "tiny")
    shown = read_completions(samples, mechanism(samples))
    base = shown["policy"] == "base"
    assert shown.loc[~base, "completion"].isna().all(), "a table that keeps none has none"
    read_texts = shown[base].dropna(subset="completion")
    keys = ["problem_id", "sample_id"]
    firsts = ours.loc[(ours["policy"] == "base") & (ours["sample_id"] == 0), keys]
    assert len(firsts.merge(read_texts, on=keys)) == len(firsts), "the first of each problem can be looked through"
    assert len(read_texts) < len(files["a"]), "and not all are read"
    kept = read_texts[[*keys, "completion"]].merge(files["a"], on=keys, validate="one_to_one")
    assert (kept["completion_x"] == kept["completion_y"]).all(), "each is its row's own"


@pytest.mark.parametrize("kind", [object, "category", "str"])
def test_a_policy_whose_completions_state_no_answer_is_compared(ours, kind):
    """However its column of answers, none of which is there, was read from disk."""
    silent = ours[ours["policy"].eq("task_reward")].assign(correct=False, outcome="unparsable", policy="silent")
    silent["answer"] = pd.Series(None, silent.index, object).astype(kind)
    samples = read(ours=ours.assign(answer=ours["answer"].astype("category")), silent=silent)
    for policy, count in {"silent": 0, "base": ours["answer"][ours["policy"].eq("base")].count()}.items():
        counted = samples.counts[samples.counts["policy"] == policy]
        assert samples.read(["answer"], counted)["answer"].notna().sum() == count
