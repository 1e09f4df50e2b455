"""A step of RLOO beside TRL's: the same work on both sides, and what the numbers are made of."""

import gc
import math
import weakref
from types import SimpleNamespace

import pytest
import torch

from beyond_sharpening.errors import BadInput
from beyond_sharpening.models.shape import Shape
from beyond_sharpening.models.start_model import architecture
from beyond_sharpening.parameters import Benchmark, Hardware, HubBase
from beyond_sharpening.speed import growth, run, training
from models.families import FAMILIES, WIDTHS, shipped

STEP = {"prompts": 4, "completions": 2, "prompt_tokens": 6, "new_tokens": 5}
OPTIONS = Benchmark.model_validate({**shipped("tiny", "test")["benchmark"], "step": STEP})


def small(family: str) -> HubBase:
    """The family's block with its real vocabulary, of which the benchmark's tokenizer knows next to nothing."""
    base = shipped(family)["base"]
    return HubBase.model_validate({**base, "config": {**base["config"], **WIDTHS}})


def hardware(**changed) -> Hardware:
    asked = {**shipped("tiny", "test")["hardware"], "train_batch": 4, "gradient_checkpointing": True}
    return Hardware.model_validate({**asked, **changed})


def test_exponents_are_those_of_the_times(monkeypatch):
    """Ours takes as long as the square of what is varied, the peer as long as its cube."""
    values = iter([2, 4] * len(OPTIONS.growth))

    def measured(contest, repeats):
        value = next(values)
        told = {"stage": contest.stage, "unit": contest.unit, "ratio": 1, "conditions": ""}
        return {**told, "ours": value**-2, "peer": value**-3}

    monkeypatch.setattr(growth.Contest, "measure", measured)
    rows = [row for row in growth.measure_growth(OPTIONS) if "exponent" in row["stage"]]
    assert [row["stage"] for row in rows] == [f"update, exponent of {words}" for words in growth.WORDS.values()]
    for row, asked in zip(rows, OPTIONS.growth.values(), strict=True):
        steps = math.log(asked[1] / asked[0]) / math.log(2)
        assert (row["ours"], row["peer"]) == pytest.approx((2 / steps, 3 / steps))


def test_both_sides_of_an_update_have_one_gradient(monkeypatch):
    found = []
    monkeypatch.setattr(
        torch.nn.Module, "zero_grad", lambda model: found.append([part.grad.clone() for part in model.parameters()])
    )
    contest = growth._update(OPTIONS, {"completions": 3, "prompt_tokens": 4, "new_tokens": 5, "layers": 1}, "")
    contest.ours()
    model = contest.ours.args[0]
    for part in model.parameters():
        part.grad = None
    contest.peer()
    for ours, peer in zip(*found, strict=True):
        torch.testing.assert_close(ours, peer, rtol=1e-4, atol=1e-4)


def test_steps_of_other_models_are_named_and_end_where_their_completions_end(monkeypatch):
    asked = []
    monkeypatch.setattr(
        training,
        "_one_run",
        lambda build, start, options, hardware: asked.append(options.step) or dict.fromkeys(training.PARTS, 1.0),
    )
    rows = training.measure_steps(OPTIONS, small("qwen25_3b"), hardware())
    names = ["", *(f" of {name}" for name in OPTIONS.further_steps)]
    assert [row["stage"] for row in rows] == [f"RLOO step{name}, {part}" for name in names for part in training.PARTS]
    assert asked[::2] == asked[1::2] == [OPTIONS.step, *OPTIONS.further_steps.values()]
    assert "up to 4 tokens" in rows[len(training.PARTS)]["conditions"]


