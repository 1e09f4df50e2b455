"""One run at a time makes a thing; a lock that was left behind stops nobody."""

import json
import os
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from beyond_sharpening import locks
from beyond_sharpening.errors import InUse
from beyond_sharpening.locks import Owner, held

HOLD = """
import sys, time
from pathlib import Path
from beyond_sharpening.locks import held
with held(Path(sys.argv[1]), "the cell"):
    print("holds", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def other(tmp_path):
    """Another process of this machine, which holds the lock."""
    file = tmp_path / "cell" / ".lock"
    with subprocess.Popen([sys.executable, "-c", HOLD, file], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "holds\n"
        yield process, file
        process.kill()


@pytest.mark.whole
def test_the_later_one_is_told_who_holds_it_and_takes_over_when_that_one_is_killed(other):
    process, file = other
    told = rf"^the cell is being made by another run \(process {process.pid} on .*, since 20.* remove {file}$"
    with pytest.raises(InUse, match=told), held(file, "the cell"):
        pass
    assert file.exists(), "it is the other's"
    process.kill()
    process.wait()
    with held(file, "the cell"):
        assert json.loads(file.read_text())["process"] == os.getpid()
    assert not file.parent.exists(), "nothing was made"


def test_what_was_made_beside_it_stays(tmp_path):
    with held(tmp_path / "cell" / ".lock", "the cell"):
        (tmp_path / "cell" / "policy").touch()
    assert [path.name for path in (tmp_path / "cell").iterdir()] == ["policy"]


def leave(file: Path, **changed) -> None:
    file.write_text(json.dumps(asdict(replace(Owner.current(), **changed))))


def test_a_process_that_was_given_the_number_of_the_owner_is_not_the_owner(tmp_path):
    file = tmp_path / ".lock"
    leave(file, process=os.getppid(), started=1.0)
    with held(file, "the cell"):
        pass


class TestOnAnotherMachine:
    """Where no process can be asked for, the heart-beat tells."""

    @pytest.fixture(autouse=True)
    def _quick(self, monkeypatch):
        monkeypatch.setattr(locks, "BEAT", 0.05)
        monkeypatch.setattr(locks, "PATIENCE", 0.5)

    def test_an_owner_whose_heart_beats_is_alive(self, tmp_path):
        file = tmp_path / ".lock"
        with held(file, "the cell"):
            leave(file, host="elsewhere")
            with pytest.raises(InUse, match="on elsewhere"), held(file, "the cell"):
                pass

    @pytest.mark.parametrize("content", ["", "{}", None])
    def test_one_whose_heart_does_not_is_gone_and_so_is_one_that_was_killed_as_it_wrote(self, tmp_path, content):
        file = tmp_path / ".lock"
        leave(file, host="elsewhere") if content is None else file.write_text(content)
        with held(file, "the cell"):
            assert json.loads(file.read_text())["process"] == os.getpid()
