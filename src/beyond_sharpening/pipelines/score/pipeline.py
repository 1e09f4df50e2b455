"""score: log-probabilities for samples that another system drew."""

from kedro.pipeline import Node, Pipeline

from beyond_sharpening.pipelines.score import nodes

SCORING = {
    "foreign": "read_samples",
    "start": "params:base",
    "policies": "params:policies",
    "options": "params:score",
    "task": "params:task",
    "hardware": "params:hardware",
    "workspace": "params:workspace",
    "parts": "params:parts",
}


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            Node(nodes.read, ["params:score", "params:policies"], "read_samples", name="read_samples"),
            Node(
                nodes.score,
                SCORING,
                {"samples": "scored_samples", "base_scores": "scored_base_scores", "told": "scoring_told"},
                name="score_samples",
            ),
            Node(
                nodes.announce,
                ["scoring_told", "scored_samples", "params:project", "params:data"],
                None,
                name="announce_scores",
            ),
        ],
        namespace="score",
        prefix_datasets_with_namespace=False,
    )
