"""compare: from the samples tables present to a verdict.

Each node that writes a table has a metric too: it always runs, where one that only wrote what is already there would be
skipped, whatever samples have come since.
"""

from kedro.pipeline import Node, Pipeline

from beyond_sharpening.pipelines.compare import nodes

ESTIMATED = {
    "estimates": "estimates",
    "curves": "pass_at_k",
    "by_difficulty": "accuracy_by_difficulty",
    "costs": "decoder_costs",
    "diagnostics": "decoder_diagnostics",
    "tracked": "pass_at_k_metrics",
}
COMPARING = {
    "samples": "samples",
    "estimated": "estimates",
    "did": "mechanism",
    "variants": "variants",
    "options": "params:compare",
    "seed": "params:sample_seed",
}
COMPARED = {
    "comparisons": "comparisons",
    "verdict": "verdict",
    "outcomes": "prediction_outcomes",
    "at_k": "comparisons_at_k",
    "designs": "designs",
    "opinions": "second_opinions",
    "tracked": "contrast_metrics",
}
WEIGHING = {
    "samples": "samples",
    "variants": "variants",
    "histories": "all_histories",
    "manifests": "all_manifests",
    "options": "params:compare",
    "seed": "params:sample_seed",
}
WEIGHED = {"goals": "goals", "trainings": "trainings", "break_even": "break_even", "tracked": "goals_reached"}


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            Node(
                nodes.read_samples,
                ["all_samples_in_parts", "params:problems", "params:model"],
                "samples",
                name="read_samples",
            ),
            Node(
                nodes.estimate,
                ["samples", "params:compare", "params:sample_seed"],
                ESTIMATED,
                name="estimate",
            ),
            Node(
                nodes.choose_variants, ["samples", "all_manifests", "params:train"], "variants", name="choose_variants"
            ),
            Node(
                nodes.name_mechanism,
                ["samples", "all_base_scores", "params:compare", "params:sample_seed"],
                ["mechanism", "solve_rate_transitions", "mechanism_numbers"],
                name="name_mechanism",
            ),
            Node(nodes.compare, COMPARING, COMPARED, name="compare"),
            Node(nodes.weigh, WEIGHING, WEIGHED, name="weigh"),
        ],
        namespace="compare",
        prefix_datasets_with_namespace=False,
    )
