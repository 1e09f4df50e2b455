"""compare: from the samples tables present to a verdict."""

from kedro.pipeline import Node, Pipeline

from beyond_sharpening.pipelines.compare import nodes


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            Node(nodes.read_samples, ["all_samples", "params:problems"], "samples", name="read_samples"),
            Node(
                nodes.estimate,
                ["samples", "params:compare", "params:sample_seed"],
                ["estimates", "pass_at_k", "accuracy_by_difficulty", "coverage"],
                name="estimate",
            ),
            Node(
                nodes.compare,
                ["samples", "estimates", "params:train", "params:sample_seed"],
                ["comparisons", "verdict", "contrasts"],
                name="compare",
            ),
            Node(nodes.judge_prediction, ["samples", "comparisons"], "prediction_outcomes", name="judge_prediction"),
            Node(
                nodes.price_decoders,
                ["samples", "estimates", "pass_at_k"],
                ["decoder_costs", "decoder_diagnostics"],
                name="price_decoders",
            ),
        ],
        namespace="compare",
        prefix_datasets_with_namespace=False,
    )
