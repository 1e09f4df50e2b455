"""What cells on disk were made with, as the report states it: by their manifests, not by what is asked for today."""

from copy import deepcopy
from pathlib import Path

import pandas as pd
import pytest

from beyond_sharpening import settings as project_settings
from beyond_sharpening.cells.compared import asking_for, differing_settings, settings, what_was_run
from beyond_sharpening.cells.identity import identity, trained_task
from beyond_sharpening.errors import BadInput
from beyond_sharpening.pipelines.compare.nodes import choose_variants
from beyond_sharpening.pipelines.report.nodes import select_histories
from beyond_sharpening.wiring.config_loader import ExperimentConfigLoader
from synthetic_samples import synthetic_samples

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.filterwarnings("ignore:register_new_resolver")


@pytest.fixture(scope="module")
def tiny():
    return ExperimentConfigLoader(ROOT / "conf", **project_settings.CONFIG_LOADER_ARGS)["parameters"]


def made(parameters, policy, seed=0, versions=None, **changes):
    """The manifest of a cell's samples, made with these parameters but for some of its training's."""
    asked = deepcopy(parameters) | {"train_seed": seed}
    if policy != "base":
        asked["train"][policy] |= changes
    return {"identity": identity(asked, f"{policy}_samples"), "versions": versions or {"torch": "2.0"}}


@pytest.fixture
def cells(tiny):
    return {
        "base": made(tiny, "base"),
        "task_reward/default/seed-0": made(tiny, "task_reward", steps=60),
        "task_reward/default/seed-1": made(tiny, "task_reward", seed=1, steps=60),
        "tilted/alpha4-beta100/seed-0": made(tiny, "tilted", steps=60, alpha=4.0),
    }


def test_an_objective_is_told_without_the_coefficients_that_it_ignores(tiny):
    told = {policy: settings(made(tiny, policy)) for policy in ("tilted", "sharpening", "null_control")}
    assert {"train.alpha", "train.beta"} <= set(told["tilted"])
    assert "train.beta" not in told["sharpening"]
    assert not {"train.alpha", "train.beta"} & set(told["null_control"])


def test_what_cells_share_is_told_once_and_as_they_were_made(tiny, cells):
    run = what_was_run(cells)
    assert run["parameters"]["every training"]["steps"] == 60 != tiny["train"]["tilted"]["steps"]
    lengths = {"evaluation_tokens": tiny["task"]["evaluation_tokens"]}
    assert run["parameters"]["task"] == trained_task(tiny["task"]) | lengths
    assert run["parameters"]["tilted/alpha4-beta100"] == {"alpha": 4.0, "beta": 100.0, "normalisation": "sum"}
    assert set(run["parameters"]) == {"task", "every training", "tilted/alpha4-beta100"}
    assert run["seeds"] == {"data_seed": 0, "base_seed": 0, "train_seed": [0, 1], "sample_seed": 0}
    assert run["versions"] == {"torch": "2.0"}
    assert run["differing"] == []


def test_cells_made_with_other_settings_are_named_with_them(tiny, cells):
    cells["task_reward/default/seed-1"] = made(tiny, "task_reward", seed=1, steps=2, versions={"torch": "2.1"})
    shorter = deepcopy(tiny)
    shorter["task"]["max_completion_tokens"] = 8
    cells["base"] = made(shorter, "base")
    assert differing_settings({cell: settings(manifest) for cell, manifest in cells.items()}) == [
        "task.max_completion_tokens: 8 in base; 40 in the others",
        "train.steps: 2 in task_reward/default/seed-1; 60 in the others",
    ]
    run = what_was_run(cells)
    assert "steps" not in run["parameters"]["every training"]
    assert "max_completion_tokens" not in run["parameters"]["task"]
    assert run["parameters"]["task_reward/default/seed-0"] == {"steps": 60}
    assert run["parameters"]["task_reward/default/seed-1"] == {"steps": 2}
    assert run["versions"] == {"torch": ["2.0", "2.1"]}


def test_what_trainings_are_told_differs_because_it_is_meant_to(tiny, cells):
    noisy = {"type": "noisy", "false_positive": 0.2}
    cells["task_reward/noisy/seed-0"] = made(tiny, "task_reward", steps=60, signal=noisy)
    cells["task_reward/positive/seed-0"] = made(tiny, "task_reward", steps=60, samples="positive")
    run = what_was_run(cells)
    assert run["differing"] == []
    assert run["parameters"]["task_reward/noisy"]["signal.false_positive"] == 0.2


def test_without_a_manifest_nothing_is_claimed():
    assert what_was_run({})["parameters"] == {}


def variants_of(policy, *variants):
    base = synthetic_samples({"base": 0.5})
    return pd.concat([base, *(synthetic_samples({policy: 0.5}).assign(variant=variant) for variant in variants)])


def test_the_variant_asked_for_is_compared_and_an_only_one_too(tiny, caplog):
    samples = pd.concat([variants_of("tempered", "alpha2", "alpha4"), variants_of("sharpening", "alpha1")])
    assert choose_variants(samples, {}, tiny["train"]) == {"tempered": "alpha2", "sharpening": "alpha1"}
    assert caplog.messages == ["sharpening is there as alpha1 alone: that is compared, not alpha2"]


def test_where_several_are_there_and_none_is_asked_for_the_message_says_how_to_ask(tiny):
    made_with = {
        "sharpening/alpha1/seed-0": made(tiny, "sharpening", alpha=1.0),
        "sharpening/alpha4-mean/seed-3": made(tiny, "sharpening", seed=3, alpha=4.0, normalisation="mean", steps=9),
    }
    samples = variants_of("sharpening", "alpha1", "alpha4-mean", "of-others")
    loaders = {cell: lambda found=manifest: found for cell, manifest in made_with.items()}
    with pytest.raises(BadInput) as caught:
        choose_variants(samples, loaders, tiny["train"])
    assert str(caught.value).splitlines() == [
        "sharpening is there in alpha1, alpha4-mean, of-others, not in alpha2; compare one of them:",
        "  --params=train.sharpening.alpha=1",
        "  --params=train.sharpening.steps=9,train.sharpening.alpha=4,train.sharpening.normalisation=mean",
        "  of-others",
    ]


def test_the_control_is_compared_with_nothing_and_stops_no_report(tiny):
    assert choose_variants(variants_of("null_control", "mean", "fixed_length"), {}, tiny["train"]) == {}


def test_an_adapter_is_asked_for_with_all_that_it_is(tiny):
    lora = {"rank": 16, "scale": 32.0, "targets": "all-linear"}
    cells = {"tilted/alpha2-beta100-lora16/seed-0": made(tiny, "tilted", lora=lora)}
    told = asking_for("tilted", "alpha2-beta100-lora16", cells, tiny["train"]["tilted"])
    assert told == "--params=" + ",".join(
        f"train.tilted.lora.{key}={value}" for key, value in (("rank", 16), ("scale", 32), ("targets", "all-linear"))
    )


def test_the_histories_shown_are_of_the_variants_compared():
    shown = select_histories({"tilted/alpha4/seed-1": lambda: "history"}, {"tilted": "alpha4", "tempered": "alpha2"}, 1)
    assert shown == {"tilted": "history"}
