"""A dry run tells what a run would do and need, and leaves nothing behind; what cannot fit is refused."""

from pathlib import Path

import mlflow
import pytest
from click.testing import CliRunner, Result
from kedro.framework.project import pipelines
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from kedro.runner import SequentialRunner

from beyond_sharpening.cli import cli
from beyond_sharpening.wiring.preflight import nodes_to_run

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.whole, pytest.mark.filterwarnings("ignore:register_new_resolver", "ignore:.*type hints")]


def dry_run(data: Path, *asked: str, env: str = "test", pipeline: str = "__default__") -> Result:
    bootstrap_project(ROOT)
    parameters = ",".join(["dry_run=true", f"data={data}", *asked])
    return CliRunner().invoke(cli, ["run", f"--env={env}", f"--pipeline={pipeline}", f"--params={parameters}"])


def plan(result: Result) -> str:
    return result.output[result.output.index("Plan: ") :]


def test_the_plan_of_a_large_model_is_printed_without_network_or_weights(tmp_path):
    result = dry_run(tmp_path, "model=qwen3_4b", "train.tilted.alpha=4", "hardware.memory_gib=99999")
    assert result.exit_code == 0, result.output
    told = plan(result)
    assert "Plan: qwen3_4b, 4,022,468,096 parameters, on cpu in float32, 1 process(es) on" in told
    assert "  prepare_base         to run: 2 of 2 nodes\n" in told
    assert "  tilted/alpha4-beta100/seed-0\n    1000 steps of 64 prompts × 8 completions, " in told
    assert f"at most {1000 * 64 * 8 * 4095:,} tokens in {1000 * 64 * 8:,} completions" in told
    assert "learning rate 1e-06 after 50 warm-up steps, AdamW betas 0.9, 0.999, weight decay 0.01" in told
    assert "Evaluation on aime_2024, aime_2025 (problems not loaded yet)" in told
    for part in ("weights", "gradients", "optimiser", "reference", "activations", "head", "generation cache"):
        assert f"\n  {part} " in told
    assert not list(tmp_path.rglob("*.parquet"))
    assert runs(tmp_path) == []


def test_a_plan_names_what_is_already_there_and_counts_it(tmp_path):
    bootstrap_project(ROOT)
    with KedroSession.create(ROOT, env="test", runtime_params={"data": str(tmp_path)}) as session:
        session.run(pipeline_names=["prepare_data"])
    before = len(runs(tmp_path))
    told = plan(dry_run(tmp_path, "training.epochs=1", pipeline="train_tilted"))
    assert "  prepare_data         already there\n" in told
    assert "  train_tilted         to run: 1 of 1 nodes\n" in told
    assert "evaluate" not in told.split("Memory")[0]
    # 60 problems but the 8 held out, 4 a step: 13 steps of an epoch; the 3 asked for come first.
    assert "\n    3 steps of 4 prompts × 8 completions" not in told
    assert "\n    3 steps of 4 prompts × 2 completions" in told
    assert "\n    13 steps of 4 prompts" in plan(
        dry_run(tmp_path, "training.epochs=1", "training.steps=99", pipeline="train_tilted")
    )
    assert len(runs(tmp_path)) == before


def test_the_nodes_to_run_are_those_that_kedro_runs(tmp_path):
    """Before anything is there, with a part of it there, and with a part of that taken away."""
    bootstrap_project(ROOT)
    asked = {"data": str(tmp_path)}

    def same(name: str) -> set[str]:
        with KedroSession.create(ROOT, env="test", runtime_params=asked) as session:
            catalog = session.load_context().catalog
            ours = {node.name for node in nodes_to_run(pipelines[name], catalog)}
            with mlflow.start_run():  # Kedro looks for metrics in the run
                kedros = SequentialRunner()._filter_pipeline_for_missing_outputs(pipelines[name], catalog)
        assert ours == {node.name for node in kedros.nodes}
        return ours

    assert same("__default__") == {node.name for node in pipelines["__default__"].nodes}
    with KedroSession.create(ROOT, env="test", runtime_params=asked) as session:
        session.run(pipeline_names=["prepare_base"])
    left = same("__default__")
    assert not any(name.startswith("prepare_") for name in left)
    next(tmp_path.rglob("training_source.parquet")).unlink()
    assert "prepare.prepare_data.prepare_problems" in same("__default__")
    assert same("prepare_data") == {"prepare.prepare_data.prepare_problems"}


