"""A training that is cut off anywhere ends, with the same command, in what it would have ended in: to the last bit."""

import os
import random
import shutil
import signal
from pathlib import Path

import pandas as pd
import pytest

from beyond_sharpening import interruption
from beyond_sharpening.cells.place import sealed_states
from beyond_sharpening.errors import Damaged
from beyond_sharpening.training import states
from beyond_sharpening.training.trainer import ObjectiveTrainer
from training.conftest import base  # noqa: F401
from training.small_cell import HARDWARE, equal, nowhere, options, short, task, train

CLOCK = ["step_time", "tokens_per_second"]
SEED = int(os.environ.get("BEYOND_SHARPENING_FAULTS_SEED", "0"))
FAULTS = int(os.environ.get("BEYOND_SHARPENING_FAULTS", "4"))
"""Faults that are injected, and the seed that chooses their places; `make reliability` injects many."""

ASKED = options(validate_every=1)
WITHIN_AN_EPOCH = 14  # problems, of which an epoch takes three steps of four: the fourth is within the second


class CutOff(BaseException):
    """What a kill looks like from inside: nothing catches it."""


@pytest.fixture(scope="module")
def whole(base, tmp_path_factory):  # noqa: F811
    return train(base, task(n_problems=WITHIN_AN_EPOCH), ASKED, HARDWARE, 0, tmp_path_factory.mktemp("whole"), nowhere)


def go_on(base, cell, asked=ASKED, track=nowhere, grade=short):  # noqa: F811
    return train(base, task(grade, n_problems=WITHIN_AN_EPOCH), asked, HARDWARE, 0, cell, track)


def assert_same(trained, whole):
    assert equal(trained.last, whole.last)
    assert equal(trained.best, whole.best)
    pd.testing.assert_frame_equal(trained.history.drop(columns=CLOCK), whole.history.drop(columns=CLOCK))


def leftovers(cell: Path) -> list[str]:
    return [path.name for path in cell.rglob("*") if path.name.endswith((".unfinished", ".old", ".tmp"))]


def test_killed_after_its_last_step_it_makes_no_other(base, whole, tmp_path, monkeypatch):  # noqa: F811
    save_policy = ObjectiveTrainer.save_policy

    def killed(self, tokenizer, folder):
        if folder.name == "last":
            raise CutOff
        save_policy(self, tokenizer, folder)

    with monkeypatch.context() as patched:
        patched.setattr(ObjectiveTrainer, "save_policy", killed)
        with pytest.raises(CutOff):
            go_on(base, tmp_path)
    assert sealed_states(tmp_path) == [4]
    assert_same(go_on(base, tmp_path, grade=None), whole)  # nothing is graded: no step is made


def test_killed_once_it_is_made_it_makes_nothing_anew(base, whole, tmp_path):  # noqa: F811
    """Its best policy was taken away already, and then the run was killed."""
    go_on(base, tmp_path).best.path.rename(tmp_path / "taken")
    assert_same(go_on(base, tmp_path, grade=None), whole)


class Faults:
    """Counts the operations that make a file last or go, and cuts off before one of them: none is made from there on.

    So nothing is tidied up on the way out, as nothing is after SIGKILL.
    """

    def __init__(self, monkeypatch, at: int | None = None) -> None:
        self.count, self.at = 0, at
        operations = ((os, "fsync"), (Path, "replace"), (Path, "rename"), (os, "link"), (shutil, "rmtree"))
        for holder, name in (*operations, (Path, "unlink")):
            monkeypatch.setattr(holder, name, self._failing(getattr(holder, name)))

    def _failing(self, operation):
        def counted(*arguments, **options):
            self.count += 1
            if self.at is not None and self.count >= self.at:
                raise CutOff
            return operation(*arguments, **options)

        return counted


def test_cut_off_at_any_file_operation_it_ends_as_if_nothing_had_been(base, whole, tmp_path, monkeypatch):  # noqa: F811
    with monkeypatch.context() as patched:
        counted = Faults(patched)
        go_on(base, tmp_path / "counted")
    places = random.Random(SEED).sample(range(1, counted.count + 1), min(FAULTS, counted.count))
    print(f"seed {SEED}: faults at {places} of {counted.count} operations")
    for place in places:
        cell = tmp_path / str(place)
        with monkeypatch.context() as patched:
            Faults(patched, place)
            with pytest.raises(CutOff):
                go_on(base, cell)
        assert_same(go_on(base, cell), whole)
        assert not leftovers(cell), place


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_keeps_the_step_it_is_at(base, whole, tmp_path, number):  # noqa: F811
    """Not that of ``checkpoint_every``: while the third step's completions are graded, the second one is kept."""
    calls = []

    def told(completions, golds):
        calls.append(len(golds))
        if len(calls) == 6:  # validation at the start; then a step and its validation, twice
            os.kill(os.getpid(), number)
        return short(completions, golds)

    rare = options(validate_every=1, checkpoint_every=100)
    with interruption.handled(), pytest.raises(interruption.InterruptedRun, match=number.name):
        go_on(base, tmp_path, rare, grade=told)
    assert sealed_states(tmp_path) == [2]
    interruption.reset()
    assert_same(go_on(base, tmp_path, rare), whole)


def test_told_within_a_step_it_ends_the_step_first(base, whole, tmp_path):  # noqa: F811
    """The optimiser's step, its validation and its row belong together."""

    def told(metrics, step):
        if step == 3:
            os.kill(os.getpid(), signal.SIGTERM)
            interruption.check()

    rare = options(validate_every=1, checkpoint_every=100)
    with interruption.handled(), pytest.raises(interruption.InterruptedRun):
        go_on(base, tmp_path, rare, told)
    assert sealed_states(tmp_path) == [3]
    interruption.reset()
    assert_same(go_on(base, tmp_path, rare), whole)


def test_told_twice_it_waits_for_nothing(base, whole, tmp_path):  # noqa: F811
    def told(metrics, step):
        if step == 3:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

    with interruption.handled(), pytest.raises(interruption.InterruptedRun):
        go_on(base, tmp_path, ASKED, told)
    assert sealed_states(tmp_path) == [2]
    interruption.reset()
    assert_same(go_on(base, tmp_path), whole)


@pytest.mark.parametrize("damage", ["optimizer.pt", "model.safetensors", "trainer_state.json", "rng_state.pth"])
@pytest.mark.parametrize("how", [Path.unlink, lambda file: os.truncate(file, file.stat().st_size // 2)])
def test_a_state_that_was_damaged_is_named_and_not_trained_over(tmp_path, damage, how):
    place = states.folder(tmp_path, 2)
    place.mkdir()
    for name in ("optimizer.pt", "model.safetensors", "trainer_state.json", "rng_state.pth"):
        (place / name).write_bytes(name.encode() * 9)
    states.seal(tmp_path, 2)
    assert states.last(tmp_path) == place
    how(place / damage)
    with pytest.raises(Damaged, match=f"checkpoint-2 is no longer the state.*: {damage} is missing or changed"):
        states.last(tmp_path)
    assert place.is_dir()
