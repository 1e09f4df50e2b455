"""Policies trained elsewhere, judged in one command."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner
from kedro.framework.startup import bootstrap_project

from beyond_sharpening.analysis import validate_samples
from beyond_sharpening.cli import cli

pytestmark = pytest.mark.whole

ROOT = Path(__file__).resolve().parents[1]
CELL = "07_model_output/tiny/copy/default/seed-0"


def judge(data: Path, *parameters: str) -> str:
    bootstrap_project(ROOT)
    asked = ",".join([f"data={data}", *parameters])
    result = CliRunner().invoke(cli, ["run", "--env=test", "--pipelines=judge", f"--params={asked}"])
    return f"{result.exit_code} {result.output}"


def test_a_policy_is_evaluated_scored_under_both_models_compared_and_reported(
    tmp_path: Path, with_store: Callable[[Path], Path]
) -> None:
    data = with_store(tmp_path)
    assert "policies: there is none to judge" in judge(data)
    assert "policies.copy.path = '/nowhere': there is no such folder" in judge(data, "policies.copy.path=/nowhere")
    assert not list(data.rglob("*.parquet")), "which is known before anything is made"
    bootstrap_project(ROOT)
    made = CliRunner().invoke(cli, ["run", "--env=test", "--pipelines=prepare_base", f"--params=data={data}"])
    assert made.exit_code == 0
    for seed in ("one", "two"):
        shutil.copytree(data / "06_models/tiny/base/policy", tmp_path / seed)

    told = judge(data, f"policies.copy.path={tmp_path / 'one'}+{tmp_path / 'two'}")
    assert told.startswith("0"), told
    samples = pd.read_parquet(data / CELL / "samples.parquet")
    validate_samples(samples)
    assert set(samples["policy"]) == {"copy"}
    assert samples["logp_policy"].tolist() == pytest.approx(samples["logp_base"].tolist(), abs=1e-4)
    scores = pd.read_parquet(data / CELL / "base_scores.parquet")
    base = pd.read_parquet(data / "07_model_output/tiny/base/samples.parquet")
    drawn = base[base["decoder"] == "temperature"]
    assert sorted(scores["logp_policy"]) == pytest.approx(sorted(drawn["logp_policy"]), abs=1e-4)

    second = pd.read_parquet(data / CELL.replace("seed-0", "seed-1") / "samples.parquet")
    assert set(second["train_seed"]) == {1}
    assert second["completion"].tolist() != samples["completion"].tolist(), "each seed draws for itself"

    summary = json.loads((data / "08_reporting/judge/summary.json").read_text())
    assert {row["policy"] for row in summary["mechanism"]} == {"copy"}
    assert [row["kl"] for row in summary["mechanism"]] == pytest.approx([0, 0, 0], abs=1e-4)
    primary = [row for row in summary["comparisons"] if row["family"] == "primary"]
    assert {(row["a"], row["b"]) for row in primary} == {("copy", "base")}
    assert {row["n_seeds_a"] for row in primary} == {2}, "and the interval is over them"
    report = (data / "08_reporting/judge/report.md").read_text()
    assert "copy: the whole model of" in report
    assert "Task reward" not in report, "no objective of this project was there"
