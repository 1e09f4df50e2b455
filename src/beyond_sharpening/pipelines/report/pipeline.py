"""report: from the comparison to what people read."""

from kedro.pipeline import Node, Pipeline

from beyond_sharpening.pipelines.report import nodes

TABLES = ["pass_at_k", "accuracy_by_difficulty", "comparisons", "histories", "theory_tables"]


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            Node(
                nodes.select_histories,
                ["all_histories", "variants", "params:train_seed"],
                "histories",
                name="select_histories",
            ),
            Node(
                nodes.draw_figures,
                [*TABLES, "decoder_costs", "estimates"],
                [
                    "contrasts_figure",
                    "pass_at_k_figure",
                    "accuracy_by_difficulty_figure",
                    "learning_curves_figure",
                    "accuracy_by_cost_figure",
                    "figures",
                ],
                name="draw_figures",
            ),
            Node(
                nodes.write_report,
                [
                    "verdict",
                    "samples",
                    "estimates",
                    *TABLES,
                    "figures",
                    "prediction_outcomes",
                    "decoder_costs",
                    "decoder_diagnostics",
                    "params:model",
                    "all_samples",
                    "all_manifests",
                    "cards_present",
                ],
                ["report_markdown", "report_html", "summary", "announcement"],
                name="write_report",
            ),
            Node(nodes.announce, ["announcement", "params:project", "params:data"], None, name="announce"),
        ],
        namespace="report",
        prefix_datasets_with_namespace=False,
    )
