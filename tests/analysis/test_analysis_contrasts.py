"""Contrasts between arms: the unit, the test and the claim that the seeds allow."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from beyond_sharpening.analysis import PRIMARY_FAMILY, compare_arms
from synthetic_samples import VARIANTS, greedy_samples, synthetic_samples

ALL = {"base": 0.5, "task_reward": 0.7, "sharpening": 0.55, "tempered": 0.5, "tilted": 0.65}


def contrast(comparisons, a, b="base"):
    return comparisons[(comparisons["a"] == a) & (comparisons["b"] == b)].iloc[0]


def solve_rates(samples, policy):
    return samples[samples["policy"] == policy].groupby("problem_id")["correct"].mean()


def test_the_primary_family_is_the_six_contrasts_fixed_in_advance():
    comparisons = compare_arms(synthetic_samples(ALL, benchmarks=["easy", "hard"]))
    for _, rows in comparisons.groupby("benchmark"):
        assert list(zip(rows["a"], rows["b"], strict=True)) == list(PRIMARY_FAMILY)
        assert rows["p_adjusted"].to_numpy() == pytest.approx(multipletests(rows["p_value"], method="holm")[1])
    assert set(comparisons["family"]) == {"primary"}
    assert len(PRIMARY_FAMILY) == 6


def test_absent_policies_leave_their_contrasts_out_of_the_adjustment():
    comparisons = compare_arms(synthetic_samples({"base": 0.5, "task_reward": 0.6, "tempered": 0.5}))
    assert list(zip(comparisons["a"], comparisons["b"], strict=True)) == [
        ("task_reward", "base"),
        ("tempered", "base"),
        ("task_reward", "tempered"),
    ]
    assert comparisons["p_adjusted"].min() == pytest.approx(3 * comparisons["p_value"].min())


def test_with_the_base_alone_there_is_nothing_to_compare():
    assert compare_arms(synthetic_samples({"base": 0.5})).empty


def test_one_seed_is_paired_by_problem_and_claims_the_checkpoint():
    samples = synthetic_samples({"base": 0.5, "task_reward": 0.6}, n_problems=60)
    row = contrast(compare_arms(samples), "task_reward")
    paired = stats.ttest_rel(solve_rates(samples, "task_reward"), solve_rates(samples, "base"))
    interval = paired.confidence_interval()
    assert [row["ci_low"], row["ci_high"]] == pytest.approx([interval.low, interval.high])
    assert row["p_value"] == pytest.approx(paired.pvalue, abs=0.01)
    assert row[["unit", "claim", "n_problems"]].tolist() == ["problem", "this checkpoint", 60]
    assert row[["n_seeds_a", "n_seeds_b"]].tolist() == [1, 1]


def test_the_permutation_test_is_exact_where_it_can_be():
    """Five problems all gained: two of the 32 sign patterns are as extreme."""
    samples = synthetic_samples({"base": 0, "task_reward": 1}, n_problems=5, spread=0)
    row = contrast(compare_arms(samples), "task_reward")
    assert row["difference"] == 1
    assert row["p_value"] == pytest.approx(2 / 32)
    assert row["ci_low"] < row["ci_high"] == 1


def test_no_difference_has_p_one_and_a_width():
    samples = synthetic_samples({"base": 1, "task_reward": 1}, n_problems=30, spread=0)
    row = contrast(compare_arms(samples), "task_reward")
    assert row[["difference", "p_value", "p_adjusted"]].tolist() == [0, 1, 1]
    assert row["ci_low"] < 0 < row["ci_high"]


def test_one_problem_decides_nothing():
    samples = synthetic_samples({"base": 0, "task_reward": 1}, n_problems=1, spread=0)
    row = contrast(compare_arms(samples), "task_reward")
    assert row[["ci_low", "ci_high", "p_value"]].tolist() == [-1, 1, 1]


def test_two_trained_policies_with_seeds_are_compared_by_welch_on_seed_means():
    samples = synthetic_samples(
        {"task_reward": 0.6, "sharpening": 0.5}, seeds=range(5), seed_deviation=0.1, n_problems=50
    )
    row = contrast(compare_arms(samples), "task_reward", "sharpening")
    means = samples.groupby(["policy", "train_seed"])["correct"].mean()
    welch = stats.ttest_ind(means["task_reward"], means["sharpening"], equal_var=False)
    interval = welch.confidence_interval()
    assert [row["p_value"], row["ci_low"], row["ci_high"]] == pytest.approx([welch.pvalue, interval.low, interval.high])
    assert row[["unit", "claim"]].tolist() == ["seed", "the training procedure"]


def test_against_the_base_its_own_sampling_noise_counts():
    """More samples of the base narrow the interval towards the one-sample t interval, never below it."""
    widths = []
    for n_samples in (2, 8, 200):
        samples = synthetic_samples({"base": 0.5}, n_samples=n_samples, n_problems=30)
        trained = synthetic_samples({"task_reward": 0.6}, seeds=range(5), n_problems=30, seed_deviation=0.02)
        row = contrast(compare_arms(pd.concat([samples, trained])), "task_reward")
        widths.append(row["ci_high"] - row["ci_low"])
    means = trained.groupby("train_seed")["correct"].mean()
    interval = stats.ttest_1samp(means, 0).confidence_interval()
    assert widths[0] > widths[1] > widths[2]
    assert row[["unit", "claim", "n_seeds_a", "n_seeds_b"]].tolist() == ["seed", "the training procedure", 5, 1]
    assert widths[2] == pytest.approx(interval.high - interval.low, rel=0.1)


def greedily(solved):
    return contrast(compare_arms(greedy_samples(solved)), "task_reward/greedy", "base/greedy")


@pytest.mark.parametrize(
    ("trained", "base"),
    [([11] * 5, [10]), ([10] * 2, [11]), ([30] * 6, [10]), ([11] * 5, [10] * 5), ([9] * 2, [8] * 3)],
)
def test_seeds_that_do_not_differ_are_permuted_and_have_no_interval(trained, base):
    """A standard error of 0 is no certainty. One base: the sign of each seed's difference is exchangeable."""
    row = greedily({"task_reward": trained, "base": base})
    sides = (trained, base) if len(base) > 1 else ([count - base[0] for count in trained],)
    kind = "independent" if len(base) > 1 else "samples"
    exact = stats.permutation_test(
        sides,
        lambda *sides, axis: sides[0].mean(axis) - (sides[1].mean(axis) if sides[1:] else 0),
        permutation_type=kind,
    )
    assert row["difference"] == pytest.approx((trained[0] - base[0]) / 30)
    assert row["p_value"] == pytest.approx(exact.pvalue)
    assert row[["ci_low", "ci_high"]].isna().all()
    assert row[["unit", "test"]].tolist() == ["seed", "exact permutation of seed means"]
    assert row["claim"] == "the training procedure"


