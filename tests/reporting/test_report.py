"""The report answers first, leaves out what is absent, and travels as one file."""

import math
import re
from dataclasses import replace
from html.parser import HTMLParser

import pandas as pd
import pytest

from beyond_sharpening.reporting import report
from beyond_sharpening.reporting.blocks import plain, visible
from beyond_sharpening.reporting.markdown import markdown_report
from beyond_sharpening.reporting.numbers import percent_interval, points_interval
from beyond_sharpening.reporting.sections import sections as report_sections


class Page(HTMLParser):
    """Cells, anchors, links and image sources of a page; a tag closed out of order fails."""

    VOID = ("meta", "img", "br", "hr", "link")

    def __init__(self, text):
        super().__init__()
        self.open, self.images, self.links = [], [], []
        self.anchors, self.cells, self.title, self.scripts = set(), set(), "", 0
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.scripts += tag == "script"
        if tag == "section":
            self.anchors.add(values["id"])
        if tag == "img":
            self.images.append(values["src"])
        self.links += [values[key] for key in ("href", "src") if key in values]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "td" in self.open:
            self.cells.add(data)
        elif "title" in self.open:
            self.title += data


def text(results):
    """The report without its figures, which take their time."""
    return markdown_report("title", report_sections(results))


def sections(markdown):
    return re.findall(r"^##+ (.+)$", markdown, re.MULTILINE)


def row(markdown, start):
    markdown = re.sub(r"\\([\[\]<])", r"\1", markdown)
    line = next(line for line in markdown.splitlines() if line.startswith(f"| {start} |"))
    return [cell.strip() for cell in line.strip("|").split(" | ")]


def test_the_verdict_comes_before_everything_else(results, verdict):
    markdown = text(results)
    positions = [markdown.index(text) for text in (verdict.headline, *verdict.lines)]
    assert positions == sorted(positions)
    assert sections(markdown) == [
        "The answer",
        "What was compared",
        "Who is better than whom",
        "Right answers",
        "Could cheaper decoding do it?",
        "More than one try",
        "How much these samples can show",
        "Easy and hard problems",
        "How the trainings went",
        "How to read this",
        "What was run",
        "Limits",
        "All numbers",
    ]
    assert markdown.index(verdict.lines[-1]) < markdown.index("## What was compared")


def test_numbers_are_percent_with_intervals():
    assert percent_interval(0.6213, 0.58, 0.66) == "62.1 % [58.0, 66.0]"
    assert percent_interval(math.nan, math.nan, math.nan) == "–"
    assert points_interval(0.042, -0.01, 0.0742) == "+4.2 [−1.0, +7.4]"


def test_policies_decoders_and_majority_vote_stand_in_one_table(results):
    markdown = text(results)
    assert row(markdown, "Task reward, one sample")[1] == "78.0 % [74.0, 82.0]"
    assert row(markdown, "Base, greedy decoding")[3] == "34.0 % [30.0, 38.0]"
    assert row(markdown, "Base, majority vote of 16")[1] == "78.0 % [74.0, 82.0]"


def test_contrasts_carry_adjusted_p_and_bold_only_below_005(results):
    markdown = text(results)
    assert row(markdown, "Task reward − Base")[1] == "**+12.0 [+8.7, +15.3], p < 0.001**"
    assert row(markdown, "Tempered sampling − Base")[1] == "+1.0 [−2.3, +4.3], p = 0.223"
    assert row(markdown, "Base, greedy decoding − Base")[1] == "**+3.1 [−0.2, +6.4], p < 0.001 †**"


def test_an_interval_that_contradicts_its_p_value_is_marked(results):
    edge = results.comparisons.assign(p_adjusted=0.06, ci_low_adjusted=0.001, ci_high_adjusted=0.1)
    assert row(text(replace(results, comparisons=edge)), "Task reward − Base")[1].endswith("p = 0.060 †")


def test_every_table_is_rectangular(results):
    blocks = re.findall(r"(?:^\|.*\|\n?)+", text(results), re.MULTILINE)
    assert len(blocks) == 8
    for block in blocks:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1


def test_seed_intervals_and_seed_claims_are_called_so(results):
    seeds = results.estimates.assign(n_seeds=5, ci_unit="seed")
    markdown = text(replace(results, estimates=seeds))
    assert "In brackets: 95 % intervals over training seeds" in markdown
    assert "trained once" not in markdown
    assert "trained once" in text(results)


def test_base_alone_still_gives_a_report(results):
    base = {name: getattr(results, name).query("policy == 'base'") for name in ("estimates", "curves", "by_difficulty")}
    alone = report(replace(results, **base, comparisons=pd.DataFrame(), histories={}))
    assert "Who is better than whom" not in sections(alone.markdown)
    assert "How the trainings went" not in sections(alone.markdown)
    assert "Not in this comparison: Task reward, Sharpening, Tempered sampling, Tilted sampling" in alone.markdown
    assert len(Page(alone.html).images) == 2


