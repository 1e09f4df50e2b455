"""From a samples table through the analysis to the page: the two rooms agree on their columns."""

import json
import re

import pandas as pd
import pytest

from beyond_sharpening import analysis, reporting
from synthetic_samples import greedy_samples, synthetic_samples

ACCURACY = {"base": 0.5, "task_reward": 0.75, "sharpening": 0.55, "tempered": 0.5, "tilted": 0.7}


def results(accuracy, **options):
    return of(synthetic_samples(accuracy, base_decoders={"greedy": 1, "low_temperature": 4}, **options))


def of(samples, target="problems like these"):
    estimates = analysis.estimates(samples, ks=[1, 2, 4], target=target)
    comparisons = analysis.compare_arms(samples, target=target)
    return {
        "verdict": analysis.verdict(comparisons, estimates),
        "estimates": estimates,
        "curves": analysis.pass_at_k_curves(samples, ks=[1, 2, 4]),
        "by_difficulty": analysis.accuracy_by_difficulty(samples),
        "comparisons": comparisons,
        "histories": {},
    }


def page(parts, run):
    html = reporting.report(reporting.Results(**parts, run=run)).html
    return html.replace("\u00a0", " ")


@pytest.mark.parametrize(("seeds", "unit"), [((0,), "problems"), ((0, 1, 2), "training seeds")])
def test_five_policies(run, seeds, unit):
    parts = results(ACCURACY, benchmarks=("chain_easy", "chain_hard"), seeds=seeds)
    html = page(parts, run)
    assert parts["verdict"].headline in html
    assert html.count("<img") == 3
    assert f"95 % intervals over {unit}" in html
    assert "Task reward − Base, low temperature" in html
    content = json.loads(
        json.dumps(reporting.summary(parts["estimates"], parts["comparisons"], "tiny", seeds), allow_nan=False)
    )
    assert len(content["rows"]) == len(parts["estimates"]) == 14
    assert {row["pass@4"] for row in content["rows"] if row["decoder"] == "greedy"} == {None}


def test_base_alone(run):
    parts = results({"base": 0.5})
    html = page(parts, run)
    assert "Who is better than whom" not in html
    assert "Could cheaper decoding do it?" in html
    assert parts["verdict"].headline in html


@pytest.mark.parametrize(
    ("seeds", "solved", "shown"),
    [(5, 11, "+3.3 [–], p ="), (2, 11, "+3.3 [–], p ="), (5, 10, "+0.0 [–], p = 1.000")],
)
def test_seeds_that_solve_equally_many_problems_greedily_are_shown_without_an_interval(run, seeds, solved, shown):
    sampled = synthetic_samples({"base": 0.4, "task_reward": 0.5}, n_problems=30, seeds=range(seeds))
    greedy = greedy_samples({"base": [10], "task_reward": [solved] * seeds})
    parts = of(pd.concat([sampled, greedy]), target="these problems")
    html = page(parts, run)
    assert (
        f'Task reward, greedy decoding − Base, greedy decoding</td><td class="number" data-label="chain_easy">{shown}'
        in (html.replace("&lt;", "<"))
    )
    assert f"{100 * solved / 30:.1f} % [–]" in html
    assert not re.search(r"\bnan\b", re.sub(r"base64,[^\"]*", "", html))
    written = reporting.summary(parts["estimates"], parts["comparisons"], "tiny", range(seeds))
    (row,) = [
        row
        for row in json.loads(json.dumps(written, allow_nan=False))["comparisons"]
        if row["a"] == "task_reward/greedy"
    ]
    assert row["ci_low"] is row["ci_high"] is None
