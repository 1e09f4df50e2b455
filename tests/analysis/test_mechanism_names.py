"""The rule's names: branch by branch on numbers written by hand, and on policies made exactly in small worlds."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from beyond_sharpening.analysis import Thresholds, mechanism
from beyond_sharpening.analysis.mechanisms.intervals import Estimate
from beyond_sharpening.analysis.mechanisms.naming import EXPLAINED, Evidence, Zero, name_of
from beyond_sharpening.analysis.validation.worlds import draw_samples, make_world, member, shorter, with_new_mass

RULE = Thresholds()


def number(value, half=0.1):
    return Estimate(value, value - half, value + half)


def evidence(**changes):
    """A policy that did nothing but come 0.5 nats away, half of them in the family."""
    numbers = {"alpha": number(1), "beta": number(0), "shift": number(0), "kl": 0.5, "residual": 0.25}
    return Evidence(**numbers | {"spread": 2.0, "odds_spread": 0.2, "most_beyond": 0.0} | changes)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"most_beyond": 3}, "beyond"),
        ({"most_beyond": 2}, "undetermined"),
        ({"kl": 0.019, "residual": 0.0, "beta": number(1)}, "no change"),
        ({"kl": 0.24}, "no change"),
        ({"kl": 0.24, "beta": number(1), "residual": 0.1}, "tilt"),
        ({"residual": 0.28, "beta": number(1)}, "outside the family"),
        ({"residual": 0.27, "beta": number(1)}, "tilt"),
        ({"alpha": number(1.5), "shift": number(0.3)}, "sharpening"),
        ({"alpha": number(1.5), "shift": number(-0.3)}, "undetermined"),  # two estimators that disagree
        ({"alpha": number(1.5, half=0.6), "shift": number(0.3)}, "undetermined"),
        ({"alpha": number(1.14), "shift": number(0.3)}, "undetermined"),  # worth 0.0196 nats
        ({"alpha": number(1.5), "shift": number(0.3), "beta": number(1)}, "sharpening and tilt"),
        ({"alpha": number(0.5), "shift": number(-0.3)}, "flattening"),
        ({"beta": number(0.6)}, "tilt"),
        ({"beta": number(-0.6)}, "tilt away"),
        ({"beta": number(0.4)}, "undetermined"),
        ({"beta": number(0.6, half=0.7)}, "undetermined"),
        ({"beta": number(0.6), "odds_spread": 0.05}, "undetermined"),  # worth 0.009 nats
        ({"alpha": number(np.nan)}, "undetermined"),
        ({"kl": np.nan, "residual": np.nan, "beta": number(1)}, "tilt"),  # foreign samples: the family's own KL
        ({"kl": np.nan, "residual": np.nan}, "no change"),
    ],
)
def test_the_rule(changes, name):
    assert name_of(evidence(**changes), RULE, Zero())[0] == name


def test_what_counts_as_nothing_is_measured():
    tilted = evidence(beta=number(0.6))
    assert name_of(tilted, RULE, Zero(log_odds=0.6))[0] == "undetermined"
    assert name_of(evidence(kl=0.3), RULE, Zero(kl=0.31))[0] == "no change"
    noisy = evidence(residual=0.4, beta=number(0.6))
    assert name_of(noisy, RULE, Zero())[0] == "outside the family"
    assert name_of(noisy, RULE, Zero(residual=0.15))[0] == "tilt"


def test_thresholds_are_parameters_that_refuse_nonsense():
    assert Thresholds(log_odds=0.7).log_odds == 0.7
    with pytest.raises(ValueError, match="outside"):
        Thresholds(outside=70)
    with pytest.raises(ValueError, match="log_ods"):
        Thresholds(log_ods=0.7)
    assert all(field.description for field in Thresholds.model_fields.values())


NEW = 20
KINDS = {
    "alpha 1.5": ("sharpening", member(1.5)),
    "alpha 2": ("sharpening", member(2)),
    "alpha 4": ("sharpening", member(4)),
    "beta 1": ("tilt", member(1, 1)),
    "beta 3": ("tilt", member(1, 3)),
    "both": ("sharpening and tilt", member(2, 2)),
    "none": ("no change", member()),
    "flatter": ("flattening", member(0.5)),
    "away": ("tilt away", member(1, -1)),
    "new mass": ("beyond", with_new_mass(NEW)),
    "drift": ("outside the family", member(1.2, 0, drift=1.3)),
    "misfit": ("outside the family", shorter(0.04, 1.2)),
}


@pytest.fixture(scope="module")
def drawn():
    world = make_world(0, new_mass=NEW)
    return draw_samples(world, {kind: make for kind, (_, make) in KINDS.items()}, n_samples=16, noise=0.01)


@pytest.fixture(scope="module")
def table(drawn):
    return mechanism(drawn[0]).set_index("policy")


@pytest.mark.parametrize("kind", KINDS)
def test_policies_made_exactly_get_their_names(table, kind):
    assert table.loc[kind, "name"] == KINDS[kind][0], table.loc[kind, "reason"]
    assert table.loc[kind, "stability"] > 0.5
    assert table.loc[kind, "meaning"] == EXPLAINED[KINDS[kind][0]]


def test_the_problems_beyond_are_those_that_were_given_new_mass(table):
    named = table.loc["new mass", "beyond_problems"]
    assert len(named) >= NEW - 2
    assert set(named) <= {f"p{number:05d}" for number in range(NEW)}
    assert table.loc["new mass", "n_beyond"] == len(named)
    assert table["n_beyond"].drop("new mass").max() < RULE.beyond_problems


def test_a_pure_tilt_gains_where_the_base_has_none_and_is_no_new_mass(table):
    """The trap: significant gains on problems that no base sample solves, by re-weighting alone."""
    assert table.loc["beta 3", "n_rose"] > 20
    assert table.loc["beta 3", "n_beyond"] == 0
    assert table.loc["beta 3", "efficiency"] == pytest.approx(1, abs=0.02)
    assert table.loc["alpha 4", "efficiency"] < 0.8


def test_nothing_has_moved_where_nothing_was_done(table):
    row = table.loc["none"]
    for name, zero in {"alpha": 1, "beta": 0, "shift": 0, "coverage_gained": 0, "coverage_lost": 0}.items():
        assert row[f"{name}_low"] - 0.02 < zero < row[f"{name}_high"] + 0.02
    assert row["n_rose"] + row["n_fell"] <= 1


def test_arms_never_told_what_is_right_are_the_measured_zero(drawn):
    samples = drawn[0]
    kept = samples[samples["policy"].isin(["base", "beta 1", "beta 3"])]
    plain = mechanism(kept).set_index("policy")
    assert plain["name"].tolist() == ["tilt", "tilt"]
    told = mechanism(kept, untold=["beta 1"]).set_index("policy")
    assert told.loc["beta 1", "name"] != "tilt", "what is never told what is right cannot tilt"
    assert told.loc["beta 3", "name"] == "tilt"
    assert told.loc["beta 3", "zero_log_odds"] == pytest.approx(plain.loc["beta 1", "beta"])


def test_seeds_are_counted_and_labels_say_how_firm_they_are():
    world = make_world(1)
    samples, _ = draw_samples(world, {"weak": member(1, 0.55), "firm": member(1, 2)}, n_samples=16, seeds=range(3))
    table = mechanism(samples).set_index("policy")
    assert table["n_seeds"].tolist() == [3, 3]
    assert table.loc["firm", ["name", "stability", "threshold_sensitive"]].tolist() == ["tilt", 1.0, ""]
    assert table.loc["weak", "stability"] < 1
    assert "log_odds × 1.2" in table.loc["weak", "threshold_sensitive"]


def test_a_policy_has_a_name_over_all_its_benchmarks():
    easy, hard = make_world(0, n_problems=60), make_world(1, n_problems=60)
    one, _ = draw_samples(easy, {"a": member(1, 2), "b": member(1, 2)}, n_samples=16, benchmark="easy")
    two, _ = draw_samples(hard, {"a": member(1, 2), "b": member(3)}, n_samples=16, benchmark="hard")
    table = mechanism(pd.concat([one, two]))
    overall = dict(zip(table["policy"], table["overall"], strict=True))
    assert overall == {"a": "tilt", "b": "mixed: tilt on 1, sharpening on 1"}


def test_every_branch_has_a_field_of_evidence():
    """A threshold that decides nothing would be a promise; a fifth more or less of each is tried for the label."""
    assert {field.name for field in dataclasses.fields(Evidence)} >= {"alpha", "beta", "shift", "kl", "residual"}
    for name in Thresholds.model_fields:
        assert getattr(RULE.scaled(name, 1.2), name) >= getattr(RULE, name)
