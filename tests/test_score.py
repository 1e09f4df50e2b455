"""Samples that another system drew: log-probabilities filled in by one command, and compared by the next."""

import json
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner
from kedro.framework.startup import bootstrap_project

from beyond_sharpening.cli import cli
from models.families import publish
from readers.foreign import STRONG, WEAK, lm_eval

pytestmark = pytest.mark.whole

ROOT = Path(__file__).resolve().parents[1]


def score(data: Path, *parameters: str) -> str:
    bootstrap_project(ROOT)
    asked = ",".join([f"data={data}", *parameters])
    result = CliRunner().invoke(cli, ["run", "--env=test", "--pipelines=score", f"--params={asked}"])
    return f"{result.exit_code} {result.output}"


def test_a_log_becomes_a_table_that_says_what_training_did(tmp_path: Path) -> None:
    lm_eval(tmp_path / "logs" / "Qwen", WEAK)
    lm_eval(tmp_path / "logs" / "grpo", STRONG)
    publish("qwen25_3b", tmp_path / "base")
    files, model = f"score.files={tmp_path / 'logs'}", f"model=any_model,base.path={tmp_path / 'base'}"

    assert "score.files: there are no samples to score" in score(tmp_path, model)
    assert "model = 'tiny' is made here" in score(tmp_path, files)
    told = score(tmp_path, files, model, f"policies.dpo.path={tmp_path / 'base'}")
    assert "policies.dpo: no samples are of a policy of that name; the policies are Qwen, grpo" in told

    told = score(tmp_path, files, model, f"policies.grpo.path={tmp_path / 'base'}")
    assert told.startswith("0"), told
    assert "prompts were taken as the model read them, as they stand" in told
    folder = tmp_path / "08_reporting/score"
    assert f"kedro compare {folder} --base=Qwen\n" in told
    samples = pd.read_parquet(folder / "samples.parquet")
    assert samples["logp_policy"].tolist() == pytest.approx(samples["logp_base"].tolist(), abs=1e-4), "they are one"
    assert samples["logp_base"].lt(0).all()

    compared = CliRunner().invoke(cli, ["compare", str(folder), "--base=Qwen", f"--out={tmp_path / 'out'}"])
    assert "the base's completions have scores under grpo" in compared.output
    (did,) = json.loads((tmp_path / "out/summary.json").read_text())["mechanism"]
    assert did["kl"] == pytest.approx(0, abs=1e-4)
    assert did["alpha_mixture"] == pytest.approx(1), "which takes the base's completions scored under the policy"
