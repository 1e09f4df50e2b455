"""One cell end to end on a random model: what it leaves, and that an interruption changes nothing."""

import dataclasses
import json
import math
import weakref
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from beyond_sharpening.errors import BadInput
from beyond_sharpening.grading import Verdict
from beyond_sharpening.models.tiny import build_tokenizer
from beyond_sharpening.objectives import OBJECTIVES
from beyond_sharpening.parameters.trl import FIXED_TRL_ARGUMENTS
from beyond_sharpening.problems import Problem
from beyond_sharpening.problems.prompts import prompt_token_ids
from beyond_sharpening.training import Job, arguments, process
from beyond_sharpening.training.process import HISTORY
from training.small_cell import (
    HARDWARE,
    TIMEOUT,
    equal,
    never_in_time,
    nowhere,
    options,
    short,
    task,
    train,
    weights,
)

COLUMNS = [*HISTORY.values(), "divergence", "clipped", "tokens_per_second"]


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_every_objective_leaves_a_policy_and_a_row_a_step(base, tmp_path, objective):
    tracked = []
    trained = train(
        base,
        task(),
        options(objective),
        HARDWARE,
        0,
        tmp_path / "cell",
        lambda metrics, step: tracked.append((step, metrics)),
    )
    assert not equal(trained.last, base)
    assert trained.last.tokenizer().chat_template == base.tokenizer().chat_template
    history = trained.history
    assert list(history.columns) == COLUMNS
    assert history["step"].tolist() == [1, 2, 3, 4]
    assert history["validation_accuracy"].notna().tolist() == [False, True, False, True]
    assert np.isfinite(history.drop(columns=["validation_accuracy", "divergence"])).all(axis=None)
    assert history["learning_rate"].tolist() == pytest.approx([1e-3, 5.5e-3, 1e-2, 1e-2])
    assert [step for step, metrics in tracked if "reward" in metrics] == [1, 2, 3, 4]
    assert [path.name for path in (tmp_path / "cell").glob("checkpoint-*")] == ["checkpoint-4"], "until all is taken"


def test_the_first_step_starts_at_the_reference(base, tmp_path):
    """π_θ = π_ref there, so KL is 0 and tilted sampling's reward is R + (α − 1)/β · mean log π_ref."""
    first = train(
        base, task(), options("tilted", steps=1, beta=5), HARDWARE, 0, tmp_path / "cell", nowhere
    ).history.iloc[0]
    assert first["kl"] == pytest.approx(0, abs=1e-5)
    assert first["log_policy"] == pytest.approx(first["log_reference"], abs=1e-5)
    assert first["reward"] == pytest.approx(first["task_accuracy"] + first["log_reference"] / 5, abs=1e-5)
    assert first["clipped"] == float(first["grad_norm"] > 1)


class Asking:
    """A grader that asks for the question of each completion, in training and in validation."""

    def __init__(self):
        self.asks, self.asked = {"question": True}, []

    def __call__(self, completions, golds, columns):
        self.asked.append([(json.loads(column)["question"], gold) for column, gold in zip(columns, golds, strict=True)])
        return short(completions, golds)


def test_a_grader_that_asks_for_the_question_gets_that_of_each_completion(base, tmp_path):
    grade = Asking()
    train(base, task(grade), options(steps=1), HARDWARE, 0, tmp_path / "cell", nowhere)
    validated, trained, *_ = grade.asked
    held_out, seen = task().validation, task().train
    assert {*validated} == {(problem.question, problem.gold) for problem in held_out}
    assert {*trained} <= {(problem.question, problem.gold) for problem in seen}
    assert len({*trained}) > 1


def test_nothing_of_the_trainer_stays_in_memory(base, tmp_path, monkeypatch):
    """Its weights and optimiser fill most of a GPU, on which the same process evaluates afterwards."""
    built, build_trainer = [], process.build_trainer

    def watched(*args):
        trainer = build_trainer(*args)
        built.extend(weakref.ref(part) for part in (trainer, trainer.model, trainer.reference))
        return trainer

    monkeypatch.setattr(process, "build_trainer", watched)
    train(base, task(), options(steps=1), HARDWARE, 0, tmp_path / "cell", nowhere)
    assert [part() for part in built] == [None, None, None]


