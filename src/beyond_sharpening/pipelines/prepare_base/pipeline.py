"""prepare_base: the start model of every objective."""

from kedro.pipeline import Node, Pipeline

from beyond_sharpening.pipelines.prepare_base import nodes


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            Node(
                nodes.make_base,
                {
                    "options": "params:base",
                    "seed": "params:base_seed",
                    "workspace": "params:workspace",
                    "task": "params:task",
                    "validation": "validation_problems",
                    "benchmarks": "benchmark_problems",
                },
                ["base_policy", "base_figures"],
                name="make_base",
            ),
            Node(
                nodes.describe_base,
                {
                    "base": "base_policy",
                    "figures": "base_figures",
                    "validation": "validation_problems",
                    "model": "params:model",
                    "start": "params:base",
                    "task": "params:task",
                    "options": "params:evaluate",
                    "sample_seed": "params:sample_seed",
                    "hardware": "params:hardware",
                },
                "base_report",
                name="describe_base",
            ),
        ],
        namespace="prepare_base",
        prefix_datasets_with_namespace=False,
    )
