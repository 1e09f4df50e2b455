"""Figures show every policy and benchmark, in the same colours, and nothing overlaps."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from itertools import combinations

import pandas as pd
import plotly.graph_objects as go
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex

from beyond_sharpening.reporting import draw
from beyond_sharpening.reporting.interactive import describe
from beyond_sharpening.reporting.labels import POLICIES, arm_looks
from beyond_sharpening.reporting.page import charts
from beyond_sharpening.reporting.sections import contrasts, difficulty, sections, training, tries

FIVE = ["Base", "Task reward", "Sharpening", "Tempered sampling", "Tilted sampling"]


@pytest.fixture
def all_charts(results):
    return {chart.name: chart for chart in charts(sections(results))}


@pytest.fixture
def all_figures(all_charts):
    return {name: draw(chart) for name, chart in all_charts.items()}


def legend_colours(figure):
    legend = figure.legends[0]
    names = [text.get_text() for text in legend.get_texts()]
    return dict(zip(names, [to_hex(line.get_color()) for line in legend.get_lines()], strict=True))


def titles(figure):
    return [axes.get_title() for axes in figure.axes]


def test_every_policy_has_one_colour_everywhere(all_figures):
    looks = {look.label: look.colour.lower() for look in POLICIES.values()}
    for name in ("learning_curves", "pass_at_k", "accuracy_by_difficulty"):
        assert legend_colours(all_figures[name]).items() <= looks.items()
    assert list(legend_colours(all_figures["pass_at_k"])) == FIVE
    assert len({look.colour for look in POLICIES.values()}) == len(POLICIES)
    assert len({look.marker for look in POLICIES.values()}) == len(POLICIES)


def test_one_panel_a_benchmark_in_the_order_given(all_figures):
    for name in ("pass_at_k", "accuracy_by_difficulty", "contrasts"):
        assert titles(all_figures[name]) == ["chain_easy", "chain_medium", "chain_hard"]


def drawn_texts(figure):
    """Text and extent of everything written; ticks outside an axis' view are not drawn."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    texts = [*figure.texts, *figure.legends[0].get_texts(), figure.legends[0].get_title()]
    for axes in figure.axes:
        texts += [axes.title, axes.xaxis.label, axes.yaxis.label, *axes.texts]
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            texts += [tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
    extents = [(text.get_text(), text.get_window_extent(renderer)) for text in texts if text.get_visible()]
    return [(text, extent) for text, extent in extents if text]


def test_no_text_overlaps_or_leaves_the_page(all_figures):
    for name, figure in all_figures.items():
        drawn = drawn_texts(figure)
        page = figure.bbox.padded(1)
        outside = [text for text, box in drawn if not (page.contains(*box.min) and page.contains(*box.max))]
        overlapping = [(one, other) for (one, a), (other, b) in combinations(drawn, 2) if a.overlaps(b)]
        assert len(drawn) > 20
        assert (name, outside, overlapping) == (name, [], [])


def test_pass_at_k_draws_percent_on_a_log2_axis(all_figures, curves):
    axes = all_figures["pass_at_k"].axes[0]
    base = axes.get_lines()[0]
    expected = curves.query("policy == 'base' and benchmark == 'chain_easy'")
    assert list(base.get_xdata()) == [1, 2, 4, 8, 16]
    assert list(base.get_ydata()) == pytest.approx(list(100 * expected["pass_at_k"]))
    assert axes.get_xscale() == "log"
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "2", "4", "8", "16"]


def test_only_the_last_checkpoint_sampled_at_temperature_1_is_drawn(curves):
    others = [curves.assign(checkpoint="best"), curves.assign(decoder="low_temperature")]
    figure = draw(tries.chart(pd.concat([curves, *others])))
    assert len(figure.axes[0].get_lines()) == 5


def test_variants_of_a_policy_are_named_and_share_its_colour(curves):
    stronger = curves.query("policy == 'tilted'").assign(variant="alpha4-beta100")
    looks = arm_looks(pd.concat([curves, stronger]))
    tilted = [look for arm, look in looks.items() if arm.policy == "tilted"]
    assert [look.label for look in tilted] == ["Tilted sampling (alpha2-beta100)", "Tilted sampling (alpha4-beta100)"]
    assert len({look.colour for look in tilted}) == 1
    assert len({look.linestyle for look in tilted}) == 2


def test_a_policy_from_another_system_is_drawn_under_its_own_name(curves):
    figure = draw(tries.chart(pd.concat([curves, curves.query("policy == 'base'").assign(policy="other_lab")])))
    assert legend_colours(figure)["other_lab"] == "#0072b2"


