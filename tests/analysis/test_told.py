"""Where what a training is told and what is true part: made-up histories whose answer is known."""

import math

import numpy as np
import pandas as pd
import pytest

from beyond_sharpening.analysis import parting_step, told_and_true
from beyond_sharpening.analysis.told import TOLD_COLUMNS

STEPS, PEAK = 200, 80
RISE_AND_FALL = np.interp(np.arange(STEPS), [0, PEAK, STEPS], [0.5, 0.7, 0.4])
RISE = np.linspace(0.5, 0.9, STEPS)
FLAT = np.full(STEPS, 0.5)


def history(truth, signal, seed=0, completions=256):
    """What a step of so many completions would measure of the two."""
    generator = np.random.default_rng(seed)
    measured = {
        name: generator.binomial(completions, mean) / completions
        for name, mean in (("task_accuracy", truth), ("signal", signal))
    }
    return pd.DataFrame({"step": np.arange(1, STEPS + 1), **measured})


def test_they_part_where_truth_begins_to_fall_while_the_signal_rises():
    for seed in range(20):
        assert parting_step(history(RISE_AND_FALL, RISE, seed)) == pytest.approx(PEAK, abs=20)


@pytest.mark.parametrize(
    ("truth", "signal"), [(RISE, RISE), (RISE_AND_FALL, RISE_AND_FALL), (RISE_AND_FALL, FLAT), (FLAT, RISE)]
)
def test_they_do_not_part_where_one_of_it_is_missing(truth, signal):
    """In 200 histories of chance at most two: each slope is tested at a thousandth, after a peak was picked."""
    assert sum(not math.isnan(parting_step(history(truth, signal, seed))) for seed in range(200)) <= 2


def test_a_history_too_short_or_without_numbers_says_nothing():
    frame = history(RISE_AND_FALL, RISE)
    assert math.isnan(parting_step(frame.head(5)))
    assert math.isnan(parting_step(frame.assign(signal=np.nan)))
    assert math.isnan(parting_step(frame.assign(signal=1.0)))


def test_a_row_a_cell_says_what_it_was_told():
    frame = history(RISE_AND_FALL, RISE)
    noisy = {"type": "noisy", "false_positive": 0.2, "false_negative": 0.1, "flips": "fixed"}
    trainings = {
        "task_reward/default/seed-0": {},
        "task_reward/noisy/seed-1": {"signal": noisy},
        "task_reward/positive/seed-0": {"samples": "positive"},
        "tilted/alpha2-beta100-majority/seed-0": {"signal": {"type": "majority"}},
        "sharpening/alpha1/seed-0": {},
        "tilted/of-which-no-history-is-there/seed-0": {},
    }
    table = told_and_true({cell: lambda: frame for cell in [*trainings][:5]}, trainings)
    assert list(table.columns) == TOLD_COLUMNS
    assert table["train_seed"].tolist() == [0, 0, 1, 0, 0]
    assert table["signal"].tolist() == ["nothing", "gold", "noisy", "gold", "majority"]
    assert table["youden"].tolist() == pytest.approx([math.nan, 1, 0.7, 1, math.nan], nan_ok=True)
    assert table["samples"].tolist() == ["all", "all", "all", "positive", "all"]
    assert table["truth_first"][1] == pytest.approx(frame["task_accuracy"].head(20).mean())
    assert table["signal_last"][1] == pytest.approx(frame["signal"].tail(20).mean())
    assert table["parts_at"][1] == parting_step(frame)
    assert table.loc[0, ["signal_first", "signal_last", "parts_at"]].isna().all(), "sharpening is told nothing"


def test_a_cell_older_than_signals_was_told_the_truth():
    table = told_and_true(
        {"task_reward/default/seed-0": lambda: history(RISE, RISE).drop(columns="signal")},
        {"task_reward/default/seed-0": {}},
    )
    assert table["signal_last"].tolist() == table["truth_last"].tolist()