def test_a_process_trains_on_one_gpu_however_many_it_sees(base, tmp_path, monkeypatch):
    """TRL refuses to spread a batch over several."""
    ask = process.training_arguments

    def seeing_four(job):
        arguments = ask(job)
        arguments._n_gpu = 4
        return arguments

    monkeypatch.setattr(process, "training_arguments", seeing_four)
    trainer = process.build_trainer(Job(base, task(), options(), HARDWARE, 0, tmp_path, nowhere), base.tokenizer())
    assert trainer.args.n_gpu == 1


def test_a_policy_that_is_to_be_sharded_is_loaded_beside_the_gpu(monkeypatch, tmp_path):
    """Which holds its shard and the reference, and never the whole of the float32 weights."""
    monkeypatch.setenv("LOCAL_RANK", "2")
    monkeypatch.setattr(process, "ObjectiveTrainer", lambda **given: given)
    monkeypatch.setattr(process, "training_arguments", lambda job: None)
    asked = {"device": "cuda", "dtype": "bfloat16", "processes": 4}
    loaded = SimpleNamespace(model=lambda *place: place)
    for sharding, place in (("fsdp2", "cpu"), ("none", "cuda:2")):
        hardware = HARDWARE.model_copy(update={**asked, "sharding": sharding})
        given = process.build_trainer(Job(loaded, task(), options(), hardware, 0, tmp_path, nowhere), None)
        assert given["model"] == (place, "float32", "sdpa")
        assert given["reference"] == ("cuda:2", "bfloat16", "sdpa")


class TestAdapter:
    """LoRA trains a few weights beside the start model, which stays below them as the reference."""

    asked = options("tempered", lora={"rank": 2, "scale": 4}, validate_every=1)

    def test_it_leaves_policies_that_load_without_it(self, base, tmp_path):
        trained = train(base, task(), self.asked, HARDWARE, 0, tmp_path / "cell", nowhere)
        before = weights(base)
        for policy in (trained.last, trained.best):
            changed = {name for name, weight in weights(policy).items() if not torch.equal(weight, before[name])}
            assert changed
            assert all("_proj" in name for name in changed)
            assert not list(policy.path.rglob("adapter_*"))

    def test_the_reference_is_the_model_below_the_adapter(self, base, tmp_path):
        """log π_ref of the last step's rollouts is what the start model gives them: KL is 0 at the first step only."""
        history = train(base, task(), self.asked, HARDWARE, 0, tmp_path / "cell", nowhere).history
        assert history["kl"].iloc[0] == pytest.approx(0, abs=1e-5)
        assert abs(history["kl"].iloc[-1]) > 1e-3

    def test_an_interruption_changes_nothing(self, base, tmp_path):
        def power_cut(metrics, step):
            if step == 3:
                raise CutOff

        whole = train(base, task(), self.asked, HARDWARE, 0, tmp_path / "whole", nowhere)
        with pytest.raises(CutOff):
            train(base, task(), self.asked, HARDWARE, 0, tmp_path / "cut", power_cut)
        resumed = train(base, task(), self.asked, HARDWARE, 0, tmp_path / "cut", nowhere)
        assert equal(resumed.last, whole.last)

    def test_it_is_a_cell_of_its_own(self):
        assert options("tempered").naming() == "alpha2"
        assert self.asked.naming() == "alpha2-lora2"


class CutOff(Exception):
    """What a power cut looks like from inside."""


@pytest.mark.parametrize("cut", [1, 3, 4], ids=["before any state", "after a state", "at the last step"])
@pytest.mark.parametrize("n_problems", [10, 14], ids=["state between epochs", "state within an epoch"])
def test_an_interrupted_training_ends_as_if_nothing_had_been(base, tmp_path, n_problems, cut):
    """To the last bit: weights, the best policy and every row but the clock's; what is told has the same flips."""
    asked = options(validate_every=1, signal={"type": "noisy", "false_positive": 0.5, "false_negative": 0.5})

    def power_cut(metrics: dict[str, float], step: int) -> None:
        if step == cut:
            raise CutOff

    problems = task(n_problems=n_problems)
    whole = train(base, problems, asked, HARDWARE, 0, tmp_path / "whole", nowhere)
    with pytest.raises(CutOff):
        train(base, problems, asked, HARDWARE, 0, tmp_path / "cut", power_cut)
    unfinished = tmp_path / "cut" / f"checkpoint-{cut}"
    unfinished.mkdir()
    (unfinished / "model.safetensors").write_text("the first half of")
    resumed = train(base, problems, asked, HARDWARE, 0, tmp_path / "cut", nowhere)
    assert equal(resumed.last, whole.last)
    assert equal(resumed.best, whole.best)
    clock = ["step_time", "tokens_per_second"]
    pd.testing.assert_frame_equal(resumed.history.drop(columns=clock), whole.history.drop(columns=clock))


