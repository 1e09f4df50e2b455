"""A file is there whole or not at all; one that is damaged is named when it is relied on; a full disk is told."""

import errno
import os
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import save_file

from beyond_sharpening.errors import Damaged, DiskFull
from beyond_sharpening.storage import written_whole
from beyond_sharpening.wiring.datasets import PolicyDataset, Record, Table, Text

FRAME = pd.DataFrame({"correct": [True, False] * 500})
KINDS = {
    "table.parquet": (Table, FRAME, FRAME[:1]),
    "record.json": (Record, {"a": 1}, {}),
    "report.md": (Text, "a", "b"),
}


def same(one, other) -> bool:
    return one.equals(other) if isinstance(one, pd.DataFrame) else one == other


@pytest.mark.parametrize("name", KINDS)
def test_what_was_there_stays_until_the_new_is_whole(tmp_path, monkeypatch, name):
    kind, old, new = KINDS[name]
    dataset = kind(filepath=str(tmp_path / name))
    dataset.save(old)
    for place in ((os, "fsync"), (Path, "replace")):
        with monkeypatch.context() as patched:
            patched.setattr(*place, lambda *given: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                dataset.save(new)
        assert same(dataset.load(), old)
        assert [path.name for path in tmp_path.iterdir()] == [name]
    dataset.save(new)
    assert same(dataset.load(), new)


@pytest.mark.parametrize("renamed", [1, 2])
def test_a_folder_whose_process_was_killed_as_it_was_replaced_comes_back_with_the_next(tmp_path, monkeypatch, renamed):
    def write(text: str) -> None:
        with written_whole(tmp_path / "policy") as beside:
            beside.mkdir()
            (beside / "weights").write_text(text)

    write("old")
    calls, rename = [], Path.rename
    with monkeypatch.context() as killed:
        killed.setattr(Path, "rename", lambda *given: calls.append(given) or (len(calls) < renamed and rename(*given)))
        killed.setattr("beyond_sharpening.storage.remove", lambda place: None)
        write("new")
    with pytest.raises(OSError), written_whole(tmp_path / "policy"):
        raise OSError
    assert (tmp_path / "policy" / "weights").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["policy"]


@pytest.mark.parametrize("name", ["table.parquet", "record.json"])
@pytest.mark.parametrize("share", [0.0, 0.5])
def test_a_file_that_was_cut_short_is_named_with_the_remedy(tmp_path, name, share):
    kind, old, _ = KINDS[name]
    dataset = kind(filepath=str(tmp_path / name))
    dataset.save(old)
    os.truncate(tmp_path / name, int(share * (tmp_path / name).stat().st_size))
    with pytest.raises(Exception) as raised:
        dataset.load()
    told = raised.value if isinstance(raised.value, Damaged) else raised.value.__cause__
    assert isinstance(told, Damaged)
    assert str(told).startswith(f"{tmp_path / name} cannot be read; it was cut short or changed (")
    assert "remove it, and the same command makes it anew" in str(told)


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("model.safetensors", Path.unlink),
        *((name, lambda file: os.truncate(file, 9)) for name in ("model.safetensors", "config.json", "tokenizer.json")),
        ("model.safetensors", lambda file: os.truncate(file, 0)),
    ],
)
def test_a_policy_of_which_a_file_is_damaged_is_named(tmp_path, name, damage):
    policy = tmp_path / "last"
    policy.mkdir()
    for file in ("config.json", "tokenizer.json"):
        (policy / file).write_text('{"model_type": "llama"}')
    save_file({"w": torch.zeros(9)}, policy / "model.safetensors")
    dataset = PolicyDataset(filepath=str(policy))
    assert dataset.load().path == policy
    damage(policy / name)
    with pytest.raises(Exception) as raised:
        dataset.load()
    told = raised.value if isinstance(raised.value, Damaged) else raised.value.__cause__
    assert f"{policy / name} is missing, cut short or changed" in str(told)


def test_a_full_disk_is_told_and_what_was_there_stays(tmp_path):
    place = tmp_path / "policy"
    place.write_text("the last good one")
    told = rf"{place} could not be written\. It needs .* more than 2\.0 MiB, which were written .* .iB are free there"

    def fill() -> None:
        with written_whole(place) as beside:
            beside.write_bytes(b"0" * 2**21)
            raise RuntimeError("a library's words") from OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(DiskFull, match=told):
        fill()
    assert place.read_text() == "the last good one"
    assert [path.name for path in tmp_path.iterdir()] == ["policy"]