def test_a_plan_that_cannot_fit_is_printed_and_refused(tmp_path):
    """On any machine: a plan needs no GPU."""
    result = dry_run(tmp_path, "model=qwen3_4b", env="gpu", pipeline="train_tilted")
    assert result.exit_code == 1
    assert "Memory of one process in GiB, of 78 GiB" in plan(result)
    error = result.output[result.output.index("Error: ") :]
    assert "this cannot fit, nothing was run:" in error
    assert "training forward needs " in error
    assert "the largest part is optimiser, 30.0 GiB; hardware.train_batch = 8 is too large, 1 would fit" in error
    assert "Traceback" not in result.output


def test_a_plan_without_a_limit_says_so_and_who_has_one(tmp_path):
    told = plan(dry_run(tmp_path, "model=qwen3_4b", pipeline="train_tilted"))
    assert (
        "in GiB; hardware.memory_gib sets no limit to hold it against: --env=gpu or --env=multi_gpu has one\n" in told
    )


@pytest.mark.parametrize(("model", "has"), [("tiny", "down_proj, gate_proj, k_proj"), ("qwen3_4b", "down_proj, ")])
def test_an_adapter_of_layers_that_the_model_has_not_is_refused_with_those_it_has(model, has, tmp_path):
    lora = ("training.lora.rank=4", "training.lora.scale=4", "training.lora.targets=[q_prj]")
    result = dry_run(tmp_path, f"model={model}", *lora, pipeline="train_tilted")
    assert result.exit_code == 1
    told = f"train.tilted.lora.targets: 'q_prj' is not a linear layer of the start model; it has: {has}"
    assert told in result.output
    assert "lm_head" not in result.output


def test_an_adapter_of_an_embedding_tied_to_the_head_is_refused_with_the_reason(tmp_path):
    lora = ("training.lora.rank=4", "training.lora.scale=4", "training.lora.targets=[embed_tokens]")
    result = dry_run(tmp_path, "model=qwen3_4b", *lora, pipeline="train_tilted")
    assert result.exit_code == 1
    assert (
        "train.tilted.lora.targets: 'embed_tokens' is the embedding, whose weight is the head's as well"
        in result.output
    )
    assert "the policy kept would not be the one trained" in " ".join(result.output.split())


def test_where_the_shape_is_not_known_the_plan_says_so(tmp_path):
    told = plan(dry_run(tmp_path, "model=qwen3_4b", "base.config=null", env="gpu", pipeline="train_tilted"))
    assert told.startswith("Plan: qwen3_4b, on cuda in bfloat16, 1 process(es) on")
    assert "Memory: not known before the model is loaded; base.config gives its shape beforehand" in told


@pytest.mark.parametrize("how", ["dry_run=true", "dry_run=false"])
def test_a_large_model_on_a_processor_is_refused_for_the_profile_was_forgotten(tmp_path, how):
    bootstrap_project(ROOT)
    parameters = f"data={tmp_path},model=llama32_3b,{how}"
    result = CliRunner().invoke(cli, ["run", "--pipeline=train_tilted", f"--params={parameters}"])
    assert result.exit_code == 1
    told = " ".join(result.output.split())
    assert "hardware.device = 'cpu' for a model of 3,212,749,824 parameters: training backward holds " in told
    assert "was --env=gpu, or another profile with GPUs, forgotten?" in told
    assert not list(tmp_path.rglob("*.parquet"))


@pytest.mark.parametrize("model", ["tiny", "smollm2_135m", "smollm2_360m"])
def test_a_small_model_on_a_processor_is_what_it_is_for(tmp_path, model):
    bootstrap_project(ROOT)
    parameters = f"data={tmp_path},model={model},dry_run=true"
    result = CliRunner().invoke(cli, ["run", "--pipeline=train_tilted", f"--params={parameters}"])
    assert result.exit_code == 0, result.output


def test_a_run_on_a_gpu_too_small_is_refused_before_it_starts(tmp_path, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    bootstrap_project(ROOT)
    parameters = f"data={tmp_path},model=llama32_3b,hardware.memory_gib=24"
    result = CliRunner().invoke(cli, ["run", "--env=gpu", "--pipeline=train_tilted", f"--params={parameters}"])
    assert result.exit_code == 1
    assert "training samples needs " in result.output
    assert "Plan: " not in result.output
    assert not list(tmp_path.rglob("*.parquet"))


def runs(data: Path) -> list:
    if not (data / "mlflow.db").is_file():
        return []
    client = mlflow.tracking.MlflowClient(f"sqlite:///{data}/mlflow.db")
    return client.search_runs([experiment.experiment_id for experiment in client.search_experiments()])
