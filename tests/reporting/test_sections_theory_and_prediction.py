"""The report's sections on the theory and on the prediction are there exactly when their data are."""

import re
from dataclasses import replace

import pandas as pd

from beyond_sharpening.reporting import draw
from beyond_sharpening.reporting.markdown import markdown_report
from beyond_sharpening.reporting.sections import prediction, sections, theory
from beyond_sharpening.reporting.theory_charts import theory_charts

CLAIMS = pd.DataFrame(
    {
        "number": [3, 3, 5],
        "title": ["Accuracy under sharpening", "Accuracy under sharpening", "Ceilings"],
        "statement": ["Cov(R, log p | C)", "Cov(R, log p | C)", "It ends at the mode."],
        "holds": [True, True, False],
    }
)
OUTCOMES = pd.DataFrame(
    {
        "benchmark": ["chain_easy", "chain_hard"],
        "arm": ["tempered", "base/low_temperature"],
        "variant": ["alpha2", "base"],
        "predicted": ["raise", "unclear"],
        "observed": ["lower", "raise"],
        "agreement": ["opposite sign", "undecided"],
        "difference": [-0.1, 0.02],
        "ci_low": [-0.13, 0.01],
        "ci_high": [-0.07, 0.03],
    }
)


SERIES = pd.DataFrame(
    {"number": number, "figure": "accuracy", "x": x, "y": x**2, "line": line, "x_label": "k", "y_label": "A"}
    for number in (3, 5)
    for x in (1.0, 2.0)
    for line in ("one", "other")
)


def rows_of(markdown, beginning):
    return [line for line in markdown.splitlines() if line.startswith(f"| {beginning}")]


def test_without_either_nothing_is_said(results):
    assert theory.section(results) is prediction.section(results) is None
    assert prediction.section(replace(results, outcomes=OUTCOMES.head(0))) is None


def test_each_proposition_is_a_line_with_its_claims_in_an_appendix(results):
    checked = replace(results, claims=CLAIMS)
    markdown = markdown_report("title", sections(checked))
    assert rows_of(markdown, "3. ") == ["| 3. Accuracy under sharpening | Cov(R, log p \\| C) | yes | 2 |"]
    assert rows_of(markdown, "5. ") == ["| 5. Ceilings | It ends at the mode. | **no: 1 do not** | 1 |"]
    assert theory.section(checked).appendix
    assert markdown.index("Theory checked") > markdown.index("All numbers")


def test_the_figure_of_every_proposition_enters_the_report_once(results):
    markdown = markdown_report("title", sections(replace(results, claims=CLAIMS, series=SERIES)))
    assert re.findall(r"figures/(theory_\d+)\.png", markdown) == ["theory_03", "theory_05"]


def test_a_figure_has_a_line_for_each_of_its_series_on_the_scale_of_its_quantity():
    figure = draw(theory_charts(CLAIMS, SERIES)[3])
    (axes,) = figure.axes
    assert [line.get_xydata().tolist() for line in axes.get_lines()] == [[[1.0, 1.0], [2.0, 4.0]]] * 2
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "linear")
    assert len({line.get_linestyle() for line in axes.get_lines()}) == 2, "told apart without colours"


def test_the_prediction_stands_beside_what_happened(results):
    markdown = markdown_report("title", sections(replace(results, outcomes=OUTCOMES))).replace("\\", "")
    told = "raises accuracy | lowers accuracy | opposite sign | −10.0 [−13.0, −7.0]"
    assert f"| chain_easy | Tempered sampling (alpha2) | {told} |" in markdown
    assert "| chain_hard | Base, low temperature | unclear | raises accuracy | undecided |" in markdown