@pytest.mark.parametrize("base", [[11], [11] * 5])
def test_seeds_that_do_not_differ_from_the_other_side_either_show_nothing(base):
    row = greedily({"task_reward": [11] * 5, "base": base})
    assert row[["difference", "p_value"]].tolist() == [0, 1]
    assert np.isnan(row["ci_low"])


def test_one_seed_that_differs_brings_the_t_statistic_back():
    row = greedily({"task_reward": [11, 11, 11, 11, 12], "base": [10]})
    expected = stats.ttest_1samp(np.array([11, 11, 11, 11, 12]) / 30, 10 / 30)
    assert row["test"] == "Welch t on seed means"
    assert row["p_value"] == pytest.approx(expected.pvalue)
    assert [row["ci_low"], row["ci_high"]] == pytest.approx(list(expected.confidence_interval() - np.full(2, 1 / 3)))


def test_greedy_checkpoints_that_solve_the_same_problems_have_no_interval():
    row = greedily({"task_reward": [10], "base": [10]})
    assert row[["difference", "p_value", "unit"]].tolist() == [0, 1, "problem"]
    assert np.isnan(row["ci_high"])


def test_one_seed_on_either_trained_side_claims_the_checkpoint_only():
    both = synthetic_samples({"base": 0.5, "task_reward": 0.6, "sharpening": 0.5}, seeds=[0, 1])
    samples = both[~((both["policy"] == "sharpening") & (both["train_seed"] == 1))]
    comparisons = compare_arms(samples)
    assert contrast(comparisons, "task_reward", "sharpening")["claim"] == "this checkpoint"
    assert contrast(comparisons, "sharpening")["claim"] == "this checkpoint"
    assert contrast(comparisons, "task_reward")["claim"] == "the training procedure"


@pytest.mark.parametrize("deviation", [0.0, 0.05])
def test_the_seed_level_test_keeps_its_level(deviation):
    """60 benchmarks where training moves accuracy by seed noise alone; their rejections are binomial.

    A level of 0.05 is exceeded by more than the bound with chance 1e-4. A one-sample t against the
    base's mean rejects about a third of the first kind, pairing by problem most of the second.
    """
    names = [f"b{i}" for i in range(60)]
    samples = synthetic_samples(
        {"base": 0.5, "task_reward": 0.5},
        benchmarks=names,
        n_problems=10,
        n_samples=4,
        seeds=range(5),
        seed_deviation=deviation,
    )
    rejected = (compare_arms(samples)["p_value"] < 0.05).sum()
    assert rejected <= stats.binom.isf(1e-4, 60, 0.05)


def test_the_problem_level_test_keeps_its_level():
    names = [f"b{i}" for i in range(60)]
    samples = synthetic_samples({"base": 0.5, "task_reward": 0.5}, benchmarks=names, n_problems=10, n_samples=4)
    assert (compare_arms(samples)["p_value"] < 0.05).sum() <= stats.binom.isf(1e-4, 60, 0.05)


