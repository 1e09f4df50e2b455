"""Each estimator against another route: libraries that fit the same model, enumeration, and counting by hand."""

import itertools

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from statsmodels.stats.contingency_tables import StratifiedTable

from beyond_sharpening.analysis import mechanism, solve_rate_transitions
from beyond_sharpening.analysis.mechanisms import coverage, divergence, diversity, family, groups, intervals
from beyond_sharpening.analysis.mechanisms.ceiling import ceiling
from beyond_sharpening.analysis.mechanisms.draws import Draws, arms
from beyond_sharpening.analysis.mechanisms.reach import log_odds_rise, reach
from beyond_sharpening.analysis.validation.worlds import draw_samples, make_world, member, with_new_mass


def arm(make, n_problems=40, n_samples=16, scored=False, world=None, **options):
    world = world or make_world(3, n_problems)
    samples, scores = draw_samples(world, {"policy": make}, n_samples=n_samples, **options)
    return next(arms(samples, scores if scored else None))


def rows(side):
    columns = ("problem", "right", "log_p", "log_q")
    return pd.DataFrame({name: getattr(side, name).astype(float) for name in columns})


def with_intercepts(table):
    dummies = pd.get_dummies(table["problem"].astype(int)).astype(float)
    return np.column_stack([table[["log_p", "right"]], dummies])


def test_regression_on_own_samples_is_least_squares_with_clustered_errors():
    pair = arm(member(2, 1, drift=0.3)).pairs[0]
    table = rows(pair.policy)
    fitted = sm.OLS(table["log_q"], with_intercepts(table)).fit()
    clustered = fitted.get_robustcov_results("cluster", groups=table["problem"], use_correction=False)
    for values, column in zip(family.own_regression(pair), (0, 1), strict=True):
        assert values.mean() == pytest.approx(fitted.params.iloc[column], abs=1e-8)
        error = values.std() / np.sqrt(len(values))
        assert error == pytest.approx(clustered.bse[column], rel=1e-6)


def test_the_density_ratio_is_logistic_regression_with_clustered_errors():
    pair = arm(member(1.5, 1)).pairs[0]
    table = pd.concat([rows(side) for side in pair])
    label = np.repeat([1.0, 0.0], [len(pair.policy.problem), len(pair.base.problem)])
    fitted = sm.Logit(label, with_intercepts(table)).fit(disp=0)
    clustered = sm.Logit(label, with_intercepts(table)).fit(
        disp=0, cov_type="cluster", cov_kwds={"groups": table["problem"], "use_correction": False}
    )
    alpha, beta, certain = family.density_ratio(pair)
    unbiased = 1 - pair.policy.n_problems / len(table)  # (n − 1) / n with n rows a problem
    assert [alpha.mean() - 1, beta.mean()] == pytest.approx(unbiased * fitted.params[:2], abs=1e-4)
    errors = [values.std() / np.sqrt(len(values)) for values in (alpha, beta)]
    assert errors == pytest.approx(unbiased * clustered.bse[:2], rel=1e-3)
    assert certain < 0.05


def test_the_density_ratio_has_no_bias_where_a_problem_has_few_rows():
    """Four samples a problem, and eight of the base: without the correction α − 1 and β would be 9 % too large."""
    made = {"make": member(1.5, 1, between_seeds=0), "n_problems": 400, "n_samples": 4}
    found = np.array([family.density_ratio(arm(**made, seed=seed).pairs[0])[:2] for seed in range(20)]).mean(axis=2)
    error = found.std(axis=0) / np.sqrt(len(found))
    assert (np.abs(found.mean(axis=0) - [1.5, 1.0]) < 3 * error).all()
    assert (3 * error < [0.045, 0.09]).all(), "less than the bias would be"


def test_classes_told_apart_with_certainty_are_seen():
    pair = arm(member(1, 0), n_problems=20).pairs[0]
    apart = pair._replace(policy=pair.policy.where(pair.policy.right), base=pair.base.where(~pair.base.right))
    assert family.density_ratio(apart)[2] > 0.9


