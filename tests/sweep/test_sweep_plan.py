"""What a sweep has to run: read through the catalog, validated before anything starts."""

import json
from pathlib import Path

import pytest
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.startup import bootstrap_project

from beyond_sharpening.errors import BadInput
from beyond_sharpening.sweep.plan import State, dotlist, make_plan

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.whole, pytest.mark.filterwarnings("ignore:register_new_resolver", "ignore:.*type hints")]
CELL = "tiny/tempered/alpha2/seed-0"


@pytest.fixture(scope="module", autouse=True)
def project() -> None:
    bootstrap_project(ROOT)


@pytest.fixture(scope="module")
def data(tmp_path_factory, with_store) -> Path:
    return with_store(tmp_path_factory.mktemp("data"))


def plan(data: Path, **asked):
    return make_plan("test", {"data": str(data), **asked}, lambda line: None)


def state(data: Path) -> State:
    return {task.name: task.state for task in plan(data).tasks}[CELL]


def refusal(data: Path, **asked) -> str:
    with pytest.raises(BadInput) as caught:
        plan(data, **asked)
    return str(caught.value)


def test_what_cells_share_is_a_task_of_its_own_that_each_waits_for(data):
    shared, *cells = plan(data).tasks
    assert (shared.name, shared.pipeline, shared.after) == ("tiny/base", "evaluate_base", None)
    assert [cell.name for cell in cells] == ["tiny/task_reward/default/seed-0", CELL]
    assert [cell.pipeline for cell in cells] == ["evaluate_task_reward", "evaluate_tempered"]
    assert {cell.after for cell in cells} == {"tiny/base"}


def test_what_is_asked_of_all_cells_reaches_each_of_them(data):
    *_, cell = plan(data, training={"steps": 5}).tasks
    assert cell.parameters["training"] == {"steps": 5}
    assert cell.parameters["train"] == {"tempered": {"alpha": 2.0, "normalisation": "sum"}}
    assert "sweep" not in cell.parameters


def test_a_cell_is_as_far_as_the_catalog_says(data):
    policy, samples = (data / layer / CELL for layer in ("06_models", "07_model_output"))
    assert state(data) == State.TO_DO
    place(policy / "last/config.json")
    assert state(data) == State.TRAINED
    place(samples / "samples.parquet")
    assert state(data) == State.FINISHED


def place(file: Path) -> None:
    file.parent.mkdir(parents=True)
    file.touch()


def test_what_was_made_with_other_parameters_is_refused_before_anything_runs(data):
    file = data / "06_models" / CELL / "manifest.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"identity": {"train_seed": 9}}))
    told = refusal(data)
    file.unlink()
    assert told.startswith(f"{file.parent} holds results made with other parameters than asked for:")
    assert "train_seed: 9 there, 0 asked" in told


def test_what_the_grid_sets_cannot_be_set_beside_it(data):
    assert refusal(data, train_seed=1) == "--params: train_seed: the grid sets it for each cell; change it under sweep"
    assert "train.tempered.alpha: the grid sets it" in refusal(data, train={"tempered": {"alpha": 4}})


def test_two_cells_at_one_place_are_refused(data):
    told = refusal(data, sweep={"objectives": {"tempered": {"alpha": [2, 2.0]}}})
    assert told == f"2 cells of the grid would be kept at one place, {CELL}: leave all but one out"


def test_parameters_reach_a_run_as_they_are(data):
    """What is written for ``--params`` is read back by Kedro's own reader as the same."""
    (option,) = [option for option in kedro_run.params if option.name == "params"]
    parameters = {
        "data": str(data),
        "train": {"tilted": {"alpha": 1.25, "beta": 10000.0, "normalisation": {"length_power": 0.5}}},
        "training": {"learning_rate": 1e-05, "fixed_length": True},
        "hardware": {"threads": None},
        "train_seed": 3,
    }
    assert option.callback(None, option, ",".join(dotlist(parameters))) == parameters


@pytest.fixture
def four_gpus(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 4)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def test_slurms_gpus_are_not_looked_for_where_jobs_are_submitted(data, monkeypatch, tmp_path):
    (tmp_path / "srun").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    made = plan_on_gpus(data, "multi_gpu", "qwen3_4b", executor="slurm", at_once=10)
    assert {task.gpus for task in made.tasks} == {4}
    assert made.places == [[]] * 10


