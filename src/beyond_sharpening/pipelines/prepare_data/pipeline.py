"""prepare_data: from sources to problems."""

from kedro.pipeline import Node, Pipeline

from beyond_sharpening.pipelines.prepare_data import nodes


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            Node(
                nodes.load_benchmarks,
                ["params:problems", "params:data_seed", "params:project"],
                "benchmark_problems",
                name="load_benchmarks",
            ),
            Node(
                nodes.load_training_problems,
                ["params:problems", "params:data_seed", "params:project"],
                ["training_source", "training_source_report"],
                name="load_training_problems",
            ),
            Node(
                nodes.separate,
                [
                    "training_source",
                    "training_source_report",
                    "benchmark_problems",
                    "params:problems",
                    "params:data_seed",
                ],
                ["train_problems", "validation_problems", "problems_report"],
                name="separate_train_from_benchmarks",
            ),
        ],
        namespace="prepare_data",
        prefix_datasets_with_namespace=False,
    )
