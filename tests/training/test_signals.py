"""What a training is told: each signal by its own definition, and that the machine decides nothing of it."""

import math

import pytest
import torch
from pydantic import ValidationError

from beyond_sharpening.grading import Verdict
from beyond_sharpening.parameters.signals import Gold, Noisy
from beyond_sharpening.training.signals import Rollouts, told, truth
from training.small_cell import options

RIGHT, WRONG = Verdict("correct", "1"), Verdict("wrong", "2")
NO_ANSWER, LATE = Verdict("unparsable", None), Verdict("timeout", "3")


def rollouts(verdicts, *, questions=None, group_size=2, **changed) -> Rollouts:
    place = {"seed": 0, "step": 0, "first": 0} | changed
    asked = questions or [f"q{row // group_size}" for row in range(len(verdicts))]
    return Rollouts(asked, ["" for _ in verdicts], verdicts, group_size, **place)


def test_truth_tells_unscorable_from_wrong():
    assert truth([RIGHT, WRONG, NO_ANSWER]).tolist() == [1, 0, 0]
    assert math.isnan(truth([LATE]).item())


def test_gold_is_the_truth():
    seen = rollouts([RIGHT, WRONG, NO_ANSWER, LATE])
    torch.testing.assert_close(told(Gold(), seen), truth(seen.verdicts), equal_nan=True)


class TestNoisy:
    """Flips at given rates."""

    def test_rates_of_none_and_all_are_the_truth_and_its_opposite(self):
        seen = rollouts([RIGHT, WRONG, NO_ANSWER])
        assert told(Noisy(type="noisy"), seen).tolist() == [1, 0, 0]
        for flips in ("drawn", "fixed"):
            always = Noisy(type="noisy", false_positive=1, false_negative=1, flips=flips)
            assert told(always, seen).tolist() == [0, 1, 1]

    def test_what_cannot_be_scored_is_not_flipped(self):
        assert told(Noisy(type="noisy", false_positive=1), rollouts([LATE])).isnan().all()

    @pytest.mark.parametrize("flips", ["drawn", "fixed"])
    def test_flips_come_at_their_rates(self, flips):
        """Of 4000 answers each; the bound is five standard deviations of a binomial share."""
        signal, count = Noisy(type="noisy", false_positive=0.3, false_negative=0.1, flips=flips), 4000
        for verdict, rate in ((WRONG, 0.3), (RIGHT, 0.9)):
            seen = rollouts([verdict] * count, questions=[f"q{row}" for row in range(count)])
            share = told(signal, seen).double().mean().item()
            assert abs(share - rate) < 5 * math.sqrt(rate * (1 - rate) / count)

    def test_drawn_flips_are_anew_at_every_step_place_and_seed(self):
        signal, verdicts = Noisy(type="noisy", false_positive=0.5), [WRONG] * 64
        first = told(signal, rollouts(verdicts))
        assert torch.equal(first, told(signal, rollouts(verdicts)))
        for changed in ({"step": 1}, {"seed": 1}, {"first": 64}):
            assert not torch.equal(first, told(signal, rollouts(verdicts, **changed)))

    def test_fixed_flips_belong_to_an_answer_of_a_problem(self):
        """Whenever and wherever it is given; another answer, and the answer to another problem, have their own."""
        signal = Noisy(type="noisy", false_positive=0.5, flips="fixed")
        answers = [Verdict("wrong", str(answer)) for answer in range(64)]
        first = told(signal, rollouts(answers, questions=["q"] * 64))
        assert 0 < first.sum() < 64
        later = rollouts(answers[::-1], questions=["q"] * 64, step=7, first=64)
        assert torch.equal(told(signal, later).flip(0), first)
        assert not torch.equal(told(signal, rollouts(answers, questions=["other"] * 64)), first)

    @pytest.mark.parametrize("flips", ["drawn", "fixed"])
    def test_processes_that_share_a_step_are_told_what_one_would_be(self, flips):
        signal, verdicts = Noisy(type="noisy", false_positive=0.5, flips=flips), [WRONG, RIGHT] * 8
        whole = told(signal, rollouts(verdicts))
        questions = [f"q{row // 2}" for row in range(16)]
        halves = [
            told(signal, rollouts(verdicts[half], questions=questions[half], first=half.start))
            for half in (slice(0, 8), slice(8, 16))
        ]
        assert torch.equal(torch.cat(halves), whole)


class TestParameters:
    """The block under ``train.X.signal``."""

    @pytest.mark.parametrize("rate", [-0.1, 1.1, float("nan")])
    def test_rates_are_shares(self, rate):
        with pytest.raises(ValidationError, match=r"signal.noisy.false_positive"):
            options("task_reward", signal={"type": "noisy", "false_positive": rate})

    @pytest.mark.parametrize("objective", ["sharpening", "tempered", "null_control"])
    def test_an_objective_that_is_told_nothing_has_no_signal(self, objective):
        with pytest.raises(ValidationError, match=f"signal = noisy: {objective} is told nothing"):
            options(objective, signal={"type": "noisy"})

    def test_a_signal_that_is_not_the_truth_names_the_cell(self):
        noisy = {"type": "noisy", "false_positive": 0.25, "flips": "fixed"}
        assert options("task_reward", signal=noisy).variant() == "noisy-false_positive0.25-flips_fixed"
        assert options("tilted", signal=noisy).variant() == "alpha2-beta100-noisy-false_positive0.25-flips_fixed"

    def test_the_truth_leaves_name_and_identity_as_they_were(self):
        """Cells that were made before there were signals are those of the truth."""
        plain, gold = options("task_reward"), options("task_reward", signal={"type": "gold"})
        assert plain.variant() == gold.variant() == "default"
        assert "signal" not in gold.model_dump(mode="json")
        assert "signal" in options("task_reward", signal={"type": "noisy"}).model_dump(mode="json")
