"""Figures show every policy and benchmark, in the same colours, and nothing overlaps."""

import subprocess
import sys
from itertools import combinations

import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex

from beyond_sharpening.reporting import (
    accuracy_by_difficulty_figure,
    contrast_figure,
    learning_curves,
    pass_at_k_figure,
)
from beyond_sharpening.reporting.labels import POLICIES, arm_looks

FIVE = ["Base", "Task reward", "Sharpening", "Tempered sampling", "Tilted sampling"]


@pytest.fixture
def all_figures(histories, curves, by_difficulty, comparisons):
    return {
        "learning_curves": learning_curves(histories),
        "pass_at_k": pass_at_k_figure(curves),
        "accuracy_by_difficulty": accuracy_by_difficulty_figure(by_difficulty),
        "contrasts": contrast_figure(comparisons),
    }


def legend_colours(figure):
    legend = figure.legends[0]
    names = [text.get_text() for text in legend.get_texts()]
    return dict(zip(names, [to_hex(line.get_color()) for line in legend.get_lines()], strict=True))


def titles(figure):
    return [axes.get_title() for axes in figure.axes]


def words_of(figure):
    return figure.legends[0].get_title().get_text()


def test_every_policy_has_one_colour_everywhere(all_figures):
    looks = {look.label: look.colour.lower() for look in POLICIES.values()}
    for name in ("learning_curves", "pass_at_k", "accuracy_by_difficulty"):
        assert legend_colours(all_figures[name]).items() <= looks.items()
    assert list(legend_colours(all_figures["pass_at_k"])) == FIVE
    assert len({look.colour for look in POLICIES.values()}) == len({look.marker for look in POLICIES.values()}) == 6


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
    figure = pass_at_k_figure(pd.concat([curves, *others]))
    assert len(figure.axes[0].get_lines()) == 5


def test_variants_of_a_policy_are_named_and_share_its_colour(curves):
    stronger = curves.query("policy == 'tilted'").assign(variant="alpha4-beta100")
    looks = arm_looks(pd.concat([curves, stronger]))
    tilted = [look for arm, look in looks.items() if arm.policy == "tilted"]
    assert [look.label for look in tilted] == ["Tilted sampling (alpha2-beta100)", "Tilted sampling (alpha4-beta100)"]
    assert len({look.colour for look in tilted}) == 1
    assert len({look.linestyle for look in tilted}) == 2


def test_a_policy_from_another_system_is_drawn_under_its_own_name(curves):
    figure = pass_at_k_figure(pd.concat([curves, curves.query("policy == 'base'").assign(policy="other_lab")]))
    assert legend_colours(figure)["other lab"] == "#000000"


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
    interval = next(line for line in axes.get_lines() if line.get_color() == POLICIES["task_reward"].colour)
    assert list(interval.get_xdata()) == pytest.approx([100 * first["ci_low"], 100 * first["ci_high"]])


def test_the_kind_of_interval_is_named(comparisons, by_difficulty):
    assert "over problems" in words_of(contrast_figure(comparisons))
    assert "over training seeds" in words_of(contrast_figure(comparisons.assign(unit="seed")))
    assert "over problems" in words_of(accuracy_by_difficulty_figure(by_difficulty))


def test_learning_curves_mark_validations_and_keep_units(all_figures, histories):
    figure = all_figures["learning_curves"]
    assert [axes.get_ylabel() for axes in figure.axes] == [
        "task accuracy (%)",
        "entropy (nats a token)",
        "KL from base (nats a completion)",
        "length (tokens)",
    ]
    marked = [line for line in figure.axes[0].get_lines() if line.get_marker() not in ("None", None, "")]
    assert [list(line.get_xdata()) for line in marked] == [[20, 40, 60]] * len(histories)


def test_a_benchmark_without_some_policy_is_still_drawn(curves, by_difficulty, comparisons):
    there = "not (policy == 'tilted' and benchmark == 'chain_hard')"
    assert len(pass_at_k_figure(curves.query(there)).axes) == 3
    assert len(accuracy_by_difficulty_figure(by_difficulty.query(there)).axes) == 3
    assert len(contrast_figure(comparisons.query("not (a == 'tilted' and benchmark == 'chain_hard')")).axes) == 3


def test_absent_data_gives_a_figure_that_says_so(curves, by_difficulty, comparisons):
    empty = {
        "no policy was trained": learning_curves({}),
        "no policy was sampled": pass_at_k_figure(curves.iloc[:0]),
        "carry no difficulty": accuracy_by_difficulty_figure(by_difficulty.assign(difficulty=None)),
        "fewer than two policies": contrast_figure(pd.DataFrame()),
    }
    for reason, figure in empty.items():
        assert reason in figure.texts[0].get_text()
    only_secondary = comparisons.query("family == 'secondary'")
    assert "No comparisons" in contrast_figure(only_secondary).texts[0].get_text()


def test_drawing_needs_no_display_and_no_pyplot():
    code = (
        "import sys, beyond_sharpening.reporting as r; assert 'matplotlib' not in sys.modules; "
        "r.learning_curves({}).savefig(sys.stdout.buffer, format='png'); "
        "assert not {'matplotlib.pyplot', 'torch'} & set(sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, env={"PATH": ""})
    assert result.stdout.startswith(b"\x89PNG")
