"""evaluate: every policy on every benchmark with every decoder."""

from collections.abc import Sequence

from kedro.pipeline import Node, Pipeline

from beyond_sharpening.pipelines.evaluate import nodes

ASKED = {
    "benchmarks": "benchmark_problems",
    "model": "params:model",
    "task": "params:task",
    "options": "params:evaluate",
    "sample_seed": "params:sample_seed",
    "hardware": "params:hardware",
    "parts": "params:parts",
}


def create_base_pipeline() -> Pipeline:
    """Evaluate the start model, and predict from its samples what sharpening will do."""
    inputs = {"base": "base_policy", **ASKED}
    outputs = {"samples": "base_samples", "completions": "base_completions", "prediction": "sharpening_prediction"}
    return _stage([Node(nodes.evaluate_base, inputs, outputs, name="evaluate_base")])


def create_policy_pipeline(objective: str) -> Pipeline:
    """Evaluate the policy of one objective."""
    inputs = {
        "last": f"{objective}_policy",
        "best": f"{objective}_best_policy",
        "base": "base_policy",
        "base_completions": "base_completions",
        "train_seed": "params:train_seed",
        "training": f"params:train.{objective}",
        **ASKED,
    }
    outputs = {"samples": f"{objective}_samples", "base_scores": f"{objective}_base_scores"}
    return _stage([Node(nodes.evaluate_policy, inputs, outputs, name=f"evaluate_{objective}")])


def create_gathering_pipeline(objectives: Sequence[str]) -> Pipeline:
    """Wait for all that the base and these objectives leave behind, and summarise it for the tracker."""
    left = [f"{objective}_{what}" for objective in objectives for what in ("samples", "base_scores", "history")]
    inputs = {name: name for name in ("base_samples", *left)}
    present = nodes.PRESENT
    outputs = {"accuracy": "accuracy_metrics", **{name: name for name in present}}
    return _stage([Node(nodes.gather_samples, inputs, outputs, name="gather_samples")])


def _stage(stage: list[Node]) -> Pipeline:
    return Pipeline(stage, namespace="evaluate", prefix_datasets_with_namespace=False)
