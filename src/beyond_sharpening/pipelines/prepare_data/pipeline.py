"""prepare_data: from sources to problems."""

from kedro.pipeline import Node, Pipeline

from beyond_sharpening.pipelines.prepare_data import nodes


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            Node(
                nodes.prepare_problems,
                [
                    "params:problems",
                    "params:task.prompt",
                    "params:data_seed",
                    "params:project",
                    "params:benchmark_files",
                ],
                [
                    "benchmark_problems",
                    "benchmark_cards",
                    "training_source",
                    "training_card",
                    "train_problems",
                    "validation_problems",
                    "problems_report",
                ],
                name="prepare_problems",
            ),
        ],
        namespace="prepare_data",
        prefix_datasets_with_namespace=False,
    )
