"""What an answer costs is counted alike, and the break-even is training over what an answer saves."""

import numpy as np
import pandas as pd
import pytest

from beyond_sharpening.analysis import break_even, prompt_tokens, training_tokens
from synthetic_samples import synthetic_samples

KEY = ("tilted", "alpha2-beta100")


def world(greedy_solves, greedy_cost):
    """A trained policy that solves all at 10 tokens an answer, a base whose plain samples solve none at 8."""
    table = synthetic_samples({"base": 0.0, "tilted": 1.0}, spread=0.0, base_decoders={"greedy": 1})
    greedy = table["decoder"] == "greedy"
    own = table["policy"] == "tilted"
    right = own | (greedy & greedy_solves)
    return table.assign(
        correct=right,
        outcome=np.where(right, "correct", "wrong"),
        answer=np.where(right, "5", "7"),
        forward_tokens=np.where(own, 10.0, np.where(greedy, greedy_cost, 8.0)),
    )


def found(samples, ks=(1,)):
    return break_even(samples, {KEY: 1000.0}, ks, seed=0).set_index("rival")


def test_a_dearer_decoder_as_accurate_is_paid_for_after_training_over_the_difference():
    row = found(world(greedy_solves=True, greedy_cost=30.0)).loc["greedy"]
    assert row["finding"] == "pays"
    assert (row["answers"], row["answers_low"], row["answers_high"]) == pytest.approx((50.0,) * 3)


def test_a_decoder_as_accurate_that_costs_no_more_is_better_at_any_volume():
    row = found(world(greedy_solves=True, greedy_cost=10.0)).loc["greedy"]
    assert row["finding"] == "cheaper"
    assert row["answers"] == np.inf


def test_a_decoder_that_solves_less_is_no_rival_whatever_it_costs():
    rows = found(world(greedy_solves=False, greedy_cost=1.0))
    assert set(rows["finding"]) == {"less accurate"}
    assert rows.loc["temperature", "difference"] == 1.0


def test_a_vote_reads_the_prompt_once():
    """Its price is one plain sample's, and the tokens of k − 1 further ones."""
    samples = world(greedy_solves=True, greedy_cost=30.0).assign(n_tokens=5)
    assert found(samples, ks=(1, 4)).loc["vote-4", "rival_cost"] == pytest.approx(8.0 + 3 * 5)


def test_the_interval_covers_no_saving_where_costs_vary_around_each_other():
    samples = world(greedy_solves=True, greedy_cost=30.0)
    noisy = samples["problem_id"].str.rsplit("-").str[-1].astype(int) % 2 == 0
    samples.loc[(samples["decoder"] == "greedy") & noisy, "forward_tokens"] = 0.0
    row = found(samples).loc["greedy"]
    assert row["answers"] == pytest.approx(1000 / (15 - 10))
    assert row["answers_low"] < row["answers"] < row["answers_high"] == np.inf


def test_an_oracle_is_no_rival():
    samples = world(greedy_solves=True, greedy_cost=30.0)
    told = samples["decoder"] == "greedy"
    samples.loc[told, "decoder_parameters"] = '{"type":"oracle_best_of_n"}'
    assert "greedy" not in found(samples).index


def test_tokens_of_a_training_count_each_pass():
    history = pd.DataFrame({"length": [10.0, 20.0]})
    assert training_tokens(history, completions=4, prompt=5.0) == 5 * 4 * (15 + 25)
    plain = synthetic_samples({"base": 0.5}).assign(forward_tokens=lambda rows: rows["n_tokens"] + 6)
    assert prompt_tokens(plain) == pytest.approx(7.0)