def test_one_benchmark_without_difficulty_and_one_sample(results):
    one = {name: getattr(results, name).query("benchmark == 'chain_hard'") for name in ("estimates", "comparisons")}
    one["curves"] = results.curves.query("benchmark == 'chain_hard' and k == 1")
    one["by_difficulty"] = results.by_difficulty.iloc[:0]
    markdown = text(replace(results, **one))
    assert {"Easy and hard problems", "More than one try"}.isdisjoint(sections(markdown))
    assert "majority vote of" not in markdown.split("## How to read")[0]
    assert "| policy and decoder | chain_hard |" in markdown


def test_the_page_is_one_file_with_its_figures_inside(results):
    written = report(results)
    page = Page(written.html)
    assert len(page.images) == len(written.figures) == 4
    assert all(source.startswith("data:image/png;base64,iVBOR") for source in page.images)
    outside = [link for link in page.links if not link.startswith(("data:", "#"))]
    assert outside == []
    assert {link[1:] for link in page.links if link.startswith("#")} == page.anchors
    assert len(written.html) < 5e6
    assert set(re.findall(r"\(figures/(\w+)\.png\)", written.markdown)) == set(written.figures)


HOSTILE = "<script>alert(1)</script> a|b **c** [d](javascript:e) `f` $x$ \x1b[31m\u202eg\nh"


def test_text_from_outside_is_shown_letter_by_letter(results, run):
    own = replace(run, parameters={HOSTILE: HOSTILE}, model=HOSTILE, differing=[HOSTILE], unknown=[HOSTILE])
    names = {"policy": {"tilted": HOSTILE}, "benchmark": {"chain_hard": HOSTILE}}
    renamed = {name: getattr(results, name).replace(names) for name in ("estimates", "curves")}
    written = report(replace(results, run=own, **renamed))
    page = Page(written.html)
    assert page.scripts == 3, "text from outside has become a script"
    assert not any(link.startswith("javascript") for link in page.links)
    written.html.encode()  # no half characters
    written.markdown.encode()
    shown = "<script>alert(1)</script> a|b **c** [d](javascript:e) `f` $x$ ␛[31m⟨U+202E⟩g\nh"
    assert shown in page.cells
    assert shown in page.title


@pytest.mark.parametrize(
    "text", [HOSTILE, "\ud800", "_a_ b_c", "# no heading", "- no item", "+1", "~~x~~ $y$ &amp; ![i](j)"]
)
def test_plain_markdown_reads_as_the_text_itself(text):
    from markdown_it import MarkdownIt

    (paragraph, inline, _) = MarkdownIt("gfm-like", {"linkify": False}).parse(plain(text))
    assert paragraph.type == "paragraph_open"
    assert {child.type for child in inline.children} == {"text"}
    read = "".join(child.content for child in inline.children)
    assert read == visible(text).replace("\n", " ↵ ")


def test_benchmarks_are_told_by_their_cards(results):
    card = {"version": "c8f2f26b9a27", "problems": 500, "dropped": [{"row": 3}]}
    source = {"type": "hub", "path": "org/math", "name": None, "split": "test", "licence": "MIT"}
    markdown = text(replace(results, cards={"math": {**card, "source": source}}))
    assert "| math | c8f2f26b9a27 | org/math test | MIT | 500 | 1 |" in markdown
    assert "c8f2f26b9a27" not in text(results)


def test_settings_that_differ_and_tables_of_unknown_making_are_told(results, run):
    told = replace(run, differing=["train.steps: 2 in tilted/a/seed-0; 60 in the others"], unknown=["theirs"])
    markdown = text(replace(results, run=told))
    assert "> - train.steps: 2 in tilted/a/seed-0; 60 in the others" in markdown
    assert "| theirs | not known: there is no manifest beside this samples table |" in markdown
    assert "made alike" not in text(results)


def test_how_a_start_model_was_made_is_said_where_it_was_made_here(results, run):
    base = {"type": "tiny", "step_by_step_share": 0.75, "guess_error": 0.3, "misread_share": 0.6}
    markdown = text(replace(results, run=replace(run, base=base)))
    assert "25 % are guesses, 30 % of these wrong" in markdown
    assert "60 % of all texts overlook them" in markdown
    del base["misread_share"]  # as in results of earlier versions
    assert "overlook" not in text(replace(results, run=replace(run, base=base)))
    assert "made for this experiment" not in text(replace(results, run=replace(run, base={"type": "hub"})))


def test_a_comparison_says_which_coefficients_it_compares(results):
    assert len(row(text(results), "Tilted sampling (alpha2-beta100) − Base")) == 4


def test_the_run_in_the_tracker_can_be_followed_and_nothing_else_of_its_making(results, run):
    made = {"MLflow run": "http://127.0.0.1:5000/#/runs/7 (while `make mlflow` runs)", "commit": "javascript:alert(1)"}
    page = Page(report(replace(results, run=replace(run, made=made))).html)
    assert [link for link in page.links if not link.startswith(("#", "data:"))] == ["http://127.0.0.1:5000/#/runs/7"]
