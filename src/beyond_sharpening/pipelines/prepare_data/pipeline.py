"""prepare_data: from sources to problems."""

from kedro.pipeline import Node, Pipeline

from beyond_sharpening.pipelines.prepare_data import nodes

ASKED = {
    "options": "params:problems",
    "task": "params:task",
    "seed": "params:data_seed",
    "project": "params:project",
    "copies": "params:benchmark_files",
    "kept": "problems_kept",
    "pretrained_on": "pretrained_on",
}
PROBLEMS = {
    "benchmarks": "benchmark_problems",
    "cards": "benchmark_cards",
    "source": "training_source",
    "source_card": "training_card",
    "train": "train_problems",
    "validation": "validation_problems",
    "report": "problems_report",
}


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            Node(
                nodes.prepare_problems,
                ASKED,
                PROBLEMS,
                name="prepare_problems",
            ),
        ],
        namespace="prepare_data",
        prefix_datasets_with_namespace=False,
    )