def test_every_epoch_meets_each_problem_once_in_an_order_of_its_own(base, tmp_path):
    met = []

    def watch(completions, golds):
        met.append(golds[::2])
        return short(completions, golds)

    train(base, task(watch, n_problems=8), options(validate_every=9), HARDWARE, 0, tmp_path, nowhere)
    _, *steps, _ = met  # between two validations
    first, second = steps[0] + steps[1], steps[2] + steps[3]
    assert len(set(first)) == len(first) == 8
    assert set(second) == set(first)
    assert second != first


def test_a_training_ends_with_its_last_epoch_where_that_comes_before_its_last_step(base, tmp_path):
    """Ten problems make two steps of four an epoch; the rest of them waits for the next."""
    two = train(base, task(), options(steps=9, epochs=1), HARDWARE, 0, tmp_path / "epochs", nowhere).history
    assert two["step"].tolist() == [1, 2]
    assert not math.isnan(two["validation_accuracy"].iloc[-1]), "validated at the end"
    three = train(base, task(), options(steps=3, epochs=2), HARDWARE, 0, tmp_path / "steps", nowhere).history
    assert three["step"].tolist() == [1, 2, 3]


def test_problems_with_a_longer_prompt_than_asked_are_left_out_and_counted(base, tmp_path, caplog):
    """``9+9=`` has four tokens, ``10+10=`` six."""
    met = []

    def watch(completions, golds):
        met.extend(golds)
        return short(completions, golds)

    limited = dataclasses.replace(task(watch, n_problems=12), max_prompt_tokens=5)
    train(base, limited, options(steps=4, validate_every=9), HARDWARE, 0, tmp_path, nowhere)
    validated = 5 * 2
    trained_on = {int(gold) for gold in met[validated : validated + 4 * 8]}
    assert trained_on <= {2 * row for row in range(1, 10)}
    assert "3 of 12 training problems have prompts of more than 5 tokens (max_prompt_tokens)" in caplog.text
    assert len(limited.train) == 12


def test_a_completion_fills_what_its_prompt_leaves_of_the_context(base, tmp_path):
    """``9+9=`` has four tokens and leaves four of eight; ``10+10=`` has six and leaves two."""
    lengths = {}

    def watch(completions, golds):
        for text, gold in zip(completions, golds, strict=True):
            lengths.setdefault(len(gold), []).append(len(text))
        return short(completions, golds)

    shared = dataclasses.replace(task(watch, n_problems=12), context=8)
    asked = options(steps=2, validate_every=9, fixed_length=True)
    trained = train(base, shared, asked, HARDWARE, 0, tmp_path, nowhere)
    assert trained.history["length"].max() <= 4
    held_out = Problem("long", "chains", "1+1+1+1=", "4", "2", "train")
    crowded = dataclasses.replace(shared, train=[held_out] * 8)
    with pytest.raises(BadInput, match=r"task\.context = 8 leaves out 8 of 8; raise it"):
        train(base, crowded, asked, HARDWARE, 0, tmp_path / "crowded", nowhere)


def test_the_seed_decides_the_training(base, tmp_path):
    one, again, other = (
        train(base, task(), options(steps=2), HARDWARE, seed, tmp_path / name, nowhere)
        for seed, name in ((0, "one"), (0, "again"), (1, "other"))
    )
    assert equal(one.last, again.last)
    assert not equal(one.last, other.last)


def test_the_hardware_decides_nothing(base, tmp_path):
    """Micro-batches and generation batches are but portions of the same step; sums differ by rounding alone."""
    portions = HARDWARE.model_copy(update={"train_batch": 2, "generation_batch": 2})
    whole = train(base, task(), options(steps=1), HARDWARE, 0, tmp_path / "whole", nowhere)
    parts = train(base, task(), options(steps=1), portions, 0, tmp_path / "parts", nowhere)
    first, second = weights(whole.last), weights(parts.last)
    assert all(torch.allclose(first[name], second[name], atol=1e-6) for name in first)