ONE_CELL = {"seeds": "0", "objectives": {"task_reward": {}, "sharpening": None, "tempered": None, "tilted": None}}


def plan_on_gpus(data: Path, env: str, models: str, hardware: dict | None = None, only_look: bool = False, **swept):
    asked = {"data": str(data), "sweep": {**ONE_CELL, "models": models, **swept}, "hardware": hardware or {}}
    return make_plan(env, asked, lambda line: None, only_look=only_look)


def test_a_job_has_the_gpus_of_its_processes(data, four_gpus):
    made = plan_on_gpus(data, "multi_gpu", "qwen3_4b")
    assert {task.gpus for task in made.tasks} == {4}
    assert made.places == [[0, 1, 2, 3]]
    halved = plan_on_gpus(data, "multi_gpu", "qwen3_4b", {"processes": 2}, at_once=2)
    assert halved.places == [[0, 1], [2, 3]]
    assert plan(data).places == [[], []], "on the processor none"


@pytest.mark.parametrize(
    ("hardware", "swept", "told"),
    [
        ({"processes": 8}, {}, "hardware.processes = 8 want a GPU each, and there are 4 here"),
        ({}, {"at_once": 2}, "at_once = 2 jobs of hardware.processes = 4 want 8 GPUs, and there are 4 here: lower one"),
        ({"machines": 2, "rendezvous": "node0:29500"}, {}, "hardware.machines = 2: a job of a sweep is one machine"),
    ],
)
def test_what_this_machine_cannot_serve_is_refused_before_any_cell_is_looked_at(data, four_gpus, hardware, swept, told):
    looked: list[str] = []
    asked = {"data": str(data), "sweep": {**ONE_CELL, "models": "qwen3_4b", **swept}, "hardware": hardware}
    with pytest.raises(BadInput, match=told):
        make_plan("multi_gpu", asked, looked.append)
    assert looked == []


def test_each_models_memory_is_planned_and_a_shortage_named_with_it(data):
    """Without a GPU: what is only looked at needs none. The 3B models fit one GPU of 80 GB, the 4B model wants four."""
    made = plan_on_gpus(data, "gpu", "llama32_3b+qwen25_3b+qwen3_4b", only_look=True)
    assert made.places == []
    assert made.shortages()
    assert all(told.startswith("qwen3_4b: training ") for told in made.shortages())
    assert "of a GPU, and hardware.memory_gib = 78; the largest part is " in made.shortages()[0]
    assert plan_on_gpus(data, "multi_gpu", "qwen3_4b", only_look=True).shortages() == []


def test_a_dry_run_has_no_place_for_a_job(data):
    made = plan(data, dry_run=True)
    assert made.places == []
    assert [task.name for task in made.tasks][-1] == CELL


def test_the_base_asked_for_is_that_of_the_grids_only_model_and_ambiguous_with_several(data):
    one = {"sweep": {**ONE_CELL, "models": "qwen25_3b"}}
    shared, _ = plan(data, **one, base={"path": "/models/mine"}).tasks
    assert shared.parameters["base"] == {"path": "/models/mine"}
    assert refusal(data, **one, base={"way": "/models/mine"}).splitlines()[1].startswith("  --params: base.way = ")
    two = {"sweep": {**ONE_CELL, "models": "qwen25_3b+llama32_3b"}}
    assert refusal(data, **two, base={"path": "/models/mine"}) == (
        "--params: base.path: the grid has several models, each with a base of its own; say whose, as in "
        "models.qwen25_3b.base.path=..."
    )
    plan(data, **two, models={"qwen25_3b": {"base": {"path": "/models/mine"}}})


def test_a_cell_is_looked_for_where_its_own_run_would_put_it(tmp_path):
    """Many cells are looked at with one reading of the files: none may be taken for another."""
    swept = {"sweep": {"seeds": "0+1", "objectives": {"tempered": {"alpha": "2+4"}, "task_reward": None}}}
    place(tmp_path / "07_model_output/tiny/tempered/alpha4/seed-1/samples.parquet")
    finished = {task.name for task in plan(tmp_path, **swept).tasks if task.state == State.FINISHED}
    assert finished == {"tiny/tempered/alpha4/seed-1"}
