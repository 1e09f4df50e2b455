"""prepare_base: the start model of every objective."""

from kedro.pipeline import Node, Pipeline

from beyond_sharpening.pipelines.prepare_base import nodes


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            Node(
                nodes.make_base,
                [
                    "params:base",
                    "params:base_seed",
                    "params:workspace",
                    "params:task",
                    "validation_problems",
                    "benchmark_problems",
                ],
                ["base_policy", "base_figures"],
                name="make_base",
            ),
            Node(
                nodes.describe_base,
                [
                    "base_policy",
                    "base_figures",
                    "validation_problems",
                    "params:model",
                    "params:task",
                    "params:evaluate",
                    "params:sample_seed",
                    "params:hardware",
                ],
                "base_report",
                name="describe_base",
            ),
        ],
        namespace="prepare_base",
        prefix_datasets_with_namespace=False,
    )