@pytest.mark.parametrize(("alpha", "beta"), [(1, 0), (2, 0), (1, 3), (0.5, 1), (4, -0.5)])
def test_all_regressions_agree_inside_the_family(alpha, beta):
    pair = arm(member(alpha, beta, between_seeds=0), n_problems=200, scored=True).pairs[0]
    for fit in (family.own_regression, family.mixture_regression):
        assert [values.mean() for values in fit(pair)] == pytest.approx([alpha, beta], abs=1e-6)
    shown = [intervals.estimate(values[None]) for values in family.density_ratio(pair)[:2]]
    for number, truth in zip(shown, (alpha, beta), strict=True):
        assert abs(number.value - truth) < 2 * number.half_width


def test_the_labels_log_odds_are_mantel_and_haenszels():
    pair = arm(member(1, 1)).pairs[0]
    (n, c), (m, d) = ((side.n_samples, side.n_right) for side in pair)
    tables = StratifiedTable(np.array([[c, n - c], [d, m - d]], dtype=float))
    values = family.label_log_odds(pair)
    assert values.mean() == pytest.approx(tables.logodds_pooled)
    assert 0.5 < values.std() / np.sqrt(len(values)) / tables.logodds_pooled_se < 2
    assert 0 < family.one_odds_ratio([pair]) < 1


def test_the_within_outcome_shift_is_zero_under_tilt_and_positive_under_sharpening():
    tilted, sharper = (
        intervals.estimate(family.within_outcome_shift(arm(make, 200).pairs[0])[None])
        for make in (member(1, 3), member(2))
    )
    assert tilted.low < 0 < tilted.high
    assert sharper.low > 0


def exact_parts(world, log_q):
    """KL and its within parts by summing over every completion, averaged over problems."""
    q, u = np.exp(log_q), np.where(world.exists, log_q - world.log_p, 0)
    within = np.zeros(len(q))
    for outcome in (world.right, ~world.right):
        mass_q, mass_p = ((np.exp(values) * outcome * world.exists).sum(axis=1) for values in (log_q, world.log_p))
        there = mass_q > 0
        within = within + (q * u * outcome).sum(axis=1)
        within[there] -= mass_q[there] * np.log(mass_q[there] / mass_p[there])
    return {"kl": (q * u).sum(axis=1).mean(), "within": within.mean()}


@pytest.mark.parametrize("make", [member(1.5), member(1, 2), member(1.2, 1, drift=0.5)])
def test_the_chain_rule_adds_up_to_what_enumeration_gives(make):
    world = make_world(5, 100)
    log_q = make(world, np.random.default_rng([0, 2, 0, 0]))  # that of the first training seed
    pair = arm(make, world=world, n_samples=200).pairs[0]
    parts = {name: values.mean() for name, values in divergence.chain_rule(pair.policy).items()}
    exact = exact_parts(world, log_q)
    assert parts["kl"] == pytest.approx(exact["kl"], rel=0.1)
    assert parts["kl_right"] + parts["kl_wrong"] == pytest.approx(exact["within"], rel=0.1, abs=0.005)
    assert parts["kl_tilt"] + parts["kl_right"] + parts["kl_wrong"] == pytest.approx(parts["kl"])
    assert divergence.covered(pair.policy).mean() == pytest.approx(1, abs=0.05)


def test_the_jackknife_takes_the_bias_off_the_log_of_a_mean():
    rng = np.random.default_rng(0)
    values = rng.normal(0, 0.7, (4000, 8))
    problem = np.repeat(np.arange(4000), 8)
    truth = 0.7**2 / 2
    plain = np.log(np.exp(values).mean(axis=1)).mean()
    corrected = groups.log_mean_exp(problem, values.ravel(), 4000).mean()
    assert abs(corrected - truth) < abs(plain - truth) / 4


