"""The grid: which cells it stands for, and what of it is refused."""

from pathlib import Path

import pytest
from kedro.framework.cli.project import run as kedro_run

from beyond_sharpening import settings
from beyond_sharpening.errors import BadInput
from beyond_sharpening.objectives import OBJECTIVES, PARAMETERS, Objective
from beyond_sharpening.parameters.sweep import Cell, Sweep, cells
from beyond_sharpening.wiring.config_loader import ExperimentConfigLoader

pytestmark = pytest.mark.filterwarnings("ignore:register_new_resolver")

CONF = Path(__file__).resolve().parents[2] / "conf"


def load(**asked) -> Sweep:
    loader = ExperimentConfigLoader(CONF, runtime_params={"sweep": asked}, **settings.CONFIG_LOADER_ARGS)
    return Sweep.model_validate(loader["parameters"]["sweep"])


def test_the_shipped_grid_is_the_papers():
    """Task reward, sharpening at α = 1, and α ∈ {0.5, 1, 1.25, 2, 4} × β ∈ {none, 100, 10000}; here with five seeds."""
    grid = list(cells(load()))
    assert len(grid) == 3 * 5 * (1 + 1 + 5 + 5 * 2)
    one = [cell for cell in grid if (cell.model, cell.seed) == ("qwen25_3b", 0)]
    assert [cell.coefficients for cell in one if cell.objective == "task_reward"] == [{}]
    assert [cell.coefficients["alpha"] for cell in one if cell.objective == "sharpening"] == [1]
    assert [cell.coefficients["alpha"] for cell in one if cell.objective == "tempered"] == [0.5, 1, 1.25, 2, 4]
    tilted = {(cell.coefficients["alpha"], cell.coefficients["beta"]) for cell in one if cell.objective == "tilted"}
    assert tilted == {(alpha, beta) for alpha in (0.5, 1, 1.25, 2, 4) for beta in (100, 10000)}


def test_what_a_training_is_told_can_be_varied():
    noisy = {"type": "noisy", "false_positive": 0.1}
    grid = list(
        cells(load(models=["tiny"], seeds=[0], objectives={"task_reward": {"signal": [{"type": "gold"}, noisy]}}))
    )
    told = [cell.coefficients["signal"] for cell in grid if cell.objective == "task_reward"]
    assert [signal["type"] for signal in told] == ["gold", "noisy"]
    with pytest.raises(BadInput, match="tempered has no signal to vary"):
        load(objectives={"tempered": {"signal": [noisy]}})


def test_the_noise_grid_goes_through_eight_rates_of_both_kinds_and_the_signals_that_need_nothing():
    loader = ExperimentConfigLoader(CONF, "noise", runtime_params={}, **settings.CONFIG_LOADER_ARGS)
    grid = list(cells(Sweep.model_validate(loader["parameters"]["sweep"])))
    told = [cell.coefficients["signal"] for cell in grid if cell.objective == "task_reward" and cell.seed == 0]
    for flips in ("drawn", "fixed"):
        rates = [signal["false_positive"] for signal in told if signal.get("flips") == flips]
        assert len({0.0, *rates}) == 8
        assert min(rates) < 0.5 < max(rates), "J changes its sign"
    assert {cell.seed for cell in grid} == {0, 1, 2}
    assert {cell.objective for cell in grid} == {"task_reward", "sharpening"}


def test_a_grid_that_is_cut_short_has_whole_replicates():
    grid = list(cells(load(models=["tiny"], seeds=[0, 1])))
    assert [cell.seed for cell in grid] == [0] * 17 + [1] * 17


def test_a_cell_asks_for_what_is_varied_and_leaves_the_rest_as_it_is():
    asked = Cell("tiny", "tempered", {"alpha": 4.0}, seed=3).parameters()
    assert asked == {"model": "tiny", "train_seed": 3, "train": {"tempered": {"alpha": 4.0}}}
    assert Cell("tiny", "task_reward", {}, seed=3).parameters() == {"model": "tiny", "train_seed": 3}


def test_one_value_stands_for_a_list_of_one_since_the_command_line_has_no_lists():
    swept = load(models="tiny", seeds=3, objectives={"tilted": {"alpha": 2, "beta": 100, "normalisation": "mean"}})
    assert (swept.models, swept.seeds) == (["tiny"], [3])
    assert swept.objectives["tilted"].given() == {"alpha": [2], "beta": [100], "normalisation": ["mean"]}