def test_contrasts_show_interval_significance_and_adjusted_p(all_figures, comparisons):
    figure = all_figures["contrasts"]
    axes = figure.axes[0]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels[0] == "Task reward − Base"
    assert labels[-1] == "Task reward − Tempered sampling"
    assert axes.yaxis_inverted()
    p = dict(zip(labels, [text.get_text() for text in axes.texts], strict=True))
    assert p["Tempered sampling − Base"] == "p = 0.223"
    assert p["Task reward − Base"] == "p < 0.001"
    markers = [line for line in axes.get_lines() if len(line.get_xdata()) == 1]
    open_markers = [i for i, line in enumerate(markers) if line.get_markerfacecolor() == "white"]
    assert open_markers == [labels.index("Tempered sampling − Base")]
    first = comparisons.iloc[0]
    interval = axes.collections[0].get_segments()[0]
    assert list(interval[:, 0]) == pytest.approx([100 * first["ci_low_adjusted"], 100 * first["ci_high_adjusted"]])


def test_the_kind_of_interval_is_named(comparisons, by_difficulty):
    primary = contrasts.family(comparisons, "primary")
    assert "over problems" in contrasts.chart(primary).note
    assert "over training seeds" in contrasts.chart(primary.assign(unit="seed")).note
    assert "over problems" in difficulty.chart(by_difficulty).note


def test_learning_curves_mark_validations_and_keep_units(histories):
    chart = training.chart(histories)
    assert [panel.y_label for panel in chart.panels] == [
        "task accuracy (%)",
        "entropy (nats a token)",
        "KL from base (nats a completion)",
        "length (tokens)",
    ]
    marked = [series for series in chart.panels[0].series if series.kind == "marks"]
    assert [list(series.x) for series in marked] == [[20, 40, 60]] * len(histories)
    assert len({series.look.linestyle for series in marked}) == len(marked), "told apart without colours too"


def test_a_long_training_is_drawn_with_as_many_points_as_a_picture_shows(histories):
    """A running mean is taken over all steps, and drawn at some of them."""
    steps = 20 * 1_234
    long = {
        name: frame.loc[frame.index.repeat(steps // len(frame) + 1)][:steps].assign(step=range(1, steps + 1))
        for name, frame in histories.items()
    }
    for panel in training.chart(long).panels:
        for series in panel.series:
            assert 500 < len(series.x) == len(series.y) <= 1000
            if series.kind != "marks":
                assert series.x[0] == 1
                assert series.x[-1] > steps - 100
    assert [series.x for panel in training.chart(histories).panels for series in panel.series[:1]] == [
        list(range(1, len(next(iter(histories.values()))) + 1))
    ] * 4


def test_a_benchmark_without_some_policy_is_still_drawn(curves, by_difficulty, comparisons):
    there = "not (policy == 'tilted' and benchmark == 'chain_hard')"
    lines = [len(panel.series) for panel in tries.chart(curves.query(there)).panels]
    assert lines == [5, 5, 5]
    partly = contrasts.family(comparisons.query("not (a == 'tilted' and benchmark == 'chain_hard')"), "primary")
    assert [len(panel.series) for panel in contrasts.chart(partly).panels] == [6, 6, 5]
    for chart in (tries.chart(curves.query(there)), difficulty.chart(by_difficulty.query(there))):
        assert len(draw(chart).axes) == 3


def test_absent_data_is_no_section(results):
    nothing = replace(
        results,
        curves=results.curves.iloc[:0],
        by_difficulty=results.by_difficulty.assign(difficulty=None),
        comparisons=pd.DataFrame(),
        histories={},
    )
    for section in (contrasts, difficulty, training, tries):
        assert section.section(results) is not None
        assert section.section(nothing) is None


def test_a_screen_gets_the_same_points_as_paper(all_charts):
    for name, chart in all_charts.items():
        plot = describe(chart)
        json.dumps(plot, allow_nan=False)
        go.Figure({"data": plot["data"], "layout": plot["layout"]})  # raises for what plotly does not know
        assert len(plot["panels"]) == len(chart.panels), name
        drawn = [trace for trace in plot["data"] if trace.get("mode") != "none"]
        expected = [list(series.x) for panel in chart.panels for series in panel.series]
        assert [trace["x"] for trace in drawn] == expected


def test_each_look_is_named_once_in_the_legend_of_a_screen(all_charts):
    entries = [trace["name"] for trace in describe(all_charts["pass_at_k"])["data"] if trace["showlegend"]]
    assert entries == FIVE


def test_drawing_needs_no_display_and_no_pyplot():
    code = (
        "import sys, beyond_sharpening.reporting as r; assert 'matplotlib' not in sys.modules; "
        "from beyond_sharpening.reporting.charts import Chart, Panel; "
        "r.draw(Chart('a', 'b', [Panel('c', [], 'd')])).savefig(sys.stdout.buffer, format='png'); "
        "assert not {'matplotlib.pyplot', 'plotly', 'torch'} & set(sys.modules)"
    )
    own = {"PATH": "", "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, env=own)
    assert result.stdout.startswith(b"\x89PNG")
