"""The experiment on each of the three architectures, as Kedro runs it: every objective, evaluation, comparison."""

import json
from pathlib import Path

import pandas as pd
import pytest
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from beyond_sharpening.analysis import validate_samples
from beyond_sharpening.parameters import OBJECTIVES
from models.families import FAMILIES, ROOT, publish, tiny_block, write_problems

MATH = {"question": "problem", "gold": "solution", "gold_reader": "boxed", "difficulty": "level"}
SMALL = {
    "task": {"max_completion_tokens": 8},
    "training": {
        "steps": 2,
        "prompts_per_step": 4,
        "completions_per_prompt": 2,
        "learning_rate": 1e-3,
        "validate_every": 1,
    },
    "evaluate": {"decoders": {"smc_mh": {"steps": 1, "n": 4}, "best_of_n": {"n": 4}, "sir": {"n": 4}}},
}


def ask(folder: Path, model: str, base: dict) -> dict:
    """The parameters that put a start model and problems of one's own in place of the shipped ones."""
    local = {
        name: {"type": "local", "path": str(write_problems(folder / f"{name}.jsonl", first, count)), "columns": MATH}
        for name, first, count in (("own_train", 10, 20), ("own_test", 100, 4))
    }
    problems = {"train": "own_train", "validation_size": 4, "benchmarks": ["own_test"]}
    return {"data": str(folder / "data"), "model": model, "base": base, "sources": local, "problems": problems, **SMALL}


def run(asked: dict, *pipelines: str) -> None:
    bootstrap_project(ROOT)
    with KedroSession.create(ROOT, env="test", runtime_params=asked) as session:
        session.run(pipeline_names=list(pipelines), only_missing_outputs=True)


@pytest.mark.parametrize("model", FAMILIES)
def test_every_objective_trains_and_is_compared(model: str, tmp_path: Path) -> None:
    publish(model, tmp_path / "published")
    base = {"path": str(tmp_path / "published"), **tiny_block(model)}
    run(ask(tmp_path, model, base), "evaluate", "evaluate_null_control", "compare")
    cells = sorted((tmp_path / "data/06_models" / model).glob("*/*/seed-0"))
    assert {cell.parts[-3] for cell in cells} == set(OBJECTIVES)
    published = AutoConfig.from_pretrained(tmp_path / "published")
    for cell in cells:
        assert len(pd.read_parquet(cell / "history.parquet")) == 2
        for checkpoint in ("last", "best"):
            trained = AutoModelForCausalLM.from_pretrained(cell / checkpoint)
            assert type(trained.config) is type(published)
            assert set(trained.generation_config.eos_token_id) == set(base["eos_token_ids"])
            assert AutoTokenizer.from_pretrained(cell / checkpoint).pad_token is not None
    samples = pd.concat(
        [pd.read_parquet(path) for path in (tmp_path / "data/07_model_output").rglob("samples.parquet")]
    )
    validate_samples(samples)
    assert set(zip(samples["policy"], samples["checkpoint"], strict=True)) == {
        ("base", "last"),
        *((objective, checkpoint) for objective in OBJECTIVES for checkpoint in ("last", "best")),
    }
    comparisons = pd.read_parquet(tmp_path / "data/08_reporting/comparisons.parquet")
    assert len(comparisons[comparisons["family"] == "primary"]) == 6
    assert json.loads((tmp_path / "data/08_reporting/verdict.json").read_text())["headline"]
