"""evaluate: every policy on every benchmark with every decoder."""

from kedro.pipeline import Node, Pipeline

from beyond_sharpening.pipelines.evaluate import nodes

ASKED = {
    "benchmarks": "benchmark_problems",
    "model": "params:model",
    "task": "params:task",
    "options": "params:evaluate",
    "sample_seed": "params:sample_seed",
    "hardware": "params:hardware",
}


def create_base_pipeline() -> Pipeline:
    """Evaluate the start model, and predict from its samples what sharpening will do."""
    inputs, outputs = {"base": "base_policy", **ASKED}, ["base_samples", "sharpening_prediction"]
    return _stage([Node(nodes.evaluate_base, inputs, outputs, name="evaluate_base")])


def create_policy_pipeline(objective: str) -> Pipeline:
    """Evaluate the policy of one objective."""
    inputs = {
        "last": f"{objective}_policy",
        "best": f"{objective}_best_policy",
        "base": "base_policy",
        "train_seed": "params:train_seed",
        "training": f"params:train.{objective}",
        **ASKED,
    }
    return _stage([Node(nodes.evaluate_policy, inputs, f"{objective}_samples", name=f"evaluate_{objective}")])


def create_gathering_pipeline(policies: list[str]) -> Pipeline:
    """Wait for the samples of all policies and summarise them for the tracker."""
    inputs = [f"{policy}_samples" for policy in policies]
    outputs = ["accuracy_metrics", "all_samples", "all_histories"]
    return _stage([Node(nodes.gather_samples, inputs, outputs, name="gather_samples")])


def _stage(stage: list[Node]) -> Pipeline:
    return Pipeline(stage, namespace="evaluate", prefix_datasets_with_namespace=False)
