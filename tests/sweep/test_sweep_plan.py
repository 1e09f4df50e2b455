"""What a sweep has to run: read through the catalog, validated before anything starts."""

import json
from pathlib import Path

import pytest
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.startup import bootstrap_project

from beyond_sharpening.errors import BadInput
from beyond_sharpening.sweep.plan import State, dotlist, make_plan

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.filterwarnings("ignore:register_new_resolver", "ignore:.*type hints")
CELL = "tiny/tempered/alpha2/seed-0"


@pytest.fixture(scope="module", autouse=True)
def project() -> None:
    bootstrap_project(ROOT)


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("data")


def plan(data: Path, **asked):
    return make_plan("test", {"data": str(data), **asked})


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
    told = refusal(data, sweep={"objectives": {"tempered": {"alpha": [2, 2.00000001]}}})
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
