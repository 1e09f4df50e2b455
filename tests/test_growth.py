"""A cell grows: what it is tested on may change, and its training and what has been drawn stay."""

import json
from pathlib import Path

import pandas as pd
import pytest
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

from beyond_sharpening.errors import DryRun

pytestmark = pytest.mark.whole

ROOT = Path(__file__).resolve().parents[1]
CELL = "tiny/sharpening/alpha2/seed-0"


def run(data: Path, **parameters: object) -> None:
    bootstrap_project(ROOT)
    asked = {"data": str(data), **parameters}
    with KedroSession.create(ROOT, env="test", runtime_params=asked) as session:
        session.run(pipeline_names=["evaluate_sharpening"], only_missing_outputs=True)


def planned(data: Path, asked: dict[str, object], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(DryRun):
        run(data, **asked, dry_run=True)
    return capsys.readouterr().out


def times(folder: Path) -> dict[str, int]:
    return {str(file.relative_to(folder)): file.stat().st_mtime_ns for file in folder.rglob("*") if file.is_file()}


def test_another_benchmark_and_decoder_draw_what_is_new_and_train_nothing(tmp_path, with_store, caplog, capsys):
    data = with_store(tmp_path)
    run(data, problems={"benchmarks": ["chain_sums"]})
    table = data / "07_model_output" / CELL / "samples.parquet"
    models, parts, first = times(data / "06_models"), times(data / "07_model_output/tiny/parts"), pd.read_parquet(table)

    trained = pd.read_parquet(data / "05_model_input/tiny/train_problems.parquet")
    known = {"question": trained["question"][0], "answer": trained["gold"][0]}
    own = tmp_path / "own.jsonl"
    own.write_text(f"{json.dumps(known)}\n{json.dumps({'question': '1+1+1+1+1+1=', 'answer': '6'})}\n")
    grown = {
        "problems": {"benchmarks": ["chain_sums", "own"]},
        "sources": {"own": {"type": "local", "path": str(own)}},
        "evaluate": {"decoders": {"warm": {"type": "temperature", "temperature": 0.7, "samples": 2}}},
    }
    plan = planned(data, grown, capsys)
    decoders = ", ".join([*first["decoder"].unique(), "warm"])
    assert f"  sharpening is to draw own with {decoders}; chain_sums with warm\n" in plan
    assert "  base is to draw own with temperature, greedy, " in plan
    assert f"at most {24 * 64:,} tokens in 24 completions, and those of problems not loaded yet;" in plan, "6 · 2 each"
    assert times(data / "06_models") == models

    run(data, **grown)
    assert times(data / "06_models") == models, "nothing is trained again"
    again = times(data / "07_model_output/tiny/parts")
    assert {name: again[name] for name in parts} == parts, "what has been drawn stays"
    second = pd.read_parquet(table)
    assert set(second["benchmark"]) == {"chain_sums", "own"}
    assert set(second["decoder"]) == {*first["decoder"], "warm"}
    old = second[(second["benchmark"] == "chain_sums") & (second["decoder"] != "warm")].reset_index(drop=True)
    pd.testing.assert_frame_equal(old, first)
    pd.testing.assert_frame_equal(pd.read_parquet(data / "05_model_input/tiny/train_problems.parquet"), trained)
    asked = set(second.loc[second["benchmark"] == "own", "problem_id"])
    assert len(asked) == 1, "the other was trained on"
    assert "1 problems of own have been trained on and are left out of it" in caplog.text

    run(data, problems={"benchmarks": ["chain_sums"]})
    pd.testing.assert_frame_equal(pd.read_parquet(table), first)
