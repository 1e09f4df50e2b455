"""The pipelines of the project, by the names that ``kedro run --pipeline=`` takes."""

from kedro.pipeline import Pipeline

from beyond_sharpening.objectives import OBJECTIVES, PRIMARY
from beyond_sharpening.pipelines import (
    benchmark,
    compare,
    evaluate,
    judge,
    prepare_base,
    prepare_data,
    report,
    score,
    theory,
    train,
    validate_statistics,
)

POLICIES, CONCLUSIONS = "train_and_evaluate", "compare_and_report"
"""Boxes that a drawing of the pipelines shows closed at first; each holds the stages of a kind."""


def register_pipelines() -> dict[str, Pipeline]:
    """Every pipeline holds what it needs upstream; what is already there is skipped when it runs."""
    data = _within("prepare", prepare_data.create_pipeline())
    base = data + _within("prepare", prepare_base.create_pipeline())
    trained = {name: base + _within(POLICIES, train.create_pipeline(name)) for name in OBJECTIVES}
    evaluated = {"base": base + _within(POLICIES, evaluate.create_base_pipeline())}  # its completions are scored by all
    evaluated |= {
        name: evaluated["base"] + trained[name] + _within(POLICIES, evaluate.create_policy_pipeline(name))
        for name in trained
    }
    everything = sum((evaluated[name] for name in ("base", *PRIMARY)), Pipeline([]))
    everything += _within(POLICIES, evaluate.create_gathering_pipeline(PRIMARY))
    comparing = _within(CONCLUSIONS, compare.create_pipeline())
    reporting = comparing + _within(CONCLUSIONS, report.create_pipeline())
    return {
        "prepare_data": data,
        "prepare_base": base,
        **{f"train_{name}": pipeline for name, pipeline in trained.items()},
        **{f"evaluate_{name}": pipeline for name, pipeline in evaluated.items()},
        "evaluate": everything,
        "judge": evaluated["base"].to_outputs(*judge.NEEDED) + judge.create_pipeline(),
        "score": score.create_pipeline(),
        "theory": theory.create_pipeline(),
        "compare": comparing,
        "report": reporting,
        "benchmark": benchmark.create_pipeline(),
        "validate_statistics": validate_statistics.create_pipeline(),
        "__default__": everything + theory.create_pipeline() + reporting,
    }


def _within(box: str, pipeline: Pipeline) -> Pipeline:
    return Pipeline(pipeline, namespace=box, prefix_datasets_with_namespace=False)