@pytest.mark.parametrize("family", FAMILIES)
def test_both_sides_draw_as_many_tokens_from_models_of_the_same_shape(family, monkeypatch):
    drawn, models = {}, []

    def watched(kind):
        class Watched(kind):
            def _generate_single_turn(self, *args):
                completions = super()._generate_single_turn(*args)
                drawn.setdefault(kind.__name__, []).append([len(completion) for completion in completions])
                models.append(weakref.ref(self.model))
                return completions

        return Watched

    for kind in (training.TimedObjectiveTrainer, training.TimedPeer):
        monkeypatch.setattr(training, kind.__name__, watched(kind))
    rows = training.measure_step(OPTIONS, small(family), hardware(dtype="bfloat16"))
    assert drawn == {"TimedObjectiveTrainer": [[5] * 8] * 2, "TimedPeer": [[5] * 8] * 2}
    assert [row["stage"] for row in rows] == [f"RLOO step, {part}" for part in training.PARTS]
    assert all(row["ours"] > 0 and row["peer"] > 0 for row in rows)
    gc.collect()
    assert {model() for model in models} == {None}, "one side's memory is free when the other begins"


def test_a_step_is_its_parts_and_the_optimiser_is_one_of_them(monkeypatch):
    """At a clock that runs with the operations: a second each."""
    seconds = iter(range(1000))
    monkeypatch.setattr("beyond_sharpening.speed.clock.now", lambda: float(next(seconds)))

    class Trainer:
        def add_callback(self, callback):
            self.callback = callback

        def _generate_single_turn(self):
            next(seconds)
            return [[5, 6], [7, 8]]

        def _generate_and_score_completions(self):
            self._generate_single_turn()
            next(seconds)

    class Timed(training.Clock, Trainer):
        pass

    timed = Timed()
    for _ in range(2):
        timed.callback.on_step_begin()
        timed._generate_and_score_completions()
        next(seconds), next(seconds)  # a gradient, and the optimiser
        timed.callback.on_step_end()
    timed.tokens[0] = 1000  # of the step that warms up
    took = {part: 4 / rate for part, rate in timed.rates().items()}
    assert took["generation"] == 2
    assert took["whole"] == timed.spent["step"][-1] == took["generation"] + took["scoring"] + took["training"]
    assert took["training"] >= 2


def test_utilisation_is_of_the_operations_that_the_gradient_needs(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "NVIDIA H100 80GB HBM3")
    shape = Shape.of(architecture(small("qwen25_3b")))
    seconds, tokens, sequences = 0.5, 5, 8
    rates = {side: {"training": [sequences * tokens / seconds]} for side in ("ours", "peer")}
    (row,) = training._utilisation(rates, shape.training_flops(6, tokens) / tokens, "conditions")
    assert row["ours"] == pytest.approx(sequences * shape.training_flops(6, tokens) / seconds / 989e12)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "another device")
    assert training._utilisation(rates, 1.0, "conditions") == []


def test_what_cannot_fit_is_refused_before_it_is_built():
    profile = shipped("qwen3_4b", "gpu")
    options = Benchmark.model_validate(profile["benchmark"])
    base = HubBase.model_validate(profile["base"])
    with pytest.raises(BadInput, match=r"the benchmark cannot fit: the peer's training forward needs \d+\.\d GiB"):
        training.measure_step(options, base, Hardware.model_validate(profile["hardware"]))


@pytest.mark.parametrize("model", ["llama32_3b", "qwen25_3b"])
def test_the_gpu_profile_holds_the_benchmark_of_three_billion_parameters(model):
    profile = shipped(model, "gpu")
    shape = Shape.of(architecture(HubBase.model_validate(profile["base"])))
    options, machine = Benchmark.model_validate(profile["benchmark"]), Hardware.model_validate(profile["hardware"])
    training._check_memory(shape, options, machine)


def test_each_row_names_the_device_that_it_was_measured_on(monkeypatch):
    row = {"conditions": "small"}
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "a GPU")
    monkeypatch.setattr(run, "measure_growth", lambda options: [])
    monkeypatch.setattr(training, "measure_steps", lambda *asked: [dict(row)])
    contest = SimpleNamespace(measure=lambda repeats: dict(row))
    monkeypatch.setattr("beyond_sharpening.speed.decoding.contests", lambda options: [contest])
    monkeypatch.setattr("beyond_sharpening.speed.grading.contests", list)
    monkeypatch.setattr("beyond_sharpening.speed.statistics.contests", lambda problems: [])
    told = [measured["conditions"] for measured in run.measure(OPTIONS, small("qwen25_3b"), hardware(device="cuda"))]
    assert told == [f"small; {torch.get_num_threads()} thread(s)", "small; a GPU"]
