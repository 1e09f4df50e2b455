"""Contrasts between arms: the unit, the test and the claim that the seeds allow."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import ttost_paired

from beyond_sharpening.analysis import PRIMARY_FAMILY, compare_arms, compare_at_k, seeds_needed
from synthetic_samples import VARIANTS, greedy_samples, synthetic_samples

THESE = "these problems"
ALL = {"base": 0.5, "task_reward": 0.7, "sharpening": 0.55, "tempered": 0.5, "tilted": 0.65}


def contrast(comparisons, a, b="base"):
    return comparisons[(comparisons["a"] == a) & (comparisons["b"] == b)].iloc[0]


def solve_rates(samples, policy):
    return samples[samples["policy"] == policy].groupby("problem_id")["correct"].mean()


def test_the_primary_family_is_the_six_contrasts_fixed_in_advance():
    comparisons = compare_arms(synthetic_samples(ALL, benchmarks=["easy", "hard"]))
    for _, rows in comparisons.groupby("benchmark"):
        assert list(zip(rows["a"], rows["b"], strict=True)) == [pair for pair in PRIMARY_FAMILY if {*pair} <= {*ALL}]
        assert len(rows) == 6
        assert rows["p_adjusted"].to_numpy() == pytest.approx(multipletests(rows["p_value"], method="holm")[1])
    assert set(comparisons["family"]) == {"primary"}


def test_intervals_for_all_primary_contrasts_at_once_are_those_of_bonferroni():
    table = compare_arms(synthetic_samples(dict.fromkeys(("base", "task_reward", "sharpening"), 0.5)))
    primary = table[table["family"] == "primary"]
    assert len(primary) == 3
    wider = (primary["ci_high_adjusted"] - primary["ci_low_adjusted"]) / (primary["ci_high"] - primary["ci_low"])
    freedom = primary["n_problems"].iloc[0] - 1
    assert wider.tolist() == pytest.approx([stats.t.isf(0.025 / 3, freedom) / stats.t.isf(0.025, freedom)] * 3)


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


def test_two_trained_policies_with_seeds_are_compared_by_welch_on_seed_means_of_these_problems():
    samples = synthetic_samples(
        {"task_reward": 0.6, "sharpening": 0.5}, seeds=range(5), seed_deviation=0.1, n_problems=50
    )
    row = contrast(compare_arms(samples, target=THESE), "task_reward", "sharpening")
    means = samples.groupby(["policy", "train_seed"])["correct"].mean()
    welch = stats.ttest_ind(means["task_reward"], means["sharpening"], equal_var=False)
    interval = welch.confidence_interval()
    assert [row["p_value"], row["ci_low"], row["ci_high"]] == pytest.approx([welch.pvalue, interval.low, interval.high])
    assert row[["unit", "claim", "target"]].tolist() == ["seed", "the training procedure", THESE]


def test_about_problems_like_these_seeds_and_problems_are_both_random():
    """The variance is that of seed means, plus that of problem differences, less the interaction that both hold."""
    samples = synthetic_samples(
        {"task_reward": 0.6, "sharpening": 0.5}, seeds=range(4), seed_deviation=0.03, n_problems=50
    )
    row = contrast(compare_arms(samples), "task_reward", "sharpening")
    rates = samples.groupby(["policy", "train_seed", "problem_id"])["correct"].mean()
    variance = (
        rates["task_reward"].groupby("problem_id").mean() - rates["sharpening"].groupby("problem_id").mean()
    ).var() / 50
    for policy in ("task_reward", "sharpening"):
        table = rates[policy].reset_index().pivot_table("correct", "train_seed", "problem_id")
        residual = table.sub(table.mean(), axis=1).sub(table.mean(axis=1), axis=0) + table.to_numpy().mean()
        interaction = (residual.to_numpy() ** 2).sum() / (3 * 49)
        variance += table.mean(axis=1).var() / 4 - interaction / 200
    half = (row["ci_high"] - row["ci_low"]) / 2
    assert stats.t.ppf(0.975, 100) < half / np.sqrt(variance) < stats.t.ppf(0.975, 3)
    assert row[["unit", "target"]].tolist() == ["seed", "problems like these"]


def test_against_the_base_its_own_sampling_noise_counts():
    """More samples of the base narrow the interval towards the one-sample t interval, never below it."""
    widths = []
    for n_samples in (2, 8, 200):
        samples = synthetic_samples({"base": 0.5}, n_samples=n_samples, n_problems=30)
        trained = synthetic_samples({"task_reward": 0.6}, seeds=range(5), n_problems=30, seed_deviation=0.02)
        row = contrast(compare_arms(pd.concat([samples, trained]), target=THESE), "task_reward")
        widths.append(row["ci_high"] - row["ci_low"])
    means = trained.groupby("train_seed")["correct"].mean()
    interval = stats.ttest_1samp(means, 0).confidence_interval()
    assert widths[0] > widths[1] > widths[2]
    assert row[["unit", "claim", "n_seeds_a", "n_seeds_b"]].tolist() == ["seed", "the training procedure", 5, 1]
    assert widths[2] == pytest.approx(interval.high - interval.low, rel=0.1)


def greedily(solved, target=THESE):
    return contrast(compare_arms(greedy_samples(solved), target=target), "task_reward/greedy", "base/greedy")


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


@pytest.mark.parametrize("target", ["problems like these", "these problems"])
def test_greedy_checkpoints_that_solve_the_same_problems_have_no_interval(target):
    row = greedily({"task_reward": [10], "base": [10]}, target)
    assert row[["difference", "p_value", "unit"]].tolist() == [0, 1, "problem"]
    assert np.isnan(row["ci_high"])


def test_one_sample_a_problem_is_mcnemars_exact_test():
    row = greedily({"task_reward": [20], "base": [11]}, "problems like these")
    assert row["test"] == "exact McNemar"
    assert row["p_value"] == pytest.approx(mcnemar([[11, 9], [0, 10]], exact=True).pvalue)


def test_a_p_value_below_what_random_sign_flips_can_show_is_the_t_tests():
    samples = synthetic_samples({"base": 0.3, "task_reward": 0.7}, n_problems=300)
    row = contrast(compare_arms(samples), "task_reward")
    paired = stats.ttest_rel(solve_rates(samples, "task_reward"), solve_rates(samples, "base"))
    assert row["test"].startswith("paired t")
    assert row["p_value"] == pytest.approx(paired.pvalue)
    assert row["p_value"] < 1e-10


def test_equivalence_is_two_one_sided_tests():
    samples = synthetic_samples({"base": 0.5, "task_reward": 0.5}, n_problems=400, n_samples=16)
    row = contrast(compare_arms(samples, margin=0.03), "task_reward")
    p_value, *_ = ttost_paired(solve_rates(samples, "task_reward"), solve_rates(samples, "base"), -0.03, 0.03)
    assert row["p_equivalent"] == pytest.approx(p_value, rel=0.1)
    assert row["p_equivalent_adjusted"] == row["p_equivalent"]
    far = contrast(compare_arms(synthetic_samples({"base": 0.5, "task_reward": 0.7}, n_problems=400)), "task_reward")
    assert far["p_equivalent"] > 0.999


@pytest.mark.parametrize("freedom", [4, 30, 1e7])
def test_what_is_detectable_is_found_in_four_of_five(freedom):
    from beyond_sharpening.analysis.differences import detectable_difference

    shift = detectable_difference(0.01**2, freedom, level=0.01)
    rng = np.random.default_rng(0)
    statistics = (shift / 0.01 + rng.standard_normal(20000)) / np.sqrt(rng.chisquare(freedom, 20000) / freedom)
    found = (statistics > stats.t.isf(0.005, freedom)).mean()
    assert found == pytest.approx(0.8, abs=4 * np.sqrt(0.8 * 0.2 / 20000))


def test_seeds_needed_is_told_before_anyone_trains():
    assert seeds_needed(6) == 5
    assert seeds_needed(6, against_base=True) == 8
    two = synthetic_samples({"task_reward": 0.6, "sharpening": 0.5}, seeds=[0, 1])
    assert "two seeds: no permutation of them has p below 0.33" in compare_arms(two)["warning"].item()


def test_few_problems_are_warned_of():
    few = synthetic_samples({"base": 0.5, "task_reward": 0.6}, n_problems=8)
    assert compare_arms(few)["warning"].item().startswith("8 problems")
    assert compare_arms(synthetic_samples({"base": 0.5, "task_reward": 0.6}, n_problems=11))["warning"].item() == ""


def test_systems_under_their_own_names_are_compared():
    systems = {f"system {name}": rate for name, rate in zip("abcd", (0.3, 0.5, 0.5, 0.7), strict=True)}
    samples = synthetic_samples(systems, n_problems=60)
    assert len(compare_arms(samples)) == 6
    asked = compare_arms(samples, family=[("system d", "system a"), ("system c", "system b")])
    assert asked["family"].tolist() == ["primary", "primary"]
    assert asked["difference"].tolist() == pytest.approx([0.4, 0], abs=0.1)
    with pytest.raises(ValueError, match=r"none of the contrasts .* can be made; the policies are system a, system b"):
        compare_arms(samples, family=[("task_reward", "system a")])
    with_base = samples.replace({"policy": {"system a": "base"}})
    pairs = compare_arms(with_base)
    assert list(zip(pairs["a"], pairs["b"], strict=True))[:3] == [(f"system {name}", "base") for name in "bcd"]


def test_coverage_at_k_is_compared_by_paired_problems():
    """What overlapping bands cannot show: 18 problems that one arm alone ever solves, 4 that the other does."""
    solved = {"base": range(45), "task_reward": range(18, 49)}
    parts = []
    for policy, problems in solved.items():
        part = synthetic_samples({policy: 0.5}, n_problems=60, n_samples=4)
        number = part["problem_id"].str.removeprefix("chain_easy-").astype(int)
        correct = number.isin(problems)
        answer = np.where(correct, "5", "7")
        outcome = np.where(correct, "correct", "wrong")
        parts.append(part.assign(correct=correct, outcome=outcome, answer=answer))
    table = compare_at_k(pd.concat(parts), [1, 4, 8], family=[("task_reward", "base")])
    row = table.set_index("k").loc[4]
    assert row["p_value"] == pytest.approx(stats.binomtest(4, 22).pvalue)
    assert row[["solved_by_a_alone", "solved_by_b_alone"]].tolist() == [4, 18]
    assert sorted(table["k"]) == [1, 4]
    assert (table["p_adjusted"] >= table["p_value"]).all()


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


def test_decoding_contrasts_are_secondary_and_adjusted_by_benjamini_and_hochberg():
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
    assert secondary["p_adjusted"].to_numpy() == pytest.approx(multipletests(secondary["p_value"], method="fdr_bh")[1])
    assert set(secondary["claim"]) == {"this checkpoint"}
    primary = contrast(comparisons, "task_reward")
    assert primary["p_adjusted"] == primary["p_value"]


def test_neither_the_order_of_rows_nor_another_benchmark_changes_a_number():
    samples = synthetic_samples(ALL, benchmarks=["easy", "hard"], base_decoders={"greedy": 1})
    both = compare_arms(samples)
    pd.testing.assert_frame_equal(compare_arms(samples.sample(frac=1, random_state=0)), both)
    alone = compare_arms(samples[samples["benchmark"] == "hard"])
    pd.testing.assert_frame_equal(alone, both[both["benchmark"] == "hard"].reset_index(drop=True))


def test_only_last_checkpoints_count():
    samples = synthetic_samples(ALL)
    best = samples[samples["policy"] != "base"].assign(checkpoint="best", correct=True, outcome="correct", answer="5")
    pd.testing.assert_frame_equal(compare_arms(pd.concat([samples, best])), compare_arms(samples))


def test_contrasts_with_the_base_use_both_of_its_replicates():
    samples = synthetic_samples({"base": 0.5, "task_reward": 0.7}, n_samples=4)
    again = synthetic_samples({"base": 0.5}, n_samples=4, seed=7).assign(replicate=1)
    both = contrast(compare_arms(pd.concat([samples, again])), "task_reward")
    base = (solve_rates(samples, "base").mean() + solve_rates(again, "base").mean()) / 2
    assert both["difference"] == pytest.approx(solve_rates(samples, "task_reward").mean() - base)


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


def test_problems_that_one_side_lacks_are_left_out_counted_and_named():
    samples = synthetic_samples({"base": 0.5, "task_reward": 0.7}, n_problems=5)
    lacking = samples["problem_id"].isin(["chain_easy-1", "chain_easy-4"])
    row = compare_arms(samples[~((samples["policy"] == "base") & lacking)]).iloc[0]
    assert row[["n_problems", "n_left_out", "left_out"]].tolist() == [3, 2, "chain_easy-1, chain_easy-4"]
    common = compare_arms(samples[~lacking]).iloc[0]
    assert row[["difference", "p_value"]].tolist() == common[["difference", "p_value"]].tolist()
    strangers = samples.assign(problem_id=samples["policy"] + samples["problem_id"])
    with pytest.raises(ValueError, match="task_reward on chain_easy has 5 problems, base has 5, none of them the same"):
        compare_arms(strangers)


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
