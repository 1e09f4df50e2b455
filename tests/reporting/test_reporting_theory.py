"""The report's sections on the theory and on the prediction are there exactly when their data are."""

import pandas as pd
import pytest

from beyond_sharpening.reporting import markdown_report


@pytest.fixture
def inputs(verdict, estimates, curves, by_difficulty, comparisons, histories, run):
    return {
        "verdict": verdict,
        "estimates": estimates,
        "curves": curves,
        "by_difficulty": by_difficulty,
        "comparisons": comparisons,
        "histories": histories,
        "run": run,
    }


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


def rows_of(markdown, beginning):
    return [line for line in markdown.splitlines() if line.startswith(f"| {beginning}")]


def test_without_either_nothing_is_said(inputs):
    markdown = markdown_report(**inputs)
    assert "Theory checked" not in markdown
    assert "What the base model predicted" not in markdown


def test_each_proposition_is_a_line_with_its_claims(inputs):
    markdown = markdown_report(**inputs, theory=CLAIMS)
    assert rows_of(markdown, "3. ") == ["| 3. Accuracy under sharpening | Cov(R, log p \\| C) | yes | 2 |"]
    assert rows_of(markdown, "5. ") == ["| 5. Ceilings | It ends at the mode. | **no**: 1 do not | 1 |"]
    assert "figures/theory_11.png" in markdown


def test_the_figure_of_every_proposition_enters_the_report_once(inputs):
    claims = pd.concat([CLAIMS[:1].assign(number=number) for number in range(1, 12)])
    markdown = markdown_report(**inputs, theory=claims)
    shown = [line.split("figures/")[1][:-1] for line in markdown.splitlines() if "(figures/theory_" in line]
    assert sorted(shown) == [f"theory_{number:02d}.png" for number in range(1, 12)]


def test_the_prediction_stands_beside_what_happened(inputs):
    markdown = markdown_report(**inputs, outcomes=OUTCOMES)
    told = "raises accuracy | lowers accuracy | opposite sign | −10.0 [−13.0, −7.0]"
    assert f"| chain_easy | Tempered sampling (alpha2) | {told} |" in markdown
    assert "| chain_hard | Base, low temperature | unclear | raises accuracy | undecided |" in markdown


def test_nothing_predicted_is_no_section(inputs):
    assert "What the base model predicted" not in markdown_report(**inputs, outcomes=OUTCOMES.head(0))