def test_the_residual_is_zero_inside_the_family_and_most_of_kl_outside():
    inside, outside = (arm(make, 100).pairs[0].policy for make in (member(2, 1, between_seeds=0), member(1.2, 0, 1.3)))
    assert divergence.residual(inside, 2.0).mean() == pytest.approx(0, abs=1e-9)
    assert divergence.residual(outside, 1.2).mean() > 0.6 * divergence.chain_rule(outside)["kl"].mean()


def test_the_bases_rate_is_seen_far_below_one_in_n():
    world = make_world(2, 100, new_mass=10, level=1e-5)
    pair = arm(with_new_mass(10), world=world, n_samples=32).pairs[0]
    truth = (np.exp(world.log_p) * world.right).sum(axis=1)
    assert pair.base.n_right[:10].sum() == 0
    assert divergence.base_rate(pair.policy)[:10] == pytest.approx(truth[:10], rel=1.0)
    found = reach(pair, limit=1e-3, margin=3.0)
    assert found.beyond[:10].all()
    assert not found.beyond[10:].any()
    assert found.rise[:10].min() > 8


def test_the_rise_of_the_log_odds_under_a_pure_tilt_is_beta():
    pair = arm(member(1, 2, between_seeds=0), n_problems=60, n_samples=64).pairs[0]
    both = (pair.policy.n_right > 0) & (pair.policy.n_right < 64)
    assert log_odds_rise(pair)[both] == pytest.approx(2, abs=1e-6)


def test_a_saturated_tilt_is_seen_once_the_base_is_scored():
    """β = 14: the policy never errs, so only the base's wrong completions can tell what it thinks of them."""
    blind, scored = (arm(member(1, 14, between_seeds=0), 60, scored=told).pairs[0] for told in (False, True))
    assert np.median(log_odds_rise(blind)) < 8
    assert np.median(log_odds_rise(scored)) == pytest.approx(14, abs=0.01)


def test_the_ceiling_is_the_best_power_and_says_how_far_to_believe_it():
    world = make_world(4, 150)
    pair = arm(member(), world=world, n_samples=256).pairs[0]
    found = ceiling(pair.base)
    accuracy = []
    for power in np.arange(0, 8, 0.25):
        weight = np.where(world.exists, np.exp(power * world.log_p), 0)
        accuracy.append(((weight * world.right).sum(axis=1) / weight.sum(axis=1)).mean())
    assert found.accuracy.mean() == pytest.approx(max(accuracy), abs=0.02)
    assert 0.05 < found.effective_share <= 1


def gained_and_lost(pair):
    return coverage.coverage(pair.policy, pair.base.halves())


def test_coverage_gained_by_chance_is_taken_off():
    same, tilted, sharper = (
        gained_and_lost(arm(make, 300, 8).pairs[0]) for make in (member(), member(1, 3), member(4))
    )
    for values in same.values():
        number = intervals.estimate(values[None])
        assert number.low - 0.01 < 0 < number.high + 0.01
    assert intervals.estimate(tilted["coverage_gained"][None]).low > 0
    assert intervals.estimate(sharper["coverage_lost"][None]).low > 0


def test_coverage_by_hand():
    """One problem each: kept, gained, lost, and one that a second base sample would gain by chance."""
    samples = table_of(
        {
            "base": [[1, 1], [0, 0], [1, 1], [0, 0]],
            "again": [[1, 0], [0, 0], [0, 1], [1, 1]],
            "policy": [[1, 1], [0, 1], [0, 0], [0, 0]],
        }
    )
    values = gained_and_lost(next(arms(samples)).pairs[0])
    # gained: (1 − b)·s averaged over both base samples, less their own turnover
    assert values["coverage_gained"].tolist() == [0, 1, 0, -0.5]
    assert values["coverage_lost"].tolist() == [0, 0, 1, 0]