@pytest.mark.parametrize("scripted", [[0.1, 0.2, 0.6, 0.4, 0.6], [0.4, 0.5, 0.1, 0.1, 0.0], [0.7, 0.2, 0.6, 0.7, 0.6]])
def test_the_best_policy_is_the_first_with_the_highest_validation_accuracy(base, tmp_path, monkeypatch, scripted):
    """The first is that of the start model, which was not trained."""
    accuracies = iter(scripted)
    monkeypatch.setattr("beyond_sharpening.training.validation.Validation.accuracy", lambda self: next(accuracies))
    trained = train(base, task(), options(validate_every=1), HARDWARE, 0, tmp_path / "cell", nowhere)
    assert trained.history["validation_accuracy"].tolist() == scripted[1:]
    until = int(np.argmax([-1, *scripted[1:]]))
    monkeypatch.setattr("beyond_sharpening.training.validation.Validation.accuracy", lambda self: 0.0)
    stopped = train(base, task(), options(validate_every=9, steps=until), HARDWARE, 0, tmp_path / "stopped", nowhere)
    assert equal(trained.best, stopped.last)


def test_validation_asks_the_held_out_problems_and_no_others(base, tmp_path):
    asked = []

    def watch(completions, golds):
        asked.append(sorted(golds))
        return short(completions, golds)

    train(base, task(watch), options(steps=2, validate_every=2), HARDWARE, 0, tmp_path / "cell", nowhere)
    held_out = sorted(str(2 * row) for row in range(30, 35) for _ in range(2))
    assert asked[0] == asked[3] == held_out
    assert all(set(golds).isdisjoint(held_out) for golds in asked[1:3])


def test_validation_leaves_the_training_as_it_would_be_without(base, tmp_path):
    watched = train(base, task(), options(validate_every=1), HARDWARE, 0, tmp_path / "watched", nowhere)
    left_alone = train(base, task(), options(validate_every=4), HARDWARE, 0, tmp_path / "left", nowhere)
    assert equal(watched.last, left_alone.last)


def test_validation_draws_the_same_each_time(base, tmp_path):
    """So that it moves with the policy alone; here every answer is wrong, and the policy stays."""
    drawn = []

    def watch(completions, golds):
        drawn.append(list(completions))
        return [Verdict("wrong", None)] * len(golds)

    asked = options("task_reward", steps=2, validate_every=1, weight_decay=0)
    train(base, task(watch), asked, HARDWARE, 0, tmp_path, nowhere)
    rollouts, validations = drawn[1::2], drawn[::2]
    assert validations[0] == validations[1] == validations[2]
    assert rollouts[0] != rollouts[1]


def test_a_step_that_cannot_be_scored_has_no_gradient(base, tmp_path):
    """Grading may fail for a while; the optimiser's momentum is all that moves."""
    graded = iter([short, short, never_in_time, short])  # validation, two steps, and validation
    once = task(lambda completions, golds: next(graded)(completions, golds))
    asked = options("task_reward", steps=2, validate_every=9, weight_decay=0)
    trained = train(base, once, asked, HARDWARE, 0, tmp_path, nowhere)
    assert trained.history["unscored"].tolist() == [0.0, 1.0]
    assert trained.history["grad_norm"][1] == 0.0
    assert trained.history[["task_accuracy", "signal"]].isna().loc[1].all()


def test_a_training_in_which_nothing_can_be_scored_says_so_and_fails(base, tmp_path):
    with pytest.raises(BadInput, match=r"step 1: none of 8 completions could be scored.* check task\.grader"):
        train(base, task(never_in_time), options("task_reward"), HARDWARE, 0, tmp_path, nowhere)


def test_an_unscorable_completion_leaves_the_baseline_of_its_group_alone(base, tmp_path):
    """Two completions a prompt: with one unscorable, the other has nothing to be compared with, so neither moves."""

    def first_unscorable(completions, golds):
        return [TIMEOUT if row % 2 == 0 else short([text], [""])[0] for row, text in enumerate(completions)]

    asked = options("task_reward", steps=1, weight_decay=0)
    trained = train(base, task(first_unscorable), asked, HARDWARE, 0, tmp_path, nowhere)
    assert trained.history["unscored"].tolist() == [0.5]
    assert trained.history["grad_norm"].tolist() == [0.0]


def test_what_is_told_trains_and_what_is_true_is_measured(base, tmp_path):
    """Told the opposite, its accuracies, in training and validation, are those of the truth."""
    opposite = {"type": "noisy", "false_positive": 1, "false_negative": 1}
    asked = {"steps": 1, "validate_every": 1, "learning_rate": 1e-12, "weight_decay": 0}
    told, true = (
        train(base, task(), options("task_reward", **signal, **asked), HARDWARE, 0, tmp_path / name, nowhere).history
        for name, signal in (("told", {"signal": opposite}), ("true", {}))
    )
    measured = ["task_accuracy", "validation_accuracy", "unscored"]
    assert told[measured].equals(true[measured])
    assert told["reward"].tolist() == told["signal"].tolist() == pytest.approx((1 - told["task_accuracy"]).tolist())
    assert 0 < told["task_accuracy"][0] < 1


