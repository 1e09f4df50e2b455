"""One reward, three coefficients, and the optimum of each."""

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from beyond_sharpening.analysis import PRIMARY_FAMILY
from beyond_sharpening.objectives import OBJECTIVES, PARAMETERS, Objective

COEFFICIENTS = {
    "task_reward": (1, 0, 0),
    "sharpening": (0, 3, 0),
    "tempered": (0, 3, 1),
    "tilted": (1, 3 / 50, 1 / 50),
    "null_control": (0, 1, 1),
}

# Four completions of one prompt: R, log π_ref (of any mass: the optimum normalises), length.
TASK = torch.tensor([1.0, 0.0, 1.0, 0.0], dtype=torch.float64)
LOGP = torch.tensor([0.5, 0.25, 0.15, 0.1], dtype=torch.float64).log()
LENGTHS = torch.tensor([1.0, 2.0, 4.0, 4.0], dtype=torch.float64)


@pytest.mark.parametrize(("name", "coefficients"), COEFFICIENTS.items())
def test_each_name_stands_for_its_three_coefficients(name, coefficients):
    objective = Objective.named(name, alpha=3, beta=50)
    assert (objective.task, objective.reference, objective.policy) == pytest.approx(coefficients)
    assert objective.normalisation == "sum"


def test_the_reward_worked_by_hand():
    reward = Objective(2, 3, 5).reward(
        np.array([1.0, 0.0]), np.array([-4.0, -1.0]), np.array([-2.0, -3.0]), np.array([7, 1])
    )
    np.testing.assert_allclose(reward, [2 * 1 + 3 * -4 + 5 * 2, 0 + 3 * -1 + 5 * 3])


@pytest.mark.parametrize(
    ("normalisation", "divisor"), [("mean", 9), ({"length_power": 0.5}, 3), ({"length_power": 0}, 1)]
)
def test_normalisation_divides_what_sharpens_and_leaves_the_anchor_a_sum(normalisation, divisor):
    """The paper's rewards: α·s, (α − 1)·s + log π_ref − log π_θ, R + ((α − 1)·s + log π_ref − log π_θ)/β."""
    told = [torch.tensor([value], dtype=torch.float64) for value in (1.0, -4.0, -2.0, 9.0)]
    s = -4 / divisor
    expected = {"sharpening": 3 * s, "tempered": 2 * s - 4 + 2, "tilted": 1 + (2 * s - 4 + 2) / 50}
    for name, reward in expected.items():
        objective = Objective.named(name, alpha=3, beta=50, normalisation=normalisation)
        assert objective.reward(*told).item() == pytest.approx(reward)


@pytest.mark.parametrize("name", ["tempered", "tilted", "null_control"])
def test_at_an_exponent_of_one_the_normalisation_changes_nothing(name):
    plain, normalised = (Objective.named(name, alpha=1, beta=7, normalisation=s) for s in ("sum", "mean"))
    told = (TASK, LOGP, LOGP - 1, LENGTHS)
    assert torch.equal(plain.reward(*told), normalised.reward(*told))
    assert torch.equal(plain.optimum(TASK, LOGP, LENGTHS), normalised.optimum(TASK, LOGP, LENGTHS))


def test_what_the_reference_cannot_say_stays_unsaid_under_a_normalisation_too():
    for alpha in (0.5, 2):
        objective = Objective.named("tempered", alpha=alpha, normalisation="mean")
        logp = torch.tensor([-math.inf, 0.0], dtype=torch.float64)
        assert objective.optimum(torch.zeros(2), logp, torch.ones(2)).tolist() == [-math.inf, 0.0]


@pytest.mark.parametrize("name", ["tempered", "tilted", "null_control"])
@pytest.mark.parametrize("normalisation", ["sum", "mean"])
def test_with_entropy_the_optimum_is_the_reference_sharpened_and_tilted(name, normalisation):
    """π* ∝ π_ref · π_ref^(α − 1) · exp(β·R), with π_ref^(1/length) in place of the sharpened one under the mean."""
    optimum = Objective.named(name, alpha=2, beta=5, normalisation=normalisation).optimum(TASK, LOGP, LENGTHS).exp()
    alpha, beta = {"tempered": (2, 0), "tilted": (2, 5), "null_control": (1, 0)}[name]
    reference = LOGP.exp() ** (1 / LENGTHS if normalisation == "mean" else 1)
    weights = LOGP.exp() * reference ** (alpha - 1) * (beta * TASK).exp()
    torch.testing.assert_close(optimum, weights / weights.sum())


