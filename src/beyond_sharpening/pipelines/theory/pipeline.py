"""theory: every proposition as a computation, on policies small enough to enumerate."""

from kedro.pipeline import Node, Pipeline

from beyond_sharpening.pipelines.theory import nodes


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            Node(nodes.check_theory, "params:theory", ["theory_checks", "theory_series"], name="check_theory"),
            Node(nodes.draw_theory, ["theory_checks", "theory_series"], "theory_figures", name="draw_theory"),
            Node(nodes.require_theory, "theory_checks", ["theory_metrics", "theory_tables"], name="require_theory"),
        ],
        namespace="theory",
        prefix_datasets_with_namespace=False,
    )
