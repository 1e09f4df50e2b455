"""What a training costs, whether it reached its goal, and completions to read."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from beyond_sharpening.reporting.blocks import Verbatim
from beyond_sharpening.reporting.sections import completions, goals, price, verdict
from synthetic_samples import synthetic_samples


@pytest.fixture
def paid(results):
    def row(policy, variant, rival, finding, answers):
        told = {"model": "tiny", "policy": policy, "variant": variant, "rival": rival, "finding": finding}
        told |= {"accuracy": 0.8, "rival_accuracy": 0.79, "difference": 0.01, "ci_low": -0.01, "ci_high": 0.03}
        told |= {"cost": 20.0, "rival_cost": 40.0, "training": 2e6}
        return told | {"answers": answers, "answers_low": answers / 2, "answers_high": np.inf}

    rows = [
        row("task_reward", "", "smc_mh-alpha4.0", "pays", 1e5),
        row("task_reward", "", "vote-8", "less accurate", 1e5),
        row("tempered", "", "greedy", "cheaper", np.inf),
        row("tilted", "alpha2-beta100", "greedy", "less accurate", np.inf),
    ]
    return replace(results, break_even=pd.DataFrame(rows), rates={"tokens": 1e6, "kWh": 0.5})


def test_each_training_is_told_what_it_buys(paid):
    task_reward, tempered, tilted = price.advice(paid)
    assert "(2 million tokens, 2 h, 1 kWh) pays for itself after 100 000 [50 000, ∞] answers" in task_reward
    assert "sequential Monte Carlo and MH, alpha 4" in task_reward
    assert "not worth its price" in tempered
    assert "not seen to be less accurate" in tempered, "the interval of the difference has both signs"
    assert "no decoding of the base that was tried is as accurate" in tilted


def test_policies_and_decoders_stand_in_one_table_of_prices(paid):
    table = price.section(paid).blocks[0]
    assert table.header[-2:] == ["training", "a million answers"]
    costs = ["2 million tokens, 2 h, 1 kWh", "22 million tokens, 22 h, 11 kWh"]
    assert table.rows[0] == ["Task reward", "80.0 %", "20", *costs]
    assert table.rows[3][3:] == ["–", "40 million tokens, 40 h, 20 kWh"]
    assert {row[0] for row in table.rows[3:]} >= {"Base, greedy decoding", "Base, majority vote of 8"}


def test_a_decoder_that_is_dearer_and_no_better_is_no_rival(paid):
    (row,) = paid.break_even[paid.break_even["policy"] == "tempered"].to_dict("records")
    rivals = [("smc", 60.0, 0.9), ("sir", 50.0, 0.7), ("vote-8", 90.0, 0.9), ("greedy", 40.0, 0.79)]
    rows = [row | {"rival": name, "rival_cost": cost, "rival_accuracy": right} for name, cost, right in rivals]
    table = price.section(replace(paid, break_even=pd.DataFrame(rows))).blocks[2]
    assert [line[1] for line in table.rows] == ["greedy decoding", "sequential Monte Carlo"]
    assert table.rows[0][4] == "not seen to be less accurate, and no dearer"


def test_the_headline_says_which_trainings_stopped_short(results):
    told = {
        "model": "tiny",
        "variant": "",
        "benchmark": "easy",
        "start": -9.0,
        "reached": -6.0,
        "attainable": -5.0,
        "accuracy": 0.7,
    }
    told |= {"share_low": 0.7, "target_decoder": "sir-alpha2.0", "target_accuracy": 0.85}
    rows = [
        told | {"policy": "tempered", "share": 0.75, "share_high": 0.8, "short": True},
        told | {"policy": "tempered", "share": 0.2, "share_high": 0.3, "short": True, "benchmark": "hard"},
        told | {"policy": "task_reward", "share": 0.95, "share_high": 1.0, "short": False, "target_decoder": ""},
        told | {"policy": "task_reward", "share": 0.1, "share_high": 0.2, "short": True, "benchmark": "hard"},
    ]
    judged = replace(results, goals=pd.DataFrame(rows))
    (answer, *_) = verdict.section(judged).blocks
    assert "not every training reached its goal: Tempered sampling (75 % of the way on easy)." in answer
    assert "not every" not in verdict.section(results).blocks[0]
    alone = replace(judged, estimates=results.estimates[results.estimates["policy"].isin(["base", "tempered"])])
    assert "But no training reached its goal: Tempered" in verdict.section(alone).blocks[0]
    table = goals.section(judged).blocks[1]
    task_reward, _, tempered, _ = sorted(table.rows, key=lambda row: (row[0], row[1]))
    assert tempered[2:6] == [
        "−9.00 → −6.00 (−5.00)",
        "75 % [70, 80]",
        "70.0 %",
        "85.0 %, importance resampling, alpha 2",
    ]
    assert tempered[6] == "25.0 %", "of the steps that the history says were clipped"
    assert task_reward[5] == "–"


def test_without_prices_goals_or_samples_there_are_no_such_sections(results):
    assert price.section(results) is goals.section(results) is completions.section(results) is None


def test_the_problems_that_moved_most_are_shown_side_by_side(results):
    samples = synthetic_samples({"base": 0.5, "tilted": 0.5}, n_problems=6, n_samples=4)
    number = samples["problem_id"].str.rsplit("-").str[-1].astype(int)
    tilted = samples["policy"] == "tilted"
    right = (tilted & (number == 1)) | (~tilted & (number == 4)) | (number == 0)
    samples = samples.assign(correct=right, outcome=np.where(right, "correct", "wrong"))
    samples["completion"] = np.where(tilted, "a <b>|`c`", "base says") + number.astype(str)
    section = completions.section(replace(results, samples=samples))
    _, table, _, browser = section.blocks
    assert [row[1:3] for row in table.rows] == [
        ["chain_easy-1 (gold 5)", "0 → 100 %"],
        ["chain_easy-4 (gold 5)", "100 → 0 %"],
    ]
    assert all(isinstance(cell, Verbatim) for row in table.rows for cell in row[3:])
    assert table.rows[0][4].startswith("a <b>|`c`1\ncorrect, 4 of 4; log-probability")
    assert len(browser.rows) == 12, "one sample a problem of both policies"
    assert browser.filters == ["policy", "benchmark", "outcome"]


def test_the_page_has_room_for_a_share_of_many_long_samples(results, monkeypatch):
    monkeypatch.setattr(completions, "BUDGET", 20_000)
    samples = synthetic_samples({"base": 0.5}, n_problems=100, n_samples=1).assign(completion="x" * 5000)
    browser = completions.section(replace(results, samples=samples)).blocks[-1]
    assert 5 <= len(browser.rows) <= 20_000 / completions.LONGEST
    assert max(len(row[4]) for row in browser.rows) < completions.LONGEST + 10