def test_several_values_are_joined_by_a_plus_on_the_command_line():
    """As Kedro's own reader reads them there."""
    (option,) = [option for option in kedro_run.params if option.name == "params"]
    asked = "sweep.models=tiny+qwen3_4b,sweep.seeds=0+1,sweep.objectives.tempered.alpha=0.5+2"
    normalisation = "sweep.objectives.tempered.normalisation=sum+mean"
    swept = load(**option.callback(None, option, f"{asked},{normalisation}")["sweep"])
    assert (swept.models, swept.seeds) == (["tiny", "qwen3_4b"], [0, 1])
    assert swept.objectives["tempered"].given() == {"alpha": [0.5, 2], "normalisation": ["sum", "mean"]}


def test_what_all_trainings_have_may_be_varied_too():
    """Fixed length is the paper's second grid."""
    axes = {"task_reward": {"fixed_length": "false+true"}, "tilted": {"alpha": [2], "learning_rate": [1e-6, 1e-5]}}
    grid = list(cells(load(models="tiny", seeds=0, objectives={**axes, "sharpening": None, "tempered": None})))
    asked = [cell.coefficients for cell in grid if cell.objective == "task_reward"]
    assert asked == [{"fixed_length": False}, {"fixed_length": True}]
    assert {cell.coefficients["learning_rate"] for cell in grid if cell.objective == "tilted"} == {1e-6, 1e-5}


def test_null_leaves_an_objective_out():
    swept = load(objectives={"tempered": None, "tilted": None})
    assert set(swept.objectives) == {"task_reward", "sharpening"}


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_an_axis_is_what_changes_the_objective(objective):
    """A coefficient that an objective ignores would train the same cell twice under two names."""
    shipped = Objective.named(objective)
    smaller = {name: (each.above + each.default) / 2 for name, each in PARAMETERS.items()}
    changes = {name: Objective.named(objective, **{name: value}) != shipped for name, value in smaller.items()}
    changes["normalisation"] = 0 != shipped.reference != shipped.policy  # it acts on the share b − c
    assert set(OBJECTIVES[objective].takes) == {axis for axis, changed in changes.items() if changed}


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"objectives": {"grpo": {}}}, "sweep.objectives: 'grpo' is not an objective; known: task_reward, "),
        ({"objectives": {"task_reward": {"alpha": [1]}}}, "sweep.objectives: task_reward has no alpha to vary; it has"),
        ({"objectives": {"tempered": {"beta": 100}}}, "sweep.objectives: tempered has no beta to vary; it has: alpha"),
        ({"objectives": dict.fromkeys(OBJECTIVES)}, "sweep.objectives: names no objective; known: task_reward, "),
        ({"objectives": {"tilted": {"alpha": []}}}, "sweep.objectives.tilted.alpha = []: Value should have at least 1"),
        ({"objectives": {"tilted": {"alpha": [1, 0]}}}, "sweep.objectives.tilted.alpha = 0: Input should be greater"),
        ({"objectives": {"tilted": {"gamma": [1]}}}, "sweep.objectives.tilted.gamma = [1]: unknown key; known: alpha"),
        ({"objectives": {"tilted": {"normalisation": "none"}}}, "normalisation = 'none': normalisation must be sum"),
        ({"models": []}, "sweep.models = []: Value should have at least 1 item"),
        ({"models": ["tiny", "gpt5"]}, "sweep.models = 'gpt5': unknown; known: any_model, llama32_3b, "),
        ({"models": "tiny+gpt5"}, "sweep.models = 'gpt5': unknown; known: any_model, llama32_3b, "),
        ({"seeds": [0, -1]}, "sweep.seeds = -1: Input should be greater than or equal to 0"),
        ({"executor": "pbs"}, "sweep.executor = 'pbs': Input should be 'local' or 'slurm'"),
        ({"at_once": 0}, "sweep.at_once = 0: Input should be greater than or equal to 1"),
        ({"slurm": {"queue": "gpu"}}, "sweep.slurm.queue = 'gpu': unknown key; known: account, constraint, "),
    ],
)  # fmt: skip
def test_bad_input_is_named_with_its_value_and_what_is_allowed(asked, told):
    with pytest.raises(BadInput) as caught:
        load(**asked)
    (line,) = str(caught.value).splitlines()[1:]
    assert line.startswith("  --params: ")
    assert told in line
