"""validate_statistics: intervals, tests and the rule of the names, tried on draws from something known."""

from kedro.pipeline import Node, Pipeline

from beyond_sharpening.pipelines.validate_statistics import nodes


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            Node(
                nodes.validate,
                "params:validation",
                ["statistics_validated", "statistics_in_words", "validation_metrics"],
                name="validate",
            ),
        ],
        namespace="validate_statistics",
        prefix_datasets_with_namespace=False,
    )
