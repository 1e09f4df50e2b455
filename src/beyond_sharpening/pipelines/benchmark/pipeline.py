"""benchmark: our speed side by side with named peers, in one run."""

from kedro.pipeline import Node, Pipeline

from beyond_sharpening.pipelines.benchmark import nodes


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            Node(nodes.measure_speed, "params:benchmark", "benchmark", name="measure_speed"),
            Node(nodes.draw_speed, "benchmark", "benchmark_figure", name="draw_speed"),
        ],
        namespace="benchmark",
        prefix_datasets_with_namespace=False,
    )
