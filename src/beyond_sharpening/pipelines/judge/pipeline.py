"""judge: what became of the start model in policies that were trained elsewhere.

How many there are only the parameters say, so one node takes them all; the parts of its evaluation are kept, and
another run makes what is new.
"""

from kedro.pipeline import Node, Pipeline

from beyond_sharpening.pipelines.evaluate.pipeline import ASKED
from beyond_sharpening.pipelines.judge import nodes
from beyond_sharpening.pipelines.report.nodes import write_report

NEEDED = ("benchmark_problems", "benchmark_cards", "base_policy", "base_samples", "base_completions")
"""What of the base's evaluation is judged with."""

JUDGING = {
    "base_samples": "base_samples",
    "judged": "judged",
    "cards": "benchmark_cards",
    "policies": "params:policies",
    "start": "params:base",
    "options": "params:compare",
    "seed": "params:sample_seed",
}
WRITTEN = {
    "markdown": "judgement_markdown",
    "html": "judgement_html",
    "figures": "judgement_figures",
    "summary": "judgement_summary",
    "announcement": "judgement_announcement",
}


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            Node(
                nodes.take_policies_over,
                ["params:policies", "base_policy", "params:workspace"],
                "foreign_policies",
                name="take_policies_over",
            ),
            Node(
                nodes.evaluate_policies,
                {"taken": "foreign_policies", "base": "base_policy", "base_completions": "base_completions", **ASKED},
                {"samples": "foreign_samples", "base_scores": "foreign_base_scores", "judged": "judged"},
                name="evaluate_policies",
            ),
            Node(nodes.judge, JUDGING, {"results": "judgement", "samples": "judged_samples"}, name="judge"),
            Node(write_report, ["judgement", "judged_samples"], WRITTEN, name="write_judgement"),
            Node(
                nodes.announce,
                ["judgement_announcement", "params:project", "params:data"],
                None,
                name="announce_judgement",
            ),
        ],
        namespace="judge",
        prefix_datasets_with_namespace=False,
    )
