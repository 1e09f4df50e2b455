"""The verdict's rule, branch by branch, on comparisons written by hand, and end to end."""

import json
from dataclasses import asdict

import pandas as pd
import pytest

from beyond_sharpening.analysis import PRIMARY_FAMILY, Rule, Thresholds, compare_arms, estimates, verdict
from synthetic_samples import VARIANTS, synthetic_samples

POLICIES = ["base", "task_reward", "sharpening", "tempered", "tilted"]


def comparisons(*benchmarks, claim="this checkpoint", seeds=1, half_width=0.015, margin=0.02):
    """Primary contrasts from differences such as {("task_reward", "base"): 0.1}; the others are zero.

    A difference beyond the half width is significant.
    """
    contrasts = [
        {"a": a, "b": b, "benchmark": f"b{number}", "difference": differences.get((a, b), 0.0)}
        for number, differences in enumerate(benchmarks)
        for a, b in PRIMARY_FAMILY
    ]
    table = pd.DataFrame(contrasts).assign(model="tiny", family="primary", claim=claim, n_seeds_a=seeds)
    return table.assign(
        variant_a=table["a"].map(VARIANTS),
        variant_b=table["b"].map(VARIANTS),
        ci_low=table["difference"] - half_width,
        ci_high=table["difference"] + half_width,
        ci_low_adjusted=table["difference"] - 2 * half_width,
        ci_high_adjusted=table["difference"] + 2 * half_width,
        p_value=(table["difference"].abs() > half_width).map({True: 0.002, False: 0.4}),
        p_adjusted=(table["difference"].abs() > half_width).map({True: 0.01, False: 0.5}),
        p_no_gain_adjusted=(table["difference"] + half_width < margin).map({True: 0.01, False: 0.5}),
        margin=margin,
        unit="seed" if seeds > 1 else "problem",
    )


def levels(n_benchmarks):
    return pd.DataFrame(
        {"policy": policy, "variant": VARIANTS[policy], "checkpoint": "last", "decoder": decoder}
        | {"benchmark": f"b{number}", "pass@1": accuracy}
        for number in range(n_benchmarks)
        for policy in POLICIES
        for decoder, accuracy in {"temperature": 0.6 if policy == "task_reward" else 0.5, "greedy": 0.9}.items()
    )


def decide(*benchmarks, **options):
    return verdict(comparisons(*benchmarks, **options), levels(len(benchmarks)))


OVER_BASE = ("task_reward", "base")
OVER_SHARPENING = ("task_reward", "sharpening")
OVER_TEMPERED = ("task_reward", "tempered")
WINS = {OVER_BASE: 0.1, OVER_SHARPENING: 0.1, OVER_TEMPERED: 0.1}


@pytest.mark.parametrize(
    ("code", "benchmarks"),
    [
        ("beyond sharpening objectives", [WINS]),
        ("beyond sharpening objectives", [WINS, {}]),
        ("undetermined", [{**WINS, OVER_SHARPENING: 0.018}]),  # significant, but too small to matter
        ("undetermined", [WINS, {OVER_BASE: -0.1}]),
        ("undetermined", [WINS, {OVER_TEMPERED: -0.1}]),
        ("undetermined", [{OVER_BASE: 0.1, OVER_SHARPENING: 0.1}]),
        ("undetermined", [{OVER_BASE: 0.1, OVER_SHARPENING: 0.1}, {OVER_TEMPERED: 0.1}]),
        ("sharpening suffices", [{OVER_BASE: 0.1, ("sharpening", "base"): 0.1, OVER_TEMPERED: 0.1}]),
        ("sharpening suffices", [{("tempered", "base"): 0.1, OVER_TEMPERED: -0.1}]),
        ("undetermined", [{OVER_BASE: 0.1, ("sharpening", "base"): 0.1, OVER_SHARPENING: 0.01, OVER_TEMPERED: 0.1}]),
        (
            "undetermined",
            [{OVER_BASE: 0.1, ("sharpening", "base"): 0.1}, {OVER_BASE: 0.1, ("sharpening", "base"): -0.1}],
        ),
        ("no gain", [{}]),
        ("no gain", [{OVER_BASE: -0.1, ("sharpening", "base"): -0.1}, {}]),
        ("undetermined", [{OVER_BASE: 0.01}]),
    ],
)
def test_the_rule(code, benchmarks):
    assert decide(*benchmarks).code == code


def test_a_wide_interval_is_not_the_absence_of_a_gain():
    assert decide({}, half_width=0.05).code == "undetermined"


def test_a_rival_not_evaluated_everywhere_cannot_suffice():
    rows = comparisons({OVER_BASE: 0.1, ("sharpening", "base"): 0.1, OVER_TEMPERED: 0.1}, {OVER_BASE: 0.1})
    elsewhere = rows["benchmark"].eq("b1") & (rows["a"].eq("sharpening") | rows["b"].eq("sharpening"))
    assert verdict(rows[~elsewhere], levels(2)).code == "undetermined"


