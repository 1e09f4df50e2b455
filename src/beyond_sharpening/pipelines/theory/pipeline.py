"""theory: every proposition as a computation, on policies small enough to enumerate."""

from kedro.pipeline import Node, Pipeline

from beyond_sharpening.pipelines.theory import nodes

PROPOSITIONS = range(1, 12)


def create_pipeline() -> Pipeline:
    figures = {f"theory_{number:02d}": f"theory_{number:02d}_figure" for number in PROPOSITIONS}
    return Pipeline(
        [
            Node(nodes.check_theory, "params:theory", ["theory_checks", "theory_series"], name="check_theory"),
            Node(nodes.draw_theory, ["theory_checks", "theory_series"], figures, name="draw_theory"),
            Node(nodes.require_theory, "theory_checks", ["theory_claims", "theory_tables"], name="require_theory"),
        ],
        namespace="theory",
        prefix_datasets_with_namespace=False,
    )
