"""The experiment on each of the three architectures, as Kedro runs it: training, evaluation, comparison."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from beyond_sharpening.analysis import PRIMARY_FAMILY, validate_samples
from beyond_sharpening.models.policy import save_policy
from beyond_sharpening.objectives import OBJECTIVES
from beyond_sharpening.parameters import HubBase
from models.families import (
    DECIDED,
    ROOT,
    WIDTHS,
    Family,
    build_tokenizer,
    publish,
    random_model,
    tiny_block,
    write_problems,
)

pytestmark = pytest.mark.whole

MATH = {"question": "problem", "gold": "solution", "gold_reader": "boxed", "difficulty": "level"}
SMALL = {
    "task": {"max_completion_tokens": 8, "context": None, "evaluation_tokens": None},
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
    problems = {"train": "own_train", "validation_size": 4, "benchmarks": ["own_test"]}
    own = {"base": base, "sources": own_sources(folder), "problems": problems}
    return {"data": str(folder / "data"), "model": model, **own, **SMALL}


def own_sources(folder: Path) -> dict:
    """Problems to train on and to be tested on, in files with the columns of MATH."""
    return {
        name: {"type": "local", "path": str(write_problems(folder / f"{name}.jsonl", first, count)), "columns": MATH}
        for name, first, count in (("own_train", 10, 20), ("own_test", 100, 4))
    }


def run(asked: dict, *pipelines: str) -> None:
    bootstrap_project(ROOT)
    with KedroSession.create(ROOT, env="test", runtime_params=asked) as session:
        session.run(pipeline_names=list(pipelines), only_missing_outputs=True)


TWO = ("task_reward", "tilted")
TWO_RUNS = [tuple(f"evaluate_{name}" for name in TWO), ("compare",)]


@pytest.mark.parametrize(
    ("model", "objectives", "runs"),
    [
        ("llama32_3b", tuple(OBJECTIVES), [("evaluate", "evaluate_null_control", "compare")]),
        ("qwen25_3b", TWO, TWO_RUNS),
        ("qwen3_4b", TWO, TWO_RUNS),
    ],
)
def test_objectives_train_and_are_compared(
    model: str, objectives: tuple[str, ...], runs: list[tuple[str, ...]], tmp_path: Path
) -> None:
    """Objectives differ in their rewards, which no architecture changes: one has all, the others the two extremes.

    Those are R alone, and R with both log-probabilities.
    """
    publish(model, tmp_path / "published")
    base = {"path": str(tmp_path / "published"), **tiny_block(model)}
    for pipelines in runs:
        run(ask(tmp_path, model, base), *pipelines)
    cells = sorted((tmp_path / "data/06_models" / model).glob("*/*/seed-0"))
    assert {cell.parts[-3] for cell in cells} == set(objectives)
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
        *((objective, checkpoint) for objective in objectives for checkpoint in ("last", "best")),
    }
    comparisons = pd.read_parquet(tmp_path / "data/08_reporting/comparisons.parquet")
    primary = comparisons[comparisons["family"] == "primary"]
    there = {"base", *objectives}
    assert sorted(zip(primary["a"], primary["b"], strict=True)) == sorted(
        pair for pair in PRIMARY_FAMILY if there.issuperset(pair)
    )
    assert json.loads((tmp_path / "data/08_reporting/verdict.json").read_text())["headline"]


GEMMA = Family(
    "gemma3.jinja",
    ("<pad>", "<eos>", "<bos>", "<start_of_turn>", "<end_of_turn>"),
    eos="<eos>",
    ends=("<eos>", "<end_of_turn>"),
    pad="<pad>",
    bos="<bos>",
)
GEMMA_CONFIG = {  # layers of two kinds, norms of heads and around each block, scaled embeddings
    **WIDTHS,
    "model_type": "gemma3_text",
    "head_dim": 16,
    "layer_types": ["sliding_attention", "full_attention"],
    "sliding_window": 1024,
    "tie_word_embeddings": True,
    **DECIDED,
}


def test_a_fourth_model_is_a_file_with_its_block(tmp_path: Path) -> None:
    """Of an architecture that no shipped block has, as docs/models.md says to add it; problems beside it."""
    tokenizer = build_tokenizer(GEMMA)
    ends = tokenizer.convert_tokens_to_ids(list(GEMMA.ends))
    config = {**GEMMA_CONFIG, "vocab_size": len(tokenizer), "bos_token_id": tokenizer.bos_token_id}
    base = {"type": "hub", "path": str(tmp_path / "published"), "config": config, "eos_token_ids": ends}
    save_policy(random_model(HubBase.model_validate(base)), tokenizer, tmp_path / "published")
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    block = {
        "base": base,
        "task": {"prompt": "{question} Answer in \\boxed{}."},
        "problems": {"train": "own_train", "validation_size": 4, "benchmarks": ["own_test"]},
    }
    file = tmp_path / "conf/base/parameters_models_gemma.yml"
    file.write_text(yaml.safe_dump({"models": {"gemma3_tiny": block}, "sources": own_sources(tmp_path)}))
    bootstrap_project(ROOT)
    asked = {"data": str(tmp_path / "data"), "model": "gemma3_tiny", **SMALL}
    for pipelines in (["evaluate_base", "evaluate_tilted"], ["compare"]):
        with KedroSession.create(ROOT, env="test", conf_source=str(tmp_path / "conf"), runtime_params=asked) as session:
            session.run(pipeline_names=pipelines, only_missing_outputs=True)
    (cell,) = (tmp_path / "data/06_models/gemma3_tiny/tilted").glob("*/seed-0")
    assert set(AutoModelForCausalLM.from_pretrained(cell / "last").generation_config.eos_token_id) == set(ends)
    comparisons = pd.read_parquet(tmp_path / "data/08_reporting/comparisons.parquet")
    assert set(comparisons["benchmark"]) == {"own_test"}
