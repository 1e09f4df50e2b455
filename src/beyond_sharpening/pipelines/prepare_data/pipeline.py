"""prepare_data: from sources to problems."""

from kedro.pipeline import Node, Pipeline

from beyond_sharpening.pipelines.prepare_data import nodes


def create_pipeline() -> Pipeline:
    loaded_with = [
        "params:problems",
        "params:task.prompt",
        "params:data_seed",
        "params:project",
        "params:benchmark_files",
    ]
    return Pipeline(
        [
            Node(
                nodes.load_benchmarks,
                loaded_with,
                ["benchmark_problems", "benchmark_cards"],
                name="load_benchmarks",
            ),
            Node(
                nodes.load_training_problems,
                loaded_with,
                ["training_source", "training_card"],
                name="load_training_problems",
            ),
            Node(
                nodes.separate,
                [
                    "training_source",
                    "training_card",
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