@pytest.mark.parametrize("lora", [None, {"rank": 2, "scale": 4}], ids=["whole", "adapter"])
def test_rejection_learns_from_completions_of_the_start_model_however_far_the_policy_has_gone(base, tmp_path, lora):
    """Which validation, being of the policy, does not see; each completion weighs one."""
    asked = {"samples": "rejection", "lora": lora, "weight_decay": 0}
    moved, still = (
        train(base, task(), options("task_reward", learning_rate=rate, **asked), HARDWARE, 0, tmp_path / name, nowhere)
        for name, rate in (("moved", 1e-2), ("still", 1e-12))
    )
    of_the_completions = ["signal", "task_accuracy", "length", "log_reference"]
    pd.testing.assert_frame_equal(moved.history[of_the_completions], still.history[of_the_completions])
    assert (moved.history["importance_mean"] == 1).all()
    assert still.history["kl"].abs().max() < 1e-4 < abs(moved.history["kl"].iloc[-1])
    assert not equal(moved.last, base)


def test_an_objective_without_task_reward_needs_no_score(base, tmp_path, caplog):
    """R does not count there, scorable or not; which policy is best nobody can say, and nobody does."""
    asked = options("sharpening", steps=2)
    unscored = train(base, task(never_in_time), asked, HARDWARE, 0, tmp_path / "un", nowhere)
    scored = train(base, task(), asked, HARDWARE, 0, tmp_path / "scored", nowhere)
    assert equal(unscored.last, scored.last)
    assert not equal(unscored.last, base)
    assert unscored.history["validation_accuracy"].isna().all()
    assert equal(unscored.best, unscored.last)
    assert "no completion of a validation problem could be scored" in caplog.text


def test_fixed_length_generates_to_the_limit_and_reads_up_to_the_eos(base, tmp_path):
    read = []

    def watch(completions, golds):
        read.extend(completions)
        return short(completions, golds)

    asked = options(steps=1, fixed_length=True)
    history = train(base, task(watch), asked, HARDWARE, 0, tmp_path, nowhere).history
    assert history["length"].tolist() == [8.0]
    ends = build_tokenizer().eos_token
    assert not any(ends in text for text in read)
    assert len({len(text) for text in read}) > 2, "answers end at their EOS"


def test_too_few_problems_for_a_step_are_refused_before_anything_is_made(base, tmp_path):
    with pytest.raises(ValueError, match="3 training problems are fewer than prompts_per_step = 4"):
        train(base, task(n_problems=3), options(), HARDWARE, 0, tmp_path / "cell", nowhere)
    limited = dataclasses.replace(task(n_problems=12), max_prompt_tokens=3)
    with pytest.raises(BadInput, match=r"0 training .* = 4: task\.max_prompt_tokens = 3 leaves out 12 of 12; raise it"):
        train(base, limited, options(), HARDWARE, 0, tmp_path / "cell", nowhere)
    assert not (tmp_path / "cell").exists()


def test_every_argument_that_is_set_here_is_closed_to_the_trl_block(monkeypatch, tmp_path):
    passed: dict[str, object] = {}
    monkeypatch.setattr(arguments, "RLOOConfig", lambda **given: passed.update(given))
    arguments.training_arguments(Job(None, task(), options(), HARDWARE, 0, tmp_path, nowhere))
    assert set(passed) <= FIXED_TRL_ARGUMENTS


def test_vllm_is_told_of_the_longest_sequence_that_validation_holds_too(base, tmp_path):
    """Validation keeps the prompts that are too long to train on; a fixed length would stop the run at one of them."""
    long = Problem("long", "chains", "1" * 40, "1", "2", "train")
    asked = dataclasses.replace(task(), validation=[long], max_prompt_tokens=8)
    hardware = HARDWARE.model_copy(update={"engine": "vllm_colocate"})
    given = arguments.training_arguments(Job(base, asked, options(), hardware, 0, tmp_path, nowhere))
    (prompt,) = prompt_token_ids(base.tokenizer(), [long.question], asked.prompt)
    assert len(prompt) >= 40
    assert given.vllm_max_model_length == len(prompt) + asked.max_completion_tokens