def test_a_missing_rival_leaves_the_question_open():
    rows = comparisons(WINS)
    assert verdict(rows[rows["b"] != "tempered"], levels(1)).code == "undetermined"


def test_secondary_contrasts_carry_no_verdict():
    rows = comparisons(WINS).assign(family="secondary")
    assert verdict(rows, levels(1)).code == "undetermined"


def test_the_words_name_effect_uncertainty_and_scope():
    words = decide({}, WINS)
    assert words.headline.endswith("(about this checkpoint, one training seed).")
    assert len(words.lines) == 3
    assert "better on 1 of 2 benchmarks" in words.lines[0]
    assert "b1, 50.0 % to 60.0 % (+10.0 points [+7.0, +13.0])" in words.lines[0]
    assert "against sharpening: better on 1 of 2" in words.lines[1]
    assert "not evaluated" in words.lines[2], "no decoder but the reference one is in these comparisons"
    assert "95 % intervals over problems" in words.note
    assert "Holm" in words.note


def test_cheaper_decoding_has_its_line():
    rows = comparisons(WINS)
    greedy = rows.iloc[[0, 0]].assign(
        family="secondary",
        a=["task_reward", "task_reward/greedy"],
        b="base/greedy",
        difference=[-0.3, 0.05],
        p_value=[0.001, 0.3],
        p_adjusted=[0.001, 0.3],
    )
    line = verdict(pd.concat([rows, greedy]), levels(1)).lines[2]
    assert "one sample: better on 0 of 1 benchmarks, worse on 1" in line
    assert "both decoded greedily: better on 0 of 1 benchmarks." in line


def test_seeds_widen_the_claim_unless_one_contrast_lacks_them():
    assert "the training procedure, 5 training seeds" in decide(WINS, claim="the training procedure", seeds=5).headline
    mixed = comparisons(WINS, claim="the training procedure", seeds=5)
    mixed.loc[5, "claim"] = "this checkpoint"
    assert "this checkpoint" in verdict(mixed, levels(1)).headline


def test_without_trained_policies_it_says_so():
    samples = synthetic_samples({"base": 0.5}, base_decoders={"greedy": 1})
    words = verdict(compare_arms(samples), estimates(samples, [1]))
    assert words.code == "undetermined"
    assert "not evaluated" in words.lines[0]
    assert "train task reward" in words.note


def test_two_models_need_two_verdicts():
    both = pd.concat([comparisons(WINS), comparisons(WINS).assign(model="other")])
    with pytest.raises(ValueError, match="other, tiny"):
        verdict(both, levels(1))


@pytest.mark.parametrize(
    ("accuracy", "code"),
    [
        ({"task_reward": 0.8, "sharpening": 0.5, "tempered": 0.5, "tilted": 0.8}, "beyond sharpening objectives"),
        ({"task_reward": 0.5, "sharpening": 0.8, "tempered": 0.5, "tilted": 0.5}, "sharpening suffices"),
        ({"task_reward": 0.3, "sharpening": 0.3, "tempered": 0.3, "tilted": 0.3}, "no gain"),
    ],
)
@pytest.mark.parametrize("seeds", [[0], range(5)])
def test_from_samples_to_verdict(accuracy, code, seeds):
    samples = synthetic_samples({"base": 0.5} | accuracy, seeds=seeds, n_problems=60)
    assert verdict(compare_arms(samples), estimates(samples, [1, 8])).code == code


def decoded(decoder, *differences):
    """Secondary contrasts of task reward against a decoder of the base, a difference for each benchmark."""
    rows = comparisons(*({OVER_BASE: difference} for difference in differences)).query("b == 'base'")
    return rows[rows["a"] == "task_reward"].assign(b=f"base/{decoder}", family="secondary")


def priced(n_benchmarks, **prices):
    """Estimates with what a completion costs: 100 tokens for the policy, and what is given for the base's decoders."""
    table = levels(n_benchmarks).assign(mean_forward_tokens=100.0)
    decoders = [
        table[table["policy"].eq("base") & table["decoder"].eq("temperature")].assign(
            decoder=decoder, mean_forward_tokens=price
        )
        for decoder, price in prices.items()
    ]
    return pd.concat([table[table["decoder"] == "temperature"], *decoders])


