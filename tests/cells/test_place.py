"""Where cells lie, and which of their unfinished trainings can be gone on from."""

from pathlib import Path

from beyond_sharpening.cells.place import SEAL, sealed_states


def test_a_training_is_half_done_where_a_state_is_whole(tmp_path: Path) -> None:
    (tmp_path / "checkpoint-20").mkdir()
    (tmp_path / "checkpoint-20/optimizer.pt").write_bytes(b"cut sh")
    assert sealed_states(tmp_path) == []
    for step in (100, 20):
        (tmp_path / f"checkpoint-{step}").mkdir(exist_ok=True)
        (tmp_path / f"checkpoint-{step}" / SEAL).touch()
    assert sealed_states(tmp_path) == [20, 100]
    assert sealed_states(tmp_path / "nothing") == []
