"""The report answers first, leaves out what is absent, and travels as one file."""

import math
import re
from html.parser import HTMLParser

import pandas as pd
import pytest

from beyond_sharpening.reporting import (
    accuracy_by_difficulty_figure,
    contrast_figure,
    html_report,
    learning_curves,
    markdown_report,
    pass_at_k_figure,
)
from beyond_sharpening.reporting.tables import percent_interval, points_interval


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


@pytest.fixture
def figures(histories, curves, by_difficulty, comparisons):
    return {
        "learning_curves": learning_curves(histories),
        "pass_at_k": pass_at_k_figure(curves),
        "accuracy_by_difficulty": accuracy_by_difficulty_figure(by_difficulty),
        "contrasts": contrast_figure(comparisons),
    }


class Page(HTMLParser):
    """Tags, cells and image sources of a page; a tag closed out of order fails."""

    VOID = ("meta", "img", "br", "hr", "link")

    def __init__(self, text):
        super().__init__()
        self.open, self.images, self.tags, self.links = [], [], set(), []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        values = dict(attrs)
        if tag == "img":
            self.images.append(values["src"])
        self.links += [values[key] for key in ("href", "src") if key in values]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def sections(markdown):
    return re.findall(r"^##+ (.+)$", markdown, re.MULTILINE)


def row(markdown, start):
    line = next(line for line in markdown.splitlines() if line.startswith(f"| {start} |"))
    return [cell.strip() for cell in line.strip("|").split(" | ")]


def test_the_verdict_comes_before_everything_else(inputs, verdict):
    markdown = markdown_report(**inputs)
    top = markdown.split("\n## ")[0]
    positions = [top.index(text) for text in (verdict.headline, *verdict.lines)]
    assert positions == sorted(positions)
    assert sections(markdown) == [
        "What was compared",
        "Who is better than whom",
        "Right answers",
        "Could cheaper decoding do it?",
        "More than one try",
        "Easy and hard problems",
        "How to read this",
        "What training did",
        "What was run",
        "Limits",
        "All numbers",
    ]


def test_numbers_are_percent_with_intervals():
    assert percent_interval(0.6213, 0.58, 0.66) == "62.1 % [58.0, 66.0]"
    assert percent_interval(math.nan, math.nan, math.nan) == "–"
    assert points_interval(0.042, -0.01, 0.0742) == "+4.2 [−1.0, +7.4]"


def test_policies_decoders_and_majority_vote_stand_in_one_table(inputs):
    markdown = markdown_report(**inputs)
    assert row(markdown, "Task reward, one sample")[1] == "78.0 % [74.0, 82.0]"
    assert row(markdown, "Base, greedy decoding")[3] == "34.0 % [30.0, 38.0]"
    assert row(markdown, "Base, majority vote of 16")[1] == "78.0 % [74.0, 82.0]"


def test_contrasts_carry_adjusted_p_and_bold_only_below_005(inputs):
    markdown = markdown_report(**inputs)
    assert row(markdown, "Task reward − Base")[1] == "**+12.0 [+9.5, +14.5], p < 0.001**"
    assert row(markdown, "Tempered sampling − Base")[1] == "+1.0 [−1.5, +3.5], p = 0.223"
    assert row(markdown, "Base, greedy decoding − Base")[1] == "+3.1 [+0.6, +5.6], p < 0.001"


def test_every_table_is_rectangular(inputs):
    blocks = re.findall(r"(?:^\|.*\|\n?)+", markdown_report(**inputs), re.MULTILINE)
    assert len(blocks) == 7
    for block in blocks:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1


def test_seed_intervals_and_seed_claims_are_called_so(inputs):
    seeds = inputs["estimates"].assign(n_seeds=5, ci_unit="seed")
    markdown = markdown_report(**inputs | {"estimates": seeds})
    assert "In brackets: 95 % intervals over training seeds" in markdown
    assert "trained once" not in markdown
    assert "trained once" in markdown_report(**inputs)


def test_base_alone_still_gives_a_report(inputs, figures):
    base = {name: inputs[name].query("policy == 'base'") for name in ("estimates", "curves", "by_difficulty")}
    markdown = markdown_report(**inputs | base | {"comparisons": pd.DataFrame(), "histories": {}})
    assert "Who is better than whom" not in sections(markdown)
    assert "What training did" not in sections(markdown)
    assert "Not in this comparison: Task reward, Sharpening, Tempered sampling, Tilted sampling." in markdown
    assert len(Page(html_report(markdown, figures)).images) == 2


def test_one_benchmark_without_difficulty_and_one_sample(inputs):
    one = {name: inputs[name].query("benchmark == 'chain_hard'") for name in ("estimates", "comparisons")}
    one["curves"] = inputs["curves"].query("benchmark == 'chain_hard' and k == 1")
    one["by_difficulty"] = inputs["by_difficulty"].iloc[:0]
    markdown = markdown_report(**inputs | one)
    assert {"Easy and hard problems", "More than one try"}.isdisjoint(sections(markdown))
    assert "majority vote of" not in markdown.split("## How to read")[0]
    assert "| policy and decoder | chain_hard |" in markdown


def test_the_page_is_one_file_with_its_figures_inside(inputs, figures):
    page = Page(html_report(markdown_report(**inputs), figures))
    assert len(page.images) == 4
    assert all(source.startswith("data:image/png;base64,iVBOR") for source in page.images)
    assert page.links == page.images
    assert {"table", "blockquote", "h2"} <= page.tags
    assert "script" not in page.tags


def test_text_from_outside_cannot_break_table_or_page(inputs, figures, run):
    hostile = run | {"parameters": {"a|b": "<script>alert(1)</script>"}, "model": "x <b>|y"}
    markdown = markdown_report(**inputs | {"run": hostile})
    page = html_report(markdown, figures)
    assert "script" not in Page(page).tags
    assert "<td>a|b</td>" in page
    assert "&lt;script&gt;" in page


def test_a_figure_that_was_not_given_is_named(inputs):
    with pytest.raises(ValueError, match=r"figures/contrasts\.png"):
        html_report(markdown_report(**inputs), {})


def test_benchmarks_are_told_by_their_cards(inputs):
    card = {"version": "c8f2f26b9a27", "problems": 500, "dropped": [{"row": 3}]}
    source = {"type": "hub", "path": "org/math", "name": None, "split": "test", "licence": "MIT"}
    markdown = markdown_report(**inputs, cards={"math": {**card, "source": source}})
    assert "| math | c8f2f26b9a27 | org/math test | MIT | 500 | 1 |" in markdown
    assert "c8f2f26b9a27" not in markdown_report(**inputs)


def test_settings_that_differ_and_tables_of_unknown_making_are_told(inputs, run):
    told = run | {"differing": ["train.steps: 2 in tilted/a/seed-0; 60 in the others"], "unknown": ["theirs"]}
    markdown = markdown_report(**inputs | {"run": told})
    assert "> - train.steps: 2 in tilted/a/seed-0; 60 in the others" in markdown
    assert "| theirs | not known: there is no manifest beside this samples table |" in markdown
    assert "made alike" not in markdown_report(**inputs)


def test_a_comparison_says_which_coefficients_it_compares(inputs):
    markdown = markdown_report(**inputs)
    assert len(row(markdown, "Tilted sampling (alpha2-beta100) − Base")) == 4
