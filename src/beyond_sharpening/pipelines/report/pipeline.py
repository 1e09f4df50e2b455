"""report: from the comparison to what people read; its tables are made anew in every run, as those of ``compare``."""

from kedro.pipeline import Node, Pipeline

from beyond_sharpening.pipelines.report import nodes

RESULTS = {
    "decided": "verdict",
    "run": "run",
    "estimates": "estimates",
    "curves": "pass_at_k",
    "by_difficulty": "accuracy_by_difficulty",
    "comparisons": "comparisons",
    "histories": "histories",
    "costs": "decoder_costs",
    "diagnostics": "decoder_diagnostics",
    "outcomes": "prediction_outcomes",
    "samples": "shown_samples",
    "counted": "samples",
    "mechanism": "mechanism",
    "at_k": "comparisons_at_k",
    "designs": "designs",
    "opinions": "second_opinions",
    "transitions": "solve_rate_transitions",
    "goals": "goals",
    "break_even": "break_even",
    "trainings": "trainings",
    "options": "params:report",
    "told": "told_and_true",
    "theory": "theory_tables",
    "cards": "cards_present",
}
WRITTEN = {
    "markdown": "report_markdown",
    "html": "report_html",
    "figures": "report_figures",
    "summary": "summary",
    "announcement": "announcement",  # never there before the run, so that the report is always written anew
}


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            Node(
                nodes.select_histories,
                ["all_histories", "variants", "params:train_seed"],
                "histories",
                name="select_histories",
            ),
            Node(nodes.describe_run, ["params:model", "all_samples", "all_manifests"], "run", name="describe_run"),
            Node(
                nodes.compare_told,
                ["all_histories", "all_manifests"],
                ["told_and_true", "parting_metrics"],
                name="compare_told",
            ),
            Node(
                nodes.read_completions,
                ["samples", "mechanism"],
                "shown_samples",
                name="read_completions",
            ),
            Node(nodes.gather_results, RESULTS, "results", name="gather_results"),
            Node(nodes.write_report, ["results", "samples"], WRITTEN, name="write_report"),
            Node(
                nodes.announce,
                ["announcement", "params:project", "params:data"],
                None,
                name="announce",
            ),
        ],
        namespace="report",
        prefix_datasets_with_namespace=False,
    )