def table_of(right):
    """A samples table from lists of verdicts by problem; ``again`` is the base's second replicate."""
    parts = []
    for policy, problems in right.items():
        for problem, verdicts in enumerate(problems):
            part = {"problem_id": f"p{problem}", "sample_id": range(len(verdicts)), "correct": np.array(verdicts, bool)}
            replicate = int(policy == "again")
            parts.append(pd.DataFrame(part).assign(policy="base" if replicate else policy, replicate=replicate))
    return pd.concat(parts, ignore_index=True).assign(model="m", variant="", train_seed=0, benchmark="b")


def test_the_crossing_is_where_pass_at_k_curves_meet():
    """pass@1: 0.5 against 0.25; pass@2 of 4: ½ against ½·(1 − 3·2/(4·3))·2 = ½."""
    samples = table_of({"base": [[1, 0, 0, 0], [1, 0, 0, 0]], "policy": [[1, 1, 1, 1], [0, 0, 0, 0]]})
    found = coverage.crossing(next(arms(samples)).pairs, seed=0)
    assert found.k == pytest.approx(2)
    assert found.last == 4
    assert found.low == 1
    assert np.isinf(found.high)
    same = table_of({"base": [[1, 0], [1, 0]], "policy": [[1, 1], [1, 0]]})
    assert np.isinf(coverage.crossing(next(arms(same)).pairs, seed=0).k)


def test_transitions_count_every_problem_once():
    samples = table_of(
        {"base": [[1, 1], [0, 0], [1, 0]], "again": [[1, 1], [0, 1], [1, 0]], "policy": [[1, 1], [0, 1], [1, 1]]}
    )
    table = solve_rate_transitions(samples).query("n_problems > 0 or by_chance > 0")
    told = table.set_index(["base_bin", "policy_bin"])[["n_problems", "by_chance"]].to_dict("index")
    assert told == {
        ("0", "(0.1, 0.5]"): {"n_problems": 1, "by_chance": 1},
        ("(0.1, 0.5]", "(0.1, 0.5]"): {"n_problems": 0, "by_chance": 1},
        ("(0.1, 0.5]", "1"): {"n_problems": 1, "by_chance": 0},
        ("1", "1"): {"n_problems": 1, "by_chance": 1},
    }


def test_distinct_answers_are_those_of_all_draws_of_k():
    pair = arm(member(), n_problems=3, n_samples=6).pairs[0]
    drawn = pair.policy
    expected = []
    for problem in range(3):
        answers = drawn.answer[drawn.problem == problem]
        expected.append(np.mean([len(set(chosen)) for chosen in itertools.combinations(answers, 4)]))
    assert diversity.distinct_answers(drawn, 4) == pytest.approx(expected)


def drawn_answers(answers: np.ndarray) -> Draws:
    """Draws of which nothing but the answers, (P, K), matters."""
    n_problems, n_samples = answers.shape
    nothing = [np.zeros(answers.size)] * 7
    return Draws(np.repeat(np.arange(n_problems), n_samples), n_problems, *nothing, answers.ravel())


def test_answer_entropy_is_nearly_unbiased_though_few_samples_meet_many_answers():
    rng = np.random.default_rng(0)
    chances = rng.dirichlet(np.full(12, 0.7), 2000)
    entropy = -(chances * np.log(np.maximum(chances, 1e-300))).sum(axis=1)
    answers = (rng.random((2000, 16, 1)) > chances.cumsum(axis=1)[:, None]).sum(axis=2)
    found = diversity.answer_entropy(drawn_answers(answers))
    assert found.mean() == pytest.approx(entropy.mean(), abs=0.05), "the plug-in's bias is some −0.3"


def test_answer_entropy_is_that_of_the_published_sum():
    """Chao, Wang and Jost's estimator as they print it, with sums in place of special functions."""
    answers = np.array([[0, 0, 1, 2, 2, 3], [0, 1, 2, 3, 4, 5], [0, 0, 0, 0, 0, 0], [0, 0, 0, 1, 1, 1]])
    expected = []
    for row in answers:
        counts, n = np.unique(row, return_counts=True)[1], len(row)
        once, twice = (counts == 1).sum(), (counts == 2).sum()
        seen = sum(x / n * sum(1 / k for k in range(x, n)) for x in counts if x < n)
        if once:
            a = 2 * twice / ((n - 1) * once + 2 * twice) if twice else 2 / ((n - 1) * (once - 1) + 2)
            rest = -np.log(a) - sum((1 - a) ** r / r for r in range(1, n))
            seen += once / n * (1 - a) ** (1 - n) * rest
        expected.append(seen)
    assert diversity.answer_entropy(drawn_answers(answers)) == pytest.approx(expected)


