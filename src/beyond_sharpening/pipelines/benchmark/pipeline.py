"""benchmark: our speed side by side with named peers, in one run."""

from kedro.pipeline import Node, Pipeline

from beyond_sharpening.pipelines.benchmark import nodes


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            Node(
                nodes.measure_speed,
                ["params:benchmark", "params:base", "params:hardware"],
                ["benchmark", "benchmark_figure", "speed_metrics"],
                name="measure_speed",
            ),
        ],
        namespace="benchmark",
        prefix_datasets_with_namespace=False,
    )
