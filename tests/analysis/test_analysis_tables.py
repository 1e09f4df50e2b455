"""Estimates, curves and accuracy by difficulty: values by hand, intervals by their properties."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from beyond_sharpening.analysis import accuracy_by_difficulty, estimates, pass_at_k_curves
from synthetic_samples import synthetic_samples

TRAINED = {"base": 0.5, "task_reward": 0.7}
TARGETS = ("problems like these", "these problems")


def shuffled(samples):
    return samples.sample(frac=1, random_state=0).reset_index(drop=True)


def graded(samples, correct):
    """The same table with other verdicts."""
    correct = np.broadcast_to(correct, len(samples))
    answers = np.where(correct, "5", "7")
    return samples.assign(correct=correct, outcome=np.where(correct, "correct", "wrong"), answer=answers)


def test_an_estimate_by_hand():
    """Two problems of four samples: 5 5 7 7 and 7 7 7 (unparsable)."""
    samples = synthetic_samples({"base": 0.5}, n_problems=2, n_samples=4)
    samples = graded(samples, [True, True, False, False, False, False, False, False])
    samples.loc[7, ["outcome", "answer"]] = ["unparsable", "8"]
    samples["n_tokens"] = [1, 2, 3, 4, 5, 6, 7, 8]
    samples["truncated"] = [False] * 7 + [True]
    row = estimates(samples, [1, 2, 4, 8]).iloc[0]
    assert row[["n_seeds", "n_problems", "n_samples", "ci_unit"]].tolist() == [1, 2, 4, "problem"]
    assert [row["pass@1"], row["maj@1"]] == pytest.approx([0.25, 0.25])
    assert row["pass@2"] == pytest.approx((1 - 1 / 6) / 2)  # one of the six pairs of the first problem has no 5
    assert row["maj@2"] == pytest.approx((1 / 6 + 4 / 6 / 2) / 2)  # the pair 5 5 wins, the four pairs 5 7 tie
    assert row[["pass@4", "maj@4"]].tolist() == pytest.approx([0.5, 0.25])
    assert row[["pass@8", "maj@8"]].isna().all()
    assert row["mean_tokens"] == 4.5
    low, high = stats.ttest_1samp([2.5, 6.5], 0).confidence_interval()
    assert row[["mean_tokens_low", "mean_tokens_high"]].tolist() == pytest.approx([low, high])
    assert row[["truncated_rate", "unparsable_rate", "timeout_rate"]].tolist() == [0.125, 0.125, 0]


def test_what_cannot_be_scored_does_not_vote():
    samples = synthetic_samples({"base": 0.5}, n_problems=1, n_samples=3)
    samples = graded(samples, [True, False, False])
    unscored = samples.assign(outcome=["correct", "timeout", "unparsable"])
    assert estimates(samples, [3])["maj@3"].item() == 0
    assert estimates(unscored, [3])["maj@3"].item() == 1
    assert estimates(unscored, [3])["timeout_rate"].item() == pytest.approx(1 / 3)


def test_one_row_an_arm_and_benchmark_of_replicate_zero():
    samples = synthetic_samples(TRAINED, benchmarks=["easy", "hard"], seeds=[0, 1], base_decoders={"greedy": 1})
    again = graded(samples[samples["policy"] == "base"], True).assign(replicate=1)
    table = estimates(pd.concat([samples, again]), [1, 8])
    pd.testing.assert_frame_equal(table, estimates(samples, [1, 8]))
    assert table.groupby(["policy", "decoder"]).size().to_dict() == {
        ("base", "greedy"): 2,
        ("base", "temperature"): 2,
        ("task_reward", "temperature"): 2,
    }
    assert table.loc[table["decoder"] == "greedy", "pass@8"].isna().all()
    assert table.set_index("policy")["ci_unit"].to_dict() == {"base": "problem", "task_reward": "seed"}


def test_neither_the_order_of_rows_nor_another_benchmark_changes_a_number():
    samples = synthetic_samples(TRAINED, benchmarks=["easy", "hard"], seeds=[0, 1])
    easy = samples[samples["benchmark"] == "easy"]
    for table in (
        lambda samples: estimates(samples, [1, 4]),
        lambda samples: pass_at_k_curves(samples, [1, 4]),
        accuracy_by_difficulty,
    ):
        both = table(samples)
        pd.testing.assert_frame_equal(table(shuffled(samples)), both)
        alone = both[both["benchmark"] == "easy"].reset_index(drop=True)
        pd.testing.assert_frame_equal(table(easy), alone)


@pytest.mark.parametrize("n_samples", [1, 8])
@pytest.mark.parametrize("n_problems", [2, 20, 500])
def test_a_saturated_benchmark_is_not_certain(n_problems, n_samples):
    samples = synthetic_samples({"base": 0.5}, n_problems=n_problems, n_samples=n_samples)
    solved, failed = (estimates(graded(samples, correct), [1]).iloc[0] for correct in (True, False))
    assert (solved["pass@1"], failed["pass@1"], failed["ci_low"]) == (1, 0, 0)
    assert solved["ci_high"] == pytest.approx(1)
    assert failed["ci_high"] == pytest.approx(1 - solved["ci_low"])
    # Wilson's lower end for n of n is n / (n + z²); t's quantile stands for z.
    quantile = stats.t.ppf(0.975, n_problems - 1)
    assert solved["ci_low"] == pytest.approx(n_problems / (n_problems + quantile**2))


def test_a_saturated_seed_mean_is_not_certain():
    samples = graded(synthetic_samples({"task_reward": 0.5}, seeds=[0, 1, 2]), True)
    alike, these = (estimates(samples, [1], target=target).iloc[0] for target in TARGETS)
    assert 0.8 < alike["ci_low"] < alike["ci_high"] == 1
    assert 0.5 < these["ci_low"] < these["ci_high"] == 1


def test_one_problem_says_nothing_about_others():
    row = estimates(synthetic_samples({"base": 0.5}, n_problems=1), [1]).iloc[0]
    assert (row["ci_low"], row["ci_high"]) == (0, 1)
    assert np.isnan(row["mean_tokens_low"])


def test_with_many_problems_it_is_the_t_interval_over_solve_rates():
    samples = synthetic_samples({"base": 0.6}, n_problems=1500, n_samples=4)
    row = estimates(samples, [1]).iloc[0]
    expected = stats.ttest_1samp(samples.groupby("problem_id")["correct"].mean(), 0).confidence_interval()
    assert [row["ci_low"], row["ci_high"]] == pytest.approx([expected.low, expected.high], abs=2e-4)


def test_copies_of_a_sample_add_no_certainty():
    """Four identical samples a problem: the problems are the unit, so the interval is that of one sample."""
    once = synthetic_samples({"base": 0.6}, n_problems=50, n_samples=1)
    copies = pd.concat([once.assign(sample_id=i) for i in range(4)])
    columns = ["ci_low", "ci_high"]
    assert estimates(copies, [1])[columns].to_numpy() == pytest.approx(estimates(once, [1])[columns].to_numpy())


def test_the_interval_covers_the_population_mean():
    """300 benchmarks of 15 problems; a 95 % interval misses more than q of them with chance 1e-4."""
    names = [f"b{i}" for i in range(300)]
    table = estimates(synthetic_samples({"base": 0.5}, benchmarks=names, n_problems=15, n_samples=4), [1])
    missed = ((table["ci_low"] > 0.5) | (table["ci_high"] < 0.5)).sum()
    assert missed <= stats.binom.isf(1e-4, 300, 0.05)


def test_the_target_does_not_change_with_the_number_of_seeds():
    """About problems like these, five seeds of a 30-problem benchmark are hardly surer than one: problems dominate."""
    one, five = (
        estimates(synthetic_samples({"task_reward": 0.5}, seeds=range(n), n_problems=30, spread=0.25), [1]).iloc[0]
        for n in (1, 5)
    )
    widths = [row["ci_high"] - row["ci_low"] for row in (one, five)]
    assert 0.7 < widths[1] / widths[0] <= 1.05
    assert {one["ci_target"], five["ci_target"]} == {"problems like these"}
    assert [one["ci_unit"], five["ci_unit"]] == ["problem", "seed"]


def test_about_these_problems_several_seeds_give_the_interval_over_seed_means():
    samples = synthetic_samples({"task_reward": 0.5}, seeds=range(5), seed_deviation=0.05, n_problems=50)
    row = estimates(samples, [1], target="these problems").iloc[0]
    means = samples.groupby("train_seed")["correct"].mean()
    expected = stats.ttest_1samp(means, 0).confidence_interval()
    # Wilson's interval at the effective size: the t interval up to a hundredth of its width
    assert [row["ci_low"], row["ci_high"]] == pytest.approx([expected.low, expected.high], abs=0.012)


def test_one_greedy_pass_over_all_there_is_leaves_nothing_open():
    samples = synthetic_samples({"base": 0.5}, base_decoders={"greedy": 1})
    row = estimates(samples, [1], target="these problems").set_index("decoder").loc["greedy"]
    assert row["ci_low"] == row["pass@1"] == row["ci_high"]


def test_seeds_are_averaged_over_the_problems_they_share():
    samples = synthetic_samples({"task_reward": 0.5}, seeds=[0, 1], n_problems=5)
    incomplete = samples[~((samples["train_seed"] == 1) & (samples["problem_id"] == "chain_easy-3"))]
    row = estimates(incomplete, [1]).iloc[0]
    assert row[["n_problems", "n_left_out"]].tolist() == [4, 1]
    assert row["pass@1"] == pytest.approx(samples[samples["problem_id"] != "chain_easy-3"]["correct"].mean())
    apart = samples.assign(problem_id=samples["problem_id"] + samples["train_seed"].astype(str))
    with pytest.raises(ValueError, match="its 2 training seeds have no problem in common"):
        estimates(apart, [1])


def test_curves_pass_through_the_estimates_and_stop_at_the_samples():
    samples = synthetic_samples(TRAINED, n_samples=8, seeds=[0, 1], base_decoders={"greedy": 1})
    curves = pass_at_k_curves(samples, [1, 2, 8, 16])
    table = estimates(samples, [1, 2, 8])
    assert curves.groupby(["policy", "decoder"])["k"].apply(list).to_dict() == {
        ("base", "greedy"): [1],
        ("base", "temperature"): [1, 2, 8],
        ("task_reward", "temperature"): [1, 2, 8],
    }
    for _, point in curves.iterrows():
        row = table[(table["policy"] == point["policy"]) & (table["decoder"] == point["decoder"])].iloc[0]
        assert [point["pass_at_k"], point["maj_at_k"]] == pytest.approx([row[f"pass@{point.k}"], row[f"maj@{point.k}"]])
    assert (curves["pass_low"] <= curves["pass_at_k"]).all()
    assert (curves["pass_at_k"] <= curves["pass_high"]).all()


@pytest.mark.parametrize("solved", [0, 1, 29, 30])
def test_bands_do_not_collapse_where_nearly_all_is_solved(solved):
    """At k = n pass@k is 0 or 1 of each problem: Wilson's interval of so many of 30 problems, with t's quantile."""
    samples = synthetic_samples({"base": 0.5}, n_problems=30, n_samples=4)
    problem = samples["problem_id"].str.removeprefix("chain_easy-").astype(int)
    curve = pass_at_k_curves(graded(samples, problem < solved), [4]).iloc[0]
    alpha = 2 * stats.norm.sf(stats.t.ppf(0.975, 29))
    size = 30 if solved in (0, 30) else 29  # the variance over problems has P − 1 in it
    low, high = proportion_confint(solved / 30 * size, size, alpha=alpha, method="wilson")
    assert [curve["pass_low"], curve["pass_high"]] == pytest.approx([low, high])
    assert curve["pass_high"] - curve["pass_low"] > 0.05


def test_accuracy_by_difficulty_splits_a_benchmarks_problems():
    samples = synthetic_samples(TRAINED, n_problems=20)
    table = accuracy_by_difficulty(samples)
    assert table.groupby("policy")["n_problems"].apply(list).to_dict() == {"base": [7, 7, 6], "task_reward": [7, 7, 6]}
    expected = samples[(samples["policy"] == "base") & (samples["difficulty"] == 4)]["correct"].mean()
    row = table[(table["policy"] == "base") & (table["difficulty"] == 4)].iloc[0]
    assert row["pass@1"] == pytest.approx(expected)
    assert row["ci_low"] < row["pass@1"] < row["ci_high"]


def test_problems_without_a_difficulty_make_no_row():
    assert accuracy_by_difficulty(synthetic_samples(TRAINED).assign(difficulty=None)).empty
