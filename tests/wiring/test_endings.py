"""Every pipeline ends with what came out, where it lies, and what to run next."""

import pandas as pd
import pytest
from kedro.framework.project import pipelines
from kedro.framework.startup import bootstrap_project

from beyond_sharpening.wiring.endings import ending, with_options
from synthetic_samples import synthetic_samples
from test_pipelines import ROOT

SAMPLES = synthetic_samples({"base": 1.0}, spread=0.0)
THERE = {
    "problems_report": {"train": 90, "validation": 10, "benchmarks": {"easy": 5, "hard": 7}},
    "history": pd.DataFrame(
        {
            "step": [1, 2, 3],
            "validation_accuracy": [0.5, None, 0.75],
            "kl": [0.0, 0.5, 1.25],
            "divergence": [None, "kl_limit: KL is 0.5", None],
        }
    ),
    "samples": SAMPLES,
    "theory_checks": pd.DataFrame({"holds": [True, True, False]}),
    "statistics_validated": pd.DataFrame({"holds": [True, False]}),
    "verdict": {"headline": "Undetermined."},
}


def load(name):
    return THERE[next(key for key in THERE if name.endswith(key))]


@pytest.mark.parametrize(
    ("pipeline", "told"),
    [
        ("prepare_data", "90 problems to train on, 10 to validate on, 12 to be tested on"),
        (
            "train_task_reward",
            "3 steps; validation 50.0% to 75.0%; KL from the start model 1.25 nats; "
            "diverged at step 2 (kl_limit: KL is 0.5)",
        ),
        ("evaluate_base", f"{len(SAMPLES)} samples; right: chain_easy 100.0%"),
        ("theory", "2 of 3 claims hold"),
        ("validate_statistics", "1 of 2 measured shares are what they should be"),
        ("compare", "Undetermined."),
    ],
)
def test_the_result_is_told(pipeline, told):
    assert ending(pipeline, load)[0] == told


def test_each_pipeline_has_an_ending_whose_place_it_makes_and_whose_next_command_exists():
    bootstrap_project(ROOT)
    say_so_themselves = {"report", "judge", "score", "benchmark", "__default__"}
    for name in {*pipelines} - say_so_themselves:
        _, dataset, following = ending(name, load)
        assert dataset in pipelines[name].all_outputs(), name
        assert following.removeprefix("kedro run --pipeline=") in pipelines, name


def test_the_next_command_is_of_the_same_environment_and_parameters(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    command = "kedro run --pipeline=report"
    given = {"again": "report", "model": "qwen25_3b", "train": {"tilted": {"alpha": 2.0}}, "sweep": {"seeds": [0, 1]}}
    told = with_options(command, {"env": "gpu", "runtime_params": given})
    assert told == f"{command} --env=gpu --params=model=qwen25_3b,train.tilted.alpha=2.0,sweep.seeds=0+1"
    assert with_options(command, {"env": None, "runtime_params": {}}) == command
    monkeypatch.chdir(tmp_path)
    assert with_options(command, {}) == "python -m beyond_sharpening run --pipeline=report", "of an installed wheel"