def test_rank_bias_is_zero_under_tilt_and_positive_under_sharpening():
    tilted, sharper = (
        diversity.rank_bias(arm(make, 100, noise=0.01).pairs[0].policy) for make in (member(1, 3), member(2))
    )
    assert tilted.mean() == pytest.approx(0, abs=0.02)
    assert sharper.mean() > 0.5


def test_crossed_factors_have_the_variance_that_made_them():
    """500 draws of seeds and problems: the mean of the estimated variances is the variance of the means."""
    rng = np.random.default_rng(0)
    means, variances = [], []
    for _ in range(500):
        seeds, problems = rng.normal(0, 0.3, (5, 1)), rng.normal(0, 1, (1, 40))
        values = seeds + problems + rng.normal(0, 1, (5, 40))
        means.append(values.mean())
        variances.append(intervals.crossed_variance(values)[0])
    assert np.mean(variances) == pytest.approx(np.var(means), rel=0.2)


def test_absent_columns_are_said_to_be_absent_and_never_zero():
    samples = table_of({"base": [[1, 0]] * 9, "again": [[0, 0]] * 9, "policy": [[1, 1]] * 9})
    row = mechanism(samples).iloc[0]
    assert row["name"] == "undetermined"
    assert "absent" in row["reason"]
    numbers = ["alpha", "beta", "kl", "residual", "ceiling", "n_beyond", "answer_entropy", "tokens_wrong", "covered"]
    assert row[numbers].isna().all()
    for column in ("logp_base", "logp_policy", "base_scores", "answer", "n_tokens", "token_entropy"):
        assert f"no {column}: " in row["absent"]
    assert row["accuracy"] == 1


def test_base_log_probabilities_alone_tell_sharpening_from_tilt():
    """What a foreign system can be asked for: log p of its samples, without its own log q."""
    world = make_world(0)
    samples, _ = draw_samples(world, {"sharper": member(2), "tilted": member(1, 2)}, n_samples=16)
    table = mechanism(samples.drop(columns="logp_policy")).set_index("policy")
    assert table["name"].to_dict() == {"sharper": "sharpening", "tilted": "tilt"}
    assert table["kl"].isna().all()


def test_problems_that_not_all_have_are_left_out_counted_and_named():
    samples, _ = draw_samples(make_world(0, 30), {"policy": member(1, 2)}, n_samples=8)
    lacking = samples[~(samples["policy"].eq("policy") & samples["problem_id"].isin(["p00003", "p00011"]))]
    row = mechanism(lacking).iloc[0]
    assert row[["n_problems", "n_left_out"]].tolist() == [28, 2]
    assert sorted(row["left_out"]) == ["p00003", "p00011"]
    strangers = samples.assign(problem_id=samples["policy"] + samples["problem_id"])
    with pytest.raises(ValueError, match="policy and its base have no problem in common on world"):
        mechanism(strangers)


def test_neither_the_order_of_rows_nor_another_policy_changes_a_number():
    samples, scores = draw_samples(make_world(0, 20), {"a": member(2), "b": member(1, 2)}, n_samples=8, seeds=[0, 1])
    both = mechanism(samples, scores)
    shuffled = mechanism(samples.sample(frac=1, random_state=0), scores.sample(frac=1, random_state=1))
    pd.testing.assert_frame_equal(shuffled, both)
    alone = mechanism(samples[samples["policy"] != "a"], scores)
    pd.testing.assert_frame_equal(alone, both[both["policy"] == "b"].reset_index(drop=True))