def test_the_optimum_of_arrays_is_that_of_tensors():
    objective = Objective.named("tilted", alpha=2, beta=5)
    arrays = objective.optimum(TASK.numpy(), LOGP.numpy(), LENGTHS.int().numpy())
    torch.testing.assert_close(arrays, objective.optimum(TASK, LOGP, LENGTHS))


def test_a_term_without_weight_does_not_count_where_it_is_infinite():
    """A completion outside π_ref's support has its reward like any other, where log π_ref is no part of it."""
    outside = np.array([-np.inf])
    assert Objective.named("task_reward").reward(np.array([1.0]), outside, outside, np.array([3])) == [1.0]
    assert Objective.named("sharpening").reward(np.array([1.0]), np.array([-1.0]), outside, np.array([3])) == [-2.0]


def test_the_null_control_asks_for_the_reference_itself():
    torch.testing.assert_close(Objective.named("null_control").optimum(TASK, LOGP, LENGTHS), LOGP)


@pytest.mark.parametrize(
    ("objective", "winners"),
    [
        (Objective.named("task_reward"), [0, 2]),
        (Objective.named("sharpening"), [0]),
        (Objective(1, 1, 0, "mean"), [2]),  # −log 2 + 1 = 0.31 against log(0.15) / 4 + 1 = 0.53
    ],
)
def test_without_entropy_the_optimum_shares_the_argmax_out_evenly(objective, winners):
    optimum = objective.optimum(TASK, LOGP, LENGTHS)
    expected = [1 / len(winners) if row in winners else 0 for row in range(4)]
    np.testing.assert_allclose(optimum.exp(), expected, atol=1e-15)


@pytest.mark.parametrize("name", COEFFICIENTS)
def test_no_other_distribution_does_better(name):
    """Brute force over the simplex of four completions, in steps of a sixteenth."""
    objective = Objective.named(name, alpha=2, beta=5)
    grid = [counts for counts in np.ndindex(17, 17, 17, 17) if sum(counts) == 16]
    candidates = torch.tensor(grid, dtype=torch.float64) / 16

    def value(policy: torch.Tensor) -> torch.Tensor:
        rewards = objective.task * TASK + objective.reference * LOGP
        return (policy * rewards).sum(-1) + objective.policy * torch.special.entr(policy).sum(-1)

    assert value(objective.optimum(TASK, LOGP, LENGTHS).exp()) >= value(candidates).max() - 1e-12


@pytest.mark.parametrize("name", COEFFICIENTS)
def test_what_the_reference_cannot_say_stays_unsaid(name):
    logp = torch.tensor([-math.inf, math.log(0.5), math.log(0.5)])
    optimum = Objective.named(name).optimum(torch.tensor([1.0, 0.0, 0.0]), logp, torch.ones(3))
    np.testing.assert_allclose(optimum.exp(), [0, 0.5, 0.5], atol=1e-6)


def test_prompts_are_solved_side_by_side():
    objective = Objective.named("tilted", alpha=2, beta=5)
    other = torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.float64).log()
    both = objective.optimum(torch.stack([TASK, 1 - TASK]), torch.stack([LOGP, other]), LENGTHS)
    torch.testing.assert_close(both[0], objective.optimum(TASK, LOGP, LENGTHS))
    torch.testing.assert_close(both[1], objective.optimum(1 - TASK, other, LENGTHS))


@pytest.mark.parametrize("coefficients", [(0, 0, 0), (-1, 0, 0), (0, math.nan, 1), (0, 1, math.inf)])
def test_coefficients_that_mean_nothing_are_refused(coefficients):
    with pytest.raises(ValueError, match="finite, at least 0 and not all 0; got"):
        Objective(*coefficients)


@pytest.mark.parametrize("normalisation", ["none", "", None, 1, {}, {"power": 1}, {"length_power": math.nan}])
def test_an_unknown_normalisation_is_refused(normalisation):
    with pytest.raises(ValueError, match=r"sum, mean or \{length_power: w\}"):
        Objective(1, 1, 1, normalisation)


@pytest.mark.parametrize("bad", [{"alpha": 0}, {"alpha": -1}, {"beta": 0}, {"beta": math.nan}])
def test_alpha_and_beta_are_positive(bad):
    with pytest.raises(ValueError, match=r"(alpha|beta) must be greater than 0.*; got"):
        Objective.named("tilted", **bad)