@pytest.mark.parametrize(
    ("contrasts", "code", "told"),
    [
        ([decoded("greedy", -0.1, -0.1)], "at no higher price", "would have done at no higher price on 2 of 2"),
        ([decoded("sir", -0.1, -0.1)], "at a higher price", "would have done at some price on 2 of 2"),
        ([decoded("greedy", 0.1, 0.1), decoded("sir", 0.1, 0.1)], "no", "and decoding the base would not have done"),
        ([decoded("greedy", 0.1, -0.1)], "mixed", "would have done at no higher price on 1 of 2 benchmarks"),
        ([decoded("greedy", 0.1, 0.01)], "mixed", "and whether decoding the base would have done is open"),
        ([decoded("greedy", 0.1, 0.1), decoded("sir", -0.1, 0.1)], "mixed", "at some price on 1 of 2"),
        ([], "not evaluated", None),
    ],
)
def test_would_decoding_have_done(contrasts, code, told):
    answer = verdict(pd.concat([comparisons(WINS, WINS), *contrasts]), priced(2, greedy=100.0, sir=6400.0))
    assert answer.decoding == code
    assert answer.headline.startswith("Task reward gained more than both sharpening objectives did")
    assert ("decoding" in answer.headline) == (told is not None)
    assert told is None or told in answer.headline


def test_the_decoder_that_did_it_is_named_with_its_price():
    rows = pd.concat([comparisons(WINS), decoded("greedy", 0.1), decoded("sir", -0.1)])
    lines = verdict(rows, priced(1, greedy=100.0, sir=6400.0)).decoding_lines
    assert lines == ["b0: at a higher price, by sir at 64.0 times the price"]
    unknown = verdict(rows, priced(1, greedy=100.0)).decoding_lines
    assert unknown == ["b0: at a higher price, by sir, of unknown price"]


def mechanism_rows(*names, policy="task_reward"):
    """What ``mechanism`` found, by hand: a name a benchmark."""
    told = [*dict.fromkeys(names)]
    overall = told[0] if len(told) == 1 else "mixed: " + ", ".join(f"{name} on {names.count(name)}" for name in told)
    rows = [
        {"benchmark": f"b{number}", "name": name, "reason": "β̂ 1.59 [1.36, 1.83]", "stability": 0.97}
        for number, name in enumerate(names)
    ]
    return pd.DataFrame(rows).assign(model="tiny", policy=policy, variant=VARIANTS[policy], overall=overall)


@pytest.mark.parametrize(
    ("names", "begins"),
    [
        (["tilt", "tilt"], "Task reward only picked out what is right among what the base already did, gained more"),
        (["beyond", "beyond"], "Task reward taught the base problems that it practically could not solve, gained more"),
        (
            ["tilt", "no change"],
            "Task reward did not do the same on all benchmarks (tilt on 1, no change on 1), gained",
        ),
    ],
)
def test_what_it_did_and_who_is_better_are_two_answers(names, begins):
    """The same contrasts, whatever the training did: "gained more" says nothing of how."""
    answer = verdict(comparisons(WINS, WINS), levels(2), mechanism_rows(*names))
    assert answer.code == "beyond sharpening objectives"
    assert answer.headline.startswith(begins)
    assert answer.headline.endswith("(about this checkpoint, one training seed).")
    assert set(answer.did) == {"task_reward"}
    assert answer.did_lines[0].startswith(
        f"Task reward on b0: {names[0]} (β̂ 1.59 [1.36, 1.83]; 97 % of resamples agree"
    )


def test_without_log_probabilities_the_first_answer_is_missing_and_said_to_be():
    answer = verdict(comparisons(WINS), levels(1))
    assert answer.did == {}
    assert "was not asked" in answer.did_lines[0]


def test_the_rule_stands_in_the_answer():
    rule = Rule(margin=0.2)
    with pytest.raises(ValueError, match=r"the rule's margin is 0.2, the comparisons are for 0.02: compare_arms"):
        verdict(comparisons(WINS), levels(1), rule=rule)
    answer = verdict(comparisons(WINS, margin=0.2), levels(1), rule=rule)
    assert answer.code == "no gain", "0.1 is less than what this rule says matters"
    assert answer.rule["margin"] == 0.2
    assert answer.rule["mechanism"]["outside"] == Thresholds().outside
    json.dumps(asdict(answer))


def test_other_systems_get_a_verdict_under_their_own_names():
    systems = {"base": 0.5, "ours": 0.8, "theirs": 0.5}
    samples = synthetic_samples(systems, n_problems=60)
    family = [("ours", "base"), ("theirs", "base"), ("ours", "theirs")]
    answer = verdict(compare_arms(samples, family=family), estimates(samples, [1]))
    assert answer.headline == "Ours gained more than theirs did (about this checkpoint, one training seed)."


def test_a_decoder_that_is_told_what_is_right_is_no_rival():
    samples = synthetic_samples({"base": 0.5, "task_reward": 0.7}, base_decoders={"best": 4})
    told = samples["decoder"].eq("best")
    samples.loc[told, "decoder_parameters"] = '{"type":"oracle_best_of_n"}'
    assert "base/best" not in set(compare_arms(samples)["b"])
    assert "base/best" in set(compare_arms(samples.assign(decoder_parameters="{}"))["b"])
