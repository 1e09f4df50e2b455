"""How far a training came, on a problem whose completions can be listed: p = (1/2, 1/4, 1/4), the last one right.

Each table holds completions in exactly the proportions of its policy, so that every expectation is exact.
"""

import math

import numpy as np
import pandas as pd
import pytest

from beyond_sharpening.analysis import goals
from beyond_sharpening.objectives import Objective
from synthetic_samples import synthetic_samples

P = np.array([1 / 2, 1 / 4, 1 / 4])
TEMPERED = Objective.named("tempered", alpha=2.0)


def drawn(policy, variant, q, copies, decoder="temperature", parameters="{}"):
    rows = synthetic_samples({policy: 0.5}, n_problems=3, n_samples=sum(copies))
    completion = np.tile(np.repeat(np.arange(3), copies), 3)
    right = completion == 2
    return rows.assign(
        variant=variant,
        decoder=decoder,
        decoder_parameters=parameters,
        correct=right,
        outcome=np.where(right, "correct", "wrong"),
        logp_base=np.log(P)[completion],
        logp_policy=np.log(q)[completion],
    )


BASE = drawn("base", "base", P, (2, 1, 1))
OPTIMUM = np.array([4, 1, 1]) / 6  # of p²


def way(policy, objective, *others):
    (row,) = goals(pd.concat([BASE, policy, *others]), {("tempered", "alpha2"): objective}, seed=0).to_dict("records")
    return row


def test_the_optimum_has_come_all_the_way_and_its_value_is_log_z():
    row = way(drawn("tempered", "alpha2", OPTIMUM, (4, 1, 1)), TEMPERED)
    assert row["attainable"] == pytest.approx(math.log((P**2).sum()))
    assert row["start"] == pytest.approx((P * np.log(P)).sum())
    assert (row["share"], row["share_low"], row["share_high"]) == pytest.approx((1, 1, 1))
    assert not row["short"]


def test_the_base_itself_has_not_left():
    row = way(drawn("tempered", "alpha2", P, (2, 1, 1)), TEMPERED)
    assert row["share"] == pytest.approx(0)
    assert row["short"]


def test_half_way_is_half_of_the_reward():
    q = np.array([7, 3, 2]) / 12
    row = way(drawn("tempered", "alpha2", q, (7, 3, 2)), TEMPERED)
    value = lambda policy: (policy * (2 * np.log(P) - np.log(policy))).sum()  # noqa: E731
    expected = (value(q) - value(P)) / (value(OPTIMUM) - value(P))
    assert row["share"] == pytest.approx(expected)


def test_without_an_entropy_term_the_best_completion_is_attainable():
    row = way(drawn("tempered", "alpha2", P, (2, 1, 1)), Objective.named("sharpening", alpha=2.0))
    assert row["attainable"] == pytest.approx(2 * math.log(1 / 2))


def test_the_null_control_has_nothing_to_gain():
    row = way(drawn("tempered", "alpha2", P, (2, 1, 1)), Objective.named("null_control"))
    assert math.isnan(row["share"])
    assert not row["short"]


def test_the_decoder_for_the_same_target_stands_beside_it():
    """At another exponent it aims elsewhere; the best of N aims at the mode."""
    own = drawn("tempered", "alpha2", P, (2, 1, 1))
    sir = drawn("base", "base", P, (0, 0, 3), "sir", '{"type": "sir", "alpha": 2.0}')
    other = drawn("base", "base", P, (0, 0, 3), "sir4", '{"type": "sir", "alpha": 4.0}')
    row = way(own, TEMPERED, sir, other)
    assert (row["accuracy"], row["target_decoder"], row["target_accuracy"]) == (0.25, "sir", 1.0)
    best = drawn("base", "base", P, (3, 0, 0), "best", '{"type": "best_of_n"}')
    assert way(own, Objective.named("sharpening", alpha=2.0), sir, best)["target_decoder"] == "best"


def test_without_log_probabilities_nothing_is_said():
    foreign = drawn("tempered", "alpha2", P, (2, 1, 1)).assign(logp_policy=np.nan)
    assert goals(pd.concat([BASE, foreign]), {("tempered", "alpha2"): TEMPERED}, seed=0).empty