def test_an_unknown_name_is_told_the_known_ones():
    with pytest.raises(ValueError, match="unknown objective 'grpo'; known: task_reward, sharpening, tempered, tilted"):
        Objective.named("grpo")


@pytest.mark.parametrize("broken", [[math.nan, -1.0], [-math.inf, -math.inf]])
def test_a_reference_without_mass_has_no_optimum(broken):
    logp = torch.tensor([[-1.0, -2.0], broken])
    with pytest.raises(ValueError, match=r"prompt\(s\) at \[\[1\]\]"):
        Objective.named("tempered").optimum(torch.zeros(2, 2), logp, torch.ones(2, 2))


def test_a_parameter_that_no_objective_takes_is_refused_and_one_of_others_has_no_effect():
    with pytest.raises(ValueError, match="no objective takes gamma = 3; known: alpha, beta"):
        Objective.named("tilted", gamma=3)
    assert Objective.named("task_reward", alpha=4, beta=5) == Objective.named("task_reward")


def test_the_table_tells_objectives_apart_for_the_eye_and_says_who_is_told_what_is_right():
    rows = OBJECTIVES.values()
    for look in ("label", "colour", "marker"):
        assert len({getattr(row, look) for row in rows}) == len(rows)
    assert [name for name in COEFFICIENTS if OBJECTIVES[name].is_told] == ["task_reward", "tilted"]
    assert [name for name in COEFFICIENTS if Objective.named(name).is_null] == ["null_control"]


def test_a_parameter_of_one_name_is_one_whatever_objective_takes_it():
    """Its limits and its default are found by the name."""
    for row in OBJECTIVES.values():
        for parameter in row.parameters:
            assert PARAMETERS[parameter.name] == parameter


def test_the_primary_contrasts_that_follow_from_the_table_are_the_six():
    of_the_paper = [pair for pair in PRIMARY_FAMILY if {*pair} <= {*COEFFICIENTS, "base"}]
    against_base = [(name, "base") for name in ("task_reward", "sharpening", "tempered", "tilted")]
    assert of_the_paper == [*against_base, ("task_reward", "sharpening"), ("task_reward", "tempered")]


ROW = """
    "mine": NamedObjective(
        lambda alpha, gamma: (gamma, alpha, 1 / gamma), "trained for three.", label="Mine", colour="#000", marker="*",
        parameters=(ALPHA, Parameter("gamma", 3.0, "Its weight.", most=10)), normalised=True,
    ),
}
\"\"\"Every objective"""

NEWCOMER = r"""
import sys, types
from importlib.util import find_spec
spec = find_spec("beyond_sharpening.objectives")
module = types.ModuleType(spec.name)
sys.modules[spec.name] = module
before, table, after = open(spec.origin).read().partition(ROW[ROW.index("}\n") :])
assert table
exec(before + ROW + after, module.__dict__)
assert not {"torch", "pandas", "numpy"} & set(sys.modules), "the table is read before anything heavy is needed"

from beyond_sharpening import settings
from beyond_sharpening.analysis import PRIMARY_FAMILY
from beyond_sharpening.parameters.sweep import Sweep
from beyond_sharpening.pipeline_registry import register_pipelines
from beyond_sharpening.reporting.labels import MEANINGS, look
from beyond_sharpening.wiring.config_loader import ExperimentConfigLoader

asked = {"train": {"mine": {"gamma": 5}}, "sweep": {"objectives": {"mine": {"gamma": [1, 2]}}}}
loader = ExperimentConfigLoader("conf", runtime_params=asked, **settings.CONFIG_LOADER_ARGS)
assert loader["catalog"]["mine_policy"]["filepath"].endswith("tiny/mine/alpha2-gamma5/seed-0/last")
assert loader["parameters"]["theory"]["objectives"][-1] == "mine"
assert Sweep.model_validate(loader["parameters"]["sweep"]).objectives["mine"].given() == {"gamma": [1.0, 2.0]}
assert {"train_mine", "evaluate_mine"} <= set(register_pipelines())
assert ("mine", "base") in PRIMARY_FAMILY
assert (look("mine").label, MEANINGS["mine"]) == ("Mine", "trained for three.")
"""


def test_a_new_objective_is_one_row():
    """Pipelines, parameters, catalog, axes of a sweep, contrasts and the report's words follow from it."""
    root = Path(__file__).resolve().parents[1]
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", f"ROW = {ROW!r}\n{NEWCOMER}"], cwd=root, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
