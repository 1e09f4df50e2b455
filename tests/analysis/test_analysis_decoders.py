"""What decoders cost, and how they fared."""

import json

import pytest

from beyond_sharpening.analysis import decoder_costs, decoder_diagnostics, estimates, pass_at_k_curves
from synthetic_samples import synthetic_samples


@pytest.fixture
def samples():
    table = synthetic_samples({"base": 0.6, "tilted": 0.7}, n_samples=8, base_decoders={"greedy": 1, "sir": 2})
    return table.assign(forward_tokens=table["decoder"].map({"temperature": 10.0, "greedy": 15.0, "sir": 45.0}))


def test_a_decoder_stands_beside_the_majority_vote_that_costs_no_more(samples):
    """A plain sample costs 10: 45 buy a vote of 4 (of 1, 2, 4, 8), 15 a single one."""
    curves = pass_at_k_curves(samples, [1, 2, 4, 8])
    costs = decoder_costs(estimates(samples, [1, 2, 4, 8]), curves).set_index("decoder")
    assert costs["k"].to_dict() == {"greedy": 1, "sir": 4, "temperature": 1}
    assert costs["forward_tokens"].to_dict() == {"greedy": 15, "sir": 45, "temperature": 10}
    votes = curves[curves["policy"].eq("base") & curves["decoder"].eq("temperature")].set_index("k")["maj_at_k"]
    assert costs["vote"].to_dict() == {"greedy": votes[1], "sir": votes[4], "temperature": votes[1]}


def test_a_decoder_of_unknown_cost_is_left_out(samples):
    unknown = samples.assign(forward_tokens=samples["forward_tokens"].where(samples["decoder"] != "sir"))
    table = estimates(unknown, [1])
    assert set(decoder_costs(table, pass_at_k_curves(unknown, [1]))["decoder"]) == {"greedy", "temperature"}


def told(samples, **diagnostics):
    return samples.assign(diagnostics=json.dumps(diagnostics))


def test_diagnostics_are_summarised_where_there_are_any(samples):
    assert decoder_diagnostics(samples).empty
    sir = told(samples[samples["decoder"] == "sir"], ess=0.5)
    sir.iloc[0, sir.columns.get_loc("diagnostics")] = json.dumps({"ess": 0.9, "log_z": -3.0})
    table = decoder_diagnostics(sir).set_index("diagnostic")
    assert table.loc["ess", "median"] == 0.5
    assert table.loc["ess", "mean"] == pytest.approx(0.5 + 0.4 / len(sir))
    assert table.loc["log_z", ["mean", "median"]].tolist() == [-3.0, -3.0]


@pytest.mark.parametrize(
    ("diagnostics", "warns"),
    [
        ({"rhat": 1.3}, "have not mixed"),
        ({"rhat": 1.05}, ""),
        ({"ess": 0.05}, "few draws"),
        ({"ess": 0.5}, ""),
        ({"acceptance": 0.0}, "have not moved"),
    ],
)
def test_what_did_not_reach_its_target_is_warned_of(samples, diagnostics, warns):
    (warning,) = decoder_diagnostics(told(samples[samples["decoder"] == "sir"], **diagnostics))["warning"]
    assert warns in warning
    assert bool(warning) == bool(warns)