def test_decoding_contrasts_are_secondary_and_not_adjusted():
    samples = synthetic_samples(
        {"base": 0.5, "task_reward": 0.7}, base_decoders={"greedy": 1, "low_temperature": 8, "top_p": 8}
    )
    comparisons = compare_arms(samples)
    secondary = comparisons[comparisons["family"] == "secondary"]
    assert list(zip(secondary["a"], secondary["b"], strict=True)) == [
        ("base/greedy", "base"),
        ("base/low_temperature", "base"),
        ("base/top_p", "base"),
        ("task_reward", "base/greedy"),
        ("task_reward", "base/low_temperature"),
        ("task_reward", "base/top_p"),
    ]
    trained = synthetic_samples({"base": 0.5, "task_reward": 0.7}, base_decoders={"greedy": 1})
    greedy = trained[trained["decoder"] == "greedy"].assign(policy="task_reward", variant=VARIANTS["task_reward"])
    both = compare_arms(pd.concat([trained, greedy]))
    assert ("task_reward/greedy", "base/greedy") in set(zip(both["a"], both["b"], strict=True))
    assert secondary["p_adjusted"].isna().all()
    assert set(secondary["claim"]) == {"this checkpoint"}
    primary = contrast(comparisons, "task_reward")
    assert primary["p_adjusted"] == primary["p_value"]


def test_neither_the_order_of_rows_nor_another_benchmark_changes_a_number():
    samples = synthetic_samples(ALL, benchmarks=["easy", "hard"], base_decoders={"greedy": 1})
    both = compare_arms(samples)
    pd.testing.assert_frame_equal(compare_arms(samples.sample(frac=1, random_state=0)), both)
    alone = compare_arms(samples[samples["benchmark"] == "hard"])
    pd.testing.assert_frame_equal(alone, both[both["benchmark"] == "hard"].reset_index(drop=True))


def test_only_last_checkpoints_and_the_first_replicate_count():
    samples = synthetic_samples(ALL)
    trained = samples[samples["policy"] != "base"].assign(checkpoint="best", correct=True, outcome="correct")
    base = samples[samples["policy"] == "base"].assign(replicate=1, correct=False, outcome="wrong")
    pd.testing.assert_frame_equal(compare_arms(pd.concat([samples, trained, base])), compare_arms(samples))


def test_a_policys_variant_must_be_chosen_where_there_are_several():
    samples = synthetic_samples({"base": 0.5, "tempered": 0.5})
    sharper = synthetic_samples({"tempered": 0.9}, seed=1).assign(variant="alpha4")
    both = pd.concat([samples, sharper])
    with pytest.raises(ValueError, match=r"variants\['tempered'\] is None, .* tempered in 'alpha2', 'alpha4'"):
        compare_arms(both)
    with pytest.raises(ValueError, match="'alpha8'"):
        compare_arms(both, variants={"tempered": "alpha8"})
    pd.testing.assert_frame_equal(compare_arms(both, variants={"tempered": "alpha2"}), compare_arms(samples))
    uncompared = pd.concat([samples, sharper.assign(policy="other"), samples.assign(policy="other")])
    pd.testing.assert_frame_equal(compare_arms(uncompared), compare_arms(samples))
    row = contrast(compare_arms(both, variants={"tempered": "alpha4"}), "tempered")
    assert row["variant_a"] == "alpha4"
    assert row["difference"] > 0.2


def test_sides_with_different_problems_are_refused():
    samples = synthetic_samples({"base": 0.5, "task_reward": 0.7}, n_problems=5)
    missing = (samples["policy"] == "base") & samples["problem_id"].isin(["chain_easy-1", "chain_easy-4"])
    with pytest.raises(
        ValueError, match=r"task_reward on chain_easy has 5 problems, base has 3; 2 .*chain_easy-1, chain_easy-4"
    ):
        compare_arms(samples[~missing])


def test_models_are_compared_each_with_its_own_base():
    tiny = synthetic_samples({"base": 0.5, "task_reward": 0.7})
    other = synthetic_samples({"base": 0.2, "task_reward": 0.9}, seed=1).assign(model="other")
    comparisons = compare_arms(pd.concat([tiny, other]))
    assert comparisons["model"].tolist() == ["other", "tiny"]
    assert comparisons.loc[0, "difference"] > comparisons.loc[1, "difference"]


def test_the_permutation_is_seeded():
    samples = synthetic_samples({"base": 0.5, "task_reward": 0.55}, n_problems=40)
    p_values = [compare_arms(samples, seed=seed)["p_value"].item() for seed in (0, 0, 1)]
    assert p_values[0] == p_values[1] != p_values[2]
    assert np.ptp(p_values) < 0.05
