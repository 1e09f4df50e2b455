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
    theory,
    train,
)


def register_pipelines() -> dict[str, Pipeline]:
    """Every pipeline holds what it needs upstream; what is already there is skipped when it runs."""
    data = prepare_data.create_pipeline()
    base = data + prepare_base.create_pipeline()
    trained = {name: base + train.create_pipeline(name) for name in OBJECTIVES}
    evaluated = {"base": base + evaluate.create_base_pipeline()}  # whose completions every policy scores
    evaluated |= {name: evaluated["base"] + trained[name] + evaluate.create_policy_pipeline(name) for name in trained}
    everything = sum((evaluated[name] for name in ("base", *PRIMARY)), Pipeline([]))
    everything += evaluate.create_gathering_pipeline(["base", *PRIMARY])
    reporting = compare.create_pipeline() + report.create_pipeline()
    return {
        "prepare_data": data,
        "prepare_base": base,
        **{f"train_{name}": pipeline for name, pipeline in trained.items()},
        **{f"evaluate_{name}": pipeline for name, pipeline in evaluated.items()},
        "evaluate": everything,
        "judge": evaluated["base"].to_outputs(*judge.NEEDED) + judge.create_pipeline(),
        "theory": theory.create_pipeline(),
        "compare": compare.create_pipeline(),
        "report": reporting,
        "benchmark": benchmark.create_pipeline(),
        "__default__": everything + theory.create_pipeline() + reporting,
    }
