"""The project as Kedro sees it: names, data sets, and the whole experiment at a size of seconds."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_type_hints

import pandas as pd
import pytest
from kedro.framework.project import pipelines
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from kedro.io import MemoryDataset
from kedro_mlflow.io.metrics import MlflowMetricsHistoryDataset

from beyond_sharpening.analysis import PRIMARY_FAMILY, validate_samples
from beyond_sharpening.errors import BadInput
from beyond_sharpening.objectives import PRIMARY
from beyond_sharpening.wiring.datasets import OptionalPartitions

pytestmark = pytest.mark.whole

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module", autouse=True)
def project() -> None:
    bootstrap_project(ROOT)


def run(data: Path, pipeline: str = "__default__", **parameters: object) -> None:
    with KedroSession.create(ROOT, env="test", runtime_params={"data": str(data), **parameters}) as session:
        session.run(pipeline_names=[pipeline], only_missing_outputs=True)


SECRETS = {
    "HF_TOKEN": "hf_planted_token",
    "MLFLOW_TRACKING_PASSWORD": "planted-password",
    "MLFLOW_TRACKING_TOKEN": "planted-tracking-token",
    "AWS_SECRET_ACCESS_KEY": "planted-key-of-a-store",
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, with_store: Callable[[Path], Path]) -> Path:
    data = with_store(tmp_path_factory.mktemp("data"))
    with pytest.MonkeyPatch.context() as environment:
        for name, value in SECRETS.items():
            environment.setenv(name, value)
        run(data)
    return data


def test_no_secret_of_the_environment_is_written_anywhere(finished: Path) -> None:
    written = [path for path in finished.rglob("*") if path.is_file()]
    assert {"mlflow.db", "report.html", "manifest.json", "samples.parquet"} <= {path.name for path in written}
    for path in written:
        content = path.read_bytes()
        assert not [name for name, value in SECRETS.items() if value.encode() in content], path


def files(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_every_data_set_of_the_experiment_is_in_the_catalog(tmp_path: Path) -> None:
    with KedroSession.create(ROOT, env="test", runtime_params={"data": str(tmp_path)}) as session:
        catalog = session.load_context().catalog
        for name, pipeline in pipelines.items():
            missing = [dataset for dataset in pipeline.datasets() if dataset not in catalog]
            assert not missing, f"{name}: {missing} would silently be kept in memory"


def test_a_pipeline_works_on_a_fresh_clone(tmp_path: Path) -> None:
    """It needs nothing but parameters, and what is read only where it happens to be there."""
    with KedroSession.create(ROOT, env="test", runtime_params={"data": str(tmp_path)}) as session:
        catalog = session.load_context().catalog
        for name in (name for name in pipelines if name.startswith(("prepare_", "train_", "evaluate"))):
            inputs = {dataset for dataset in pipelines[name].inputs() if not dataset.startswith("param")}
            needed = {dataset for dataset in inputs if not isinstance(catalog.get(dataset), OptionalPartitions)}
            assert not needed, f"{name} needs {needed}"


def test_default_is_everything_but_the_control_the_measurements_and_what_others_trained() -> None:
    apart = {"train_null_control", "evaluate_null_control", "benchmark", "validate_statistics", "judge", "score"}
    nodes = {node.name for node in pipelines["__default__"].nodes}
    for name, pipeline in pipelines.items():
        others = {node.name for node in pipeline.nodes} - nodes
        assert bool(others) == (name in apart), (name, others)


def test_the_types_of_every_node_can_be_read_where_it_is_wired() -> None:
    """Kedro warns in every run of those that cannot."""
    for pipeline in pipelines.values():
        for node in pipeline.nodes:
            get_type_hints(node.func)


def test_nodes_with_many_inputs_or_outputs_name_them() -> None:
    """In their order they would have to be counted off."""
    for pipeline in pipelines.values():
        for node in pipeline.nodes:
            assert len(node.inputs) <= 4 or isinstance(node._inputs, dict), node
            assert len(node.outputs) <= 3 or isinstance(node._outputs, dict), node


def test_what_reads_everything_waits_for_what_writes_it() -> None:
    order = [node.name for node in pipelines["__default__"].nodes]
    drawn = max(order.index(name) for name in order if name.startswith("train_and_evaluate."))
    assert drawn < order.index("compare_and_report.compare.read_samples")
    assert drawn < order.index("compare_and_report.report.select_histories")


def test_a_report_is_made_of_what_is_there_now(tmp_path: Path) -> None:
    """A node that only writes tables is skipped once they exist, whatever cells have come since."""
    with KedroSession.create(ROOT, env="test", runtime_params={"data": str(tmp_path)}) as session:
        catalog = session.load_context().catalog
        for node in (node for node in pipelines["report"].nodes if node.outputs):
            made = [catalog.get(name) for name in node.outputs]
            assert any(isinstance(data, MemoryDataset | MlflowMetricsHistoryDataset) for data in made), node


def test_listing_pipelines_imports_no_model_library() -> None:
    code = "import beyond_sharpening.pipeline_registry as r, sys; r.register_pipelines(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert {"torch", "transformers", "trl", "math_verify", "scipy.stats"}.isdisjoint(loaded)


def test_the_whole_experiment_leaves_what_the_readme_promises(finished: Path) -> None:
    reporting = finished / "08_reporting"
    summary = json.loads((reporting / "summary.json").read_text())
    assert summary["model"] == "tiny"
    assert summary["seeds"] == [0]
    assert {row["policy"] for row in summary["rows"]} == {"base", *PRIMARY}
    greedy = [row for row in summary["rows"] if row["decoder"] == "greedy"]
    assert greedy
    assert all(row["pass@4"] is None for row in greedy)
    primary = [row for row in summary["comparisons"] if row["family"] == "primary"]
    assert len(primary) == len(PRIMARY_FAMILY) * 3
    html, markdown = (reporting / "report.html").read_text(), (reporting / "report.md").read_text()
    assert "| every training | fixed_length: " in markdown
    assert "| tempered/alpha2 | alpha: 2.0, normalisation: sum |" in markdown
    assert "null_control" not in markdown, "what was not run is not said to have been"
    assert html.count("data:image/png;base64,") == markdown.count("](figures/")
    shown = set(re.findall(r"\(figures/(\w+\.png)\)", markdown))
    assert {"contrasts.png", "pass_at_k.png", "accuracy_by_difficulty.png", "learning_curves.png"} <= shown
    assert shown == {path.name for path in (reporting / "figures").iterdir()}


def test_every_samples_table_keeps_the_contract(finished: Path) -> None:
    tables = list((finished / "07_model_output/tiny").rglob("samples.parquet"))
    assert len(tables) == len(["base", *PRIMARY])
    for path in tables:
        table = pd.read_parquet(path)
        validate_samples(table)
        assert set(table["benchmark"]) == {"chain_sums", "chain_brackets", "chain_long"}
    base = pd.read_parquet(finished / "07_model_output/tiny/base/samples.parquet")
    assert set(base["replicate"]) == {0, 1}
    first, second = (base[base["replicate"] == replicate]["completion"].tolist() for replicate in (0, 1))
    assert first != second


def test_a_trained_policy_loads_without_this_project(finished: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = finished / "06_models/tiny/tilted/alpha2-beta100/seed-0/last"
    assert AutoModelForCausalLM.from_pretrained(folder).num_parameters() > 0
    assert AutoTokenizer.from_pretrained(folder)("8+5=")["input_ids"]


def test_each_cell_has_its_manifest(finished: Path) -> None:
    manifest = json.loads((finished / "06_models/tiny/tempered/alpha2/seed-0/manifest.json").read_text())
    assert manifest["identity"]["train"]["tempered"]["alpha"] == 2.0
    assert manifest["identity"]["train_seed"] == 0
    assert manifest["versions"]["torch"]
    assert manifest["commit"]


def test_runs_are_tracked_with_a_nested_run_for_each_cell(finished: Path) -> None:
    from mlflow.tracking import MlflowClient

    client = MlflowClient(f"sqlite:///{finished}/mlflow.db")
    runs = client.search_runs([experiment.experiment_id for experiment in client.search_experiments()])
    parent = next(run for run in runs if "mlflow.parentRunId" not in run.data.tags)
    cells = {run.info.run_name: run for run in runs if run is not parent}
    assert parent.info.status == "FINISHED"
    assert parent.data.tags["model"] == "tiny"
    assert parent.data.tags["env"] == "test"
    assert "accuracy.base/chain_sums" in parent.data.metrics
    artifacts = {item.path for item in client.list_artifacts(parent.info.run_id)}
    assert {"report.html", "summary.json", "figures"} <= artifacts
    tilted = cells["tilted alpha2-beta100 seed 0"]
    assert tilted.data.params["beta"] == "100.0"
    assert {"alpha", "beta"}.isdisjoint(cells["task_reward default seed 0"].data.params), "which it does not take"
    for cell in (tilted, cells["pretrain base"]):
        assert {"accuracy/chain_sums/greedy", "accuracy/chain_long/temperature"} <= cell.data.metrics.keys()
        assert {cell.data.tags["model"], cell.data.tags["domain"]} == {"tiny", "chains"}
        assert cell.data.tags["commit"] == parent.data.tags["commit"]
    assert "mechanism/chain_sums/kl" in tilted.data.metrics
    assert [item.path for item in client.list_artifacts(tilted.info.run_id)] == ["history.csv"]
    history = client.get_metric_history(tilted.info.run_id, "task_accuracy")
    assert [point.step for point in history] == [1, 2, 3]
    for metric in ("reward", "entropy", "kl", "log_reference", "grad_norm", "step_time", "completions/mean_length"):
        assert metric in tilted.data.metrics


def test_another_cell_stands_beside_the_first(finished: Path) -> None:
    before = files(finished / "06_models")
    run(finished, "evaluate_tilted", train={"tilted": {"alpha": 4}}, train_seed=1)
    after = files(finished / "06_models")
    assert {name: after[name] for name in before} == before, "a cell that was there has been touched"
    assert "tiny/tilted/alpha4-beta100/seed-1/last/model.safetensors" in after


def test_a_second_run_trains_nothing_and_reports_what_is_there_now(finished: Path) -> None:
    before = files(finished)
    run(finished)
    after = files(finished)
    changed = {name for name in after if after[name] != before.get(name)}
    made_anew = ("report.html", "prediction_outcomes.parquet", "decoder_costs.parquet", "decoder_diagnostics.parquet")
    assert {f"08_reporting/{name}" for name in made_anew} <= changed
    assert all(name.startswith(("08_reporting", "mlruns", "mlflow.db")) for name in changed), changed
    written = (finished / "08_reporting/report.md").read_text().split("## What was run")[1]
    assert "max_completion_tokens: 40" in written
    assert "| tilted/alpha4-beta100 | alpha: 4.0, beta: 100.0, normalisation: sum |" in written
    rows = json.loads((finished / "08_reporting/summary.json").read_text())["rows"]
    trained = pd.read_parquet(finished / "08_reporting/told_and_true.parquet").query("policy == 'tilted'")
    variants = {"alpha2-beta100", "alpha4-beta100"}
    assert {row["variant"] for row in rows if row["policy"] == "tilted"} == set(trained["variant"]) == variants


def test_the_report_states_what_was_made_not_what_was_asked_for(finished: Path) -> None:
    """It has the parameters of manifests alone, whatever the run asks for."""
    asked = {"data": str(finished), "task": {"max_completion_tokens": 41}}
    with KedroSession.create(ROOT, env="test", runtime_params=asked) as session:
        made = session.run(pipeline_names=["report"], node_names=["compare_and_report.report.describe_run"])
    assert made["run"].load().parameters["task"]["max_completion_tokens"] == 40
    assert "params:task" not in pipelines["report"].inputs()


def test_more_prompts_a_step_than_problems_are_refused_before_anything_is_kept(tmp_path: Path) -> None:
    """How many a file holds is known when it has been read."""
    rows = [json.dumps({"question": f"{row}+1=", "answer": str(row + 1)}) for row in range(10, 30)]
    (tmp_path / "own.jsonl").write_text("\n".join(rows))
    source = {"type": "local", "path": str(tmp_path / "own.jsonl")}
    asked = {"sources": {"own": source}, "problems": {"train": "own", "validation_size": 4}}
    told = r"train\.tilted\.prompts_per_step = 20 is more than the 16 training problems"
    with pytest.raises(BadInput, match=told):
        run(tmp_path, "train_tilted", **asked, training={"prompts_per_step": 20})
    assert not list(tmp_path.rglob("*.parquet"))
    run(tmp_path, "prepare_data", **asked, training={"prompts_per_step": 20})  # a step is no matter of theirs
    with pytest.raises(BadInput, match=told):
        run(tmp_path, "train_tilted", **asked, training={"prompts_per_step": 20})


def test_a_start_model_that_cannot_hold_the_prompts_is_not_kept(tmp_path: Path) -> None:
    """So that another can be taken in its place."""
    from beyond_sharpening.models.policy import save_policy
    from beyond_sharpening.models.tiny import build_tokenizer
    from decoding.tiny_models import tiny_model

    save_policy(tiny_model(vocabulary=20, context=10), build_tokenizer(), tmp_path / "short")
    base = {"path": str(tmp_path / "short"), "revision": "main", "config": None, "eos_token_ids": None}
    task = {"prompt": "{question}", "max_prompt_tokens": None, "max_completion_tokens": 4}
    task |= {"context": None, "evaluation_tokens": None}
    problems = {"train": "chain_train", "validation_size": 8, "benchmarks": ["chain_sums"]}
    asked = {"model": "qwen25_3b", "base": base, "problems": problems, "training": {"prompts_per_step": 4}}
    with pytest.raises(
        BadInput, match=r"has a context of 10 tokens .*= 4 after prompts of up to \d+ tokens do not fit"
    ):
        run(tmp_path, "prepare_base", **asked, task=task)
    assert not (tmp_path / "06_models/qwen25_3b/base").exists()
    with pytest.raises(BadInput, match=r"task\.max_prompt_tokens = 8 and task\.max_completion_tokens = 4 do not fit"):
        run(tmp_path, "prepare_base", **asked, task={**task, "max_prompt_tokens": 8})


def test_the_first_view_of_the_graph_has_few_boxes_which_hold_a_stage_for_each_objective(tmp_path: Path) -> None:
    from kedro_viz.api.rest.responses.pipelines import get_pipeline_response
    from kedro_viz.server import load_and_populate_data

    load_and_populate_data(ROOT, env="test", extra_params={"data": str(tmp_path)})
    graph = get_pipeline_response().model_dump()
    boxes = graph["modular_pipelines"]
    shown = [child["type"] for child in boxes["__root__"]["children"]]
    assert shown.count("modularPipeline") == 4
    assert shown.count("data") < 35, "else it cannot be read"
    stages = {child["id"].rpartition(".")[2] for child in boxes["train_and_evaluate"]["children"]}
    assert {"train_task_reward", "train_sharpening", "train_tempered", "train_tilted", "evaluate"} <= stages
    assert len(graph["layers"]) >= 4


NOTEBOOKS = ("01_read_the_results.ipynb", "02_is_it_sharpening.ipynb")


@pytest.fixture(scope="module")
def executed(finished: Path) -> dict[str, tuple[str, int]]:
    """What each notebook printed on the finished experiment, and how many pictures it drew.

    One process runs both, each from an empty namespace: its start and its imports take longer than what they do.
    """
    import nbformat
    from nbclient import NotebookClient

    notebooks = [nbformat.read(ROOT / "notebooks" / name, as_version=4) for name in NOTEBOOKS]
    both = nbformat.v4.new_notebook(metadata=notebooks[0].metadata)
    for notebook in notebooks:
        (reload,) = [cell for cell in notebook.cells if cell.source == "%reload_kedro"]
        reload.source += f" --env=test --params=data={finished}"
        both.cells += [nbformat.v4.new_code_cell("%reset -f"), *notebook.cells]
    NotebookClient(both, timeout=120, resources={"metadata": {"path": str(ROOT / "notebooks")}}).execute()
    return {name: told(notebook.cells) for name, notebook in zip(NOTEBOOKS, notebooks, strict=True)}


def told(cells: list[Any]) -> tuple[str, int]:
    """What cells printed, and how many pictures they drew."""
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    printed = "".join(output.text for output in outputs if output.output_type == "stream")
    return printed, sum("image/png" in output.get("data", {}) for output in outputs)


def test_the_notebook_runs_on_the_results(finished: Path, executed: dict[str, tuple[str, int]]) -> None:
    printed, pictures = executed["01_read_the_results.ipynb"]
    assert json.loads((finished / "08_reporting/verdict.json").read_text())["headline"] in printed
    assert pictures == 2


def test_the_notebook_on_what_training_did_names_every_policy(
    finished: Path, executed: dict[str, tuple[str, int]]
) -> None:
    printed, pictures = executed["02_is_it_sharpening.ipynb"]
    did = pd.read_parquet(finished / "08_reporting/mechanism.parquet")
    for policy, rows in did.groupby("policy"):
        assert f"{policy}: {rows['overall'].iloc[0]}" in printed
    assert pictures == 1
