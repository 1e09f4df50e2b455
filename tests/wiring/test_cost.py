"""Tokens, hours and disk of a plan, counted by hand."""

from collections import namedtuple
from pathlib import Path

import pytest

from beyond_sharpening.models.memory import GIB
from beyond_sharpening.models.rates import Rates, looked_up
from beyond_sharpening.parameters import Task
from beyond_sharpening.parameters.decoders import BestOfN, PowerMH, Sir, Smc, SmcMH, TemperatureSampling
from beyond_sharpening.wiring import cost
from beyond_sharpening.wiring.cost import Disk, Work
from beyond_sharpening.wiring.to_draw import Draw

RATES = Rates(drawn=100, scored=1000, trained=500, source="a stopwatch")
Asked = namedtuple("Asked", ["task", "evaluate"])
Evaluated = namedtuple("Evaluated", ["decoders"])
TASK = Task(prompt="{question}", max_completion_tokens=10, grader="beyond_sharpening.grading:grade")
DECODERS = {
    "temperature": TemperatureSampling(type="temperature", samples=16),
    "best": BestOfN(type="best_of_n", n=8, samples=2),
    "sir": Sir(type="sir", alpha=2, n=8, samples=2),
    "sir_alone": Sir(type="sir", alpha=2, n=8, samples=2, temperature=0.5),
    "mh": PowerMH(type="power_mh", alpha=2, blocks=2, steps=3),
    "smc": Smc(type="smc", alpha=2, n=4, samples=2),
    "smc_mh": SmcMH(type="smc_mh", alpha=2, n=4, samples=2, steps=5),
}


def evaluations(*draws: Draw) -> dict[str, Work]:
    rows = cost.work(Asked(TASK, Evaluated(DECODERS)), [], None, draws)
    return {row.stage: row for row in cost.together(rows)}


def test_a_decoder_costs_what_it_draws_and_not_what_it_keeps():
    asked = [Draw("base", name, "sums", 3 * decoder.samples) for name, decoder in DECODERS.items()]
    drawn = {stage.removeprefix("base "): row.drawn // 30 for stage, row in evaluations(*asked).items()}
    # SIR chooses from the draws that best of n chose from: the pool is drawn once, and anew at another temperature.
    assert drawn == {"temperature": 16, "best": 16, "sir": 0, "sir_alone": 16, "mh": 7, "smc": 8, "smc_mh": 18}


def test_benchmarks_add_up_and_unknown_problems_are_left_out():
    draws = [Draw("tilted", "temperature", name, count) for name, count in (("a", 16), ("b", 32), ("c", None))]
    assert evaluations(*draws) == {"tilted temperature": Work("tilted temperature", 480, 960)}


def test_hours_are_those_of_drawing_scoring_and_learning():
    assert Work("train_tilted", 360_000, 3_600_000, 1_800_000).hours(RATES) == pytest.approx(1 + 1 + 1)


def test_the_plan_says_what_leaving_a_decoder_out_would_save_and_what_a_sweep_takes():
    rows = [
        Work("train_tilted", 360_000, 0, 1_800_000),
        Work("base temperature", 360_000),
        Work("base smc", 720_000),
        Work("tilted smc", 360_000),
    ]
    told = cost.told(rows, RATES, Disk(0, 2 * GIB, 3 * GIB, GIB), cells=10)
    assert "together 6.00 h: a stopwatch" in told
    assert "without evaluate.decoders.smc: 3.00 h less (50%)" in told
    assert "evaluate.decoders.temperature" not in told
    assert "on disk up to 6.00 GiB: policies 2.00, state of a training 3.00, samples 1.00" in told
    assert "a sweep of this model as it is set up has 10 cells: policies 20.0 GiB, 20.0 h of training" in told


def test_without_a_rate_there_are_tokens_and_where_to_get_one():
    told = cost.told([Work("base smc", 720_000)], None, Disk(0, 0, 0, GIB), cells=1)
    assert "720,000" in told
    assert "dry_run=probe measures some" in told
    assert "sweep" not in told


def test_rates_of_another_size_are_said_to_be_a_guess():
    small, large = looked_up(134_515_008, "cuda"), looked_up(2 * 134_515_008, "cuda")
    assert small
    assert large
    assert large.drawn == small.drawn / 2
    assert "a guess from SmolLM2-135M on one H200" in large.source
    assert looked_up(134_515_008, "abacus") is None


def test_a_disk_that_is_too_small_is_refused_with_what_fills_it(tmp_path, monkeypatch):
    monkeypatch.setattr(cost.shutil, "disk_usage", lambda place: namedtuple("Usage", "free")(5 * GIB))
    needed = Disk(start=GIB, policies=2 * GIB, states=3 * GIB, samples=0)
    told = cost.too_small(needed, tmp_path / "not" / "there yet")
    assert "has 5.0 GiB free, and the run writes up to 6.0: policies 2.0, the state of a training 3.0" in str(told)
    assert cost.too_small(Disk(GIB, GIB, 3 * GIB, 0), Path(tmp_path)) is None
