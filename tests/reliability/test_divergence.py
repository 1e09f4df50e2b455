"""A training that diverges is a finding: recorded, told, and no end of anything else."""

import math

import pytest
import torch

from beyond_sharpening.parameters import Training
from beyond_sharpening.training.monitor import Monitor, findings, is_usable
from training.conftest import base  # noqa: F401
from training.small_cell import HARDWARE, equal, options, task, train, weights

WELL = {
    "reward": 0.5,
    "signal": 0.5,
    "entropy": 1.0,
    "kl": 0.5,
    "log_policy": -8.0,
    "log_reference": -8.5,
    "grad_norm": 0.3,
    "loss": 0.0,
    "completions/clipped_ratio": 0.1,
    "completions/mean_length": 40.0,
    "unscored": 0.0,
}


def found(*rows: dict, objective: str = "task_reward", **rules) -> dict[str, str]:
    asked = options(objective, divergence={"steps": 2, **rules})
    return dict(findings([{"validation_accuracy": 0.1}, *[{**WELL, **row} for row in rows]], asked))


def test_a_training_that_goes_well_is_no_finding():
    assert found({}, {}, {}) == {}
    for none in (math.nan, None):
        assert found({"reward": none, "unscored": 1.0}) == {}, "a step that could not be scored says nothing"


@pytest.mark.parametrize("name", ["reward", "entropy", "kl", "log_policy", "grad_norm", "loss"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, None])
def test_a_number_that_is_none_is_found_at_once(name, value):
    assert found({}, {name: value}) == {"non_finite": f"{name} = {value}"}


@pytest.mark.parametrize(
    ("rule", "key", "bad", "off"),
    [
        ("entropy_collapse", "entropy", 0.01, {"min_entropy": None}),
        ("length_explosion", "completions/clipped_ratio", 1.0, {"max_truncated": None}),
        ("length_collapse", "completions/mean_length", 3.0, {"min_length_share": None}),
        ("kl_limit", "kl", 60.0, {"max_kl": None}),
    ],
)
def test_what_lasts_is_found_once_it_has_lasted(rule, key, bad, off):
    row, limit = {key: bad, "signal": 0.5}, {"max_kl": 50.0, "above_attainable": False}
    assert found({}, row, **limit) == {}
    assert [*found({}, row, row, **limit)] == [rule]
    assert found({}, row, {}, **limit) == {}
    assert found({}, row, row, **{**limit, **off}) == {}


def test_completions_that_were_always_cut_short_do_not_explode():
    cut = {"completions/clipped_ratio": 1.0}
    assert found(cut, cut, cut) == {}


def test_a_reward_above_the_attainable_is_found_whatever_its_penalties():
    """At R = 1 in the mean, tilted sampling's reward is 1 + (α − 1)/β · log π_ref − KL/β: no more can be had."""
    reward = 1 + (2 - 1) / 100 * WELL["log_reference"] - WELL["kl"] / 100
    assert found({"reward": reward}, objective="tilted") == {}
    assert found({"reward": reward + 0.01}, objective="tilted") == {
        "above_attainable": "R is 1.01 in the mean, and at most 1 can be had"
    }


def test_a_policy_without_probabilities_is_of_no_use():
    assert is_usable([WELL, {**WELL, "grad_norm": math.nan}])
    assert not is_usable([WELL, {**WELL, "log_policy": math.nan}, {"train_loss": 0.0}])


class TestTraining:
    """What the trainings do that used to end the run, or to say nothing."""

    tracked: list

    def train(self, base, folder, **asked):  # noqa: F811
        self.tracked = []
        return train(
            *(base, task(), options("sharpening", warmup_steps=0, **asked), HARDWARE, 0, folder),
            lambda metrics, step: self.tracked.append((step, metrics)),
        )

    def test_a_gradient_that_is_no_number_ends_it_and_moves_nothing(self, base, tmp_path):  # noqa: F811
        trained = self.train(base, tmp_path, learning_rate=1e4, steps=9)
        end = trained.history.iloc[-1]
        assert len(trained.history) < 9
        assert end["divergence"].startswith("non_finite: grad_norm = nan")
        assert (int(end["step"]), {"diverged/non_finite": 1.0}) in self.tracked
        assert all(torch.isfinite(weight).all() for weight in weights(trained.last).values())
        assert trained.best.path.is_dir()

    @pytest.mark.parametrize(("validated", "kept"), [(9, "the start model"), (1, "the best")])
    def test_weights_without_probabilities_are_not_kept(self, base, tmp_path, monkeypatch, validated, kept):  # noqa: F811
        monkeypatch.setattr("beyond_sharpening.training.process.is_usable", lambda rows: False)
        trained = self.train(base, tmp_path, learning_rate=1e30, validate_every=validated, steps=9)
        assert equal(trained.last, trained.best)
        assert equal(trained.last, base) == (kept == "the start model")

    def test_rewards_that_are_no_numbers_end_it(self, base, tmp_path):  # noqa: F811
        history = self.train(base, tmp_path, learning_rate=1e-2, reward_scale=1e38).history
        assert history["divergence"].tolist() == ["non_finite: reward = -inf"]

    @pytest.mark.parametrize(("action", "steps"), [("go_on", 12), ("stop", 6)])
    def test_a_policy_that_collapses_is_told_and_goes_on_or_stops_as_asked(self, base, tmp_path, action, steps):  # noqa: F811
        """One row more before the collapse than the five that it lasts."""
        history = self.train(base, tmp_path, learning_rate=10, steps=12, divergence={"action": action}).history
        assert history["step"].max() == steps
        told = history.dropna(subset=["divergence"])
        assert told["step"].tolist() == [6]
        assert told["divergence"].iloc[0].startswith("entropy_collapse: entropy at most 0 nats a token for 5 steps")


def test_what_was_found_is_not_found_again_after_an_interruption():
    monitor = Monitor(options(), lambda *_: None)
    log = [{**WELL, "divergence": "entropy_collapse: …; length_collapse: …"}]
    monitor.on_train_begin(None, type("State", (), {"log_history": log}), None)
    assert monitor.found == {"entropy_collapse", "length_collapse"}


def test_rules_are_checked_and_name_a_cell_only_where_they_differ():
    assert "divergence" not in options().model_dump()
    with pytest.raises(ValueError, match="min_entropy"):
        Training.model_validate({**options().model_dump(), "divergence": {"min_entropy": -1}})
