"""What training did: a name a policy with its meaning, the numbers behind it, and what to look at."""

import json
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from beyond_sharpening.reporting import draw, summary
from beyond_sharpening.reporting.charts import Chart
from beyond_sharpening.reporting.interactive import describe
from beyond_sharpening.reporting.sections import mechanism
from synthetic_samples import synthetic_samples


def row(policy, benchmark, name, overall, alpha, beta, beyond=()):
    told = {"model": "tiny", "policy": policy, "variant": "", "benchmark": benchmark, "name": name, "overall": overall}
    told |= {"meaning": f"It is {name}.", "stability": 0.93, "absent": "", "zero_log_odds": 0.4, "zero_residual": 0.0}
    for key, value, half in (("alpha", alpha, 0.1), ("beta", beta, 0.2)):
        told |= {key: value, f"{key}_low": value - half, f"{key}_high": value + half}
    told |= {"kl": 1.0, "kl_tilt": 0.5, "kl_right": 0.2, "kl_wrong": 0.3, "residual_share": 0.25}
    told |= {"coverage_gained": 0.03, "coverage_lost": 0.01}
    return told | {"n_beyond": float(len(beyond)), "beyond_problems": list(beyond)}


@pytest.fixture
def rows():
    return pd.DataFrame(
        [
            row("task_reward", "chain_easy", "tilt", "tilt", 1.0, 1.6),
            row("task_reward", "chain_hard", "tilt", "tilt", 1.1, 1.2, beyond=("chain_hard-3",)),
            row("sharpening", "chain_easy", "sharpening", "mixed: sharpening on 1, no change on 1", 2.0, 0.1),
            row("sharpening", "chain_hard", "no change", "mixed: sharpening on 1, no change on 1", 1.0, 0.0),
        ]
    )


def section(results, rows, samples=None):
    return mechanism.section(replace(results, mechanism=rows, samples=samples))


def charts(results, rows):
    return {block.name: block for block in section(results, rows).blocks if isinstance(block, Chart)}


def test_each_policy_has_a_name_and_a_sentence_that_explains_it(results, rows):
    names = section(results, rows).blocks[1]
    assert "**Task reward: tilt.** It is tilt." in names
    assert "**Sharpening: mixed: sharpening on 1, no change on 1.** It did not do the same on all benchmarks." in names


def test_the_plane_has_each_policy_at_its_place_over_the_measured_zero(results, rows):
    plane = charts(results, rows)["mechanism"]
    assert [panel.title for panel in plane.panels] == ["chain_easy", "chain_hard"]
    base, task_reward, _ = plane.panels[0].series
    assert (base.x, base.y) == ([1.0], [0.0])
    assert (task_reward.x, task_reward.y) == ([1.0], [1.6])
    assert (task_reward.across_low, task_reward.high) == ([0.9], [pytest.approx(1.8)])
    (zero,) = plane.panels[0].levels
    assert (zero.low, zero.high) == (-0.4, 0.4)


def test_a_zero_that_nobody_measured_is_not_drawn_and_not_spoken_of(results, rows):
    unmeasured = rows.assign(zero_log_odds=0.0)
    assert charts(results, unmeasured)["mechanism"].panels[0].levels == []
    words = [block for block in section(results, unmeasured).blocks if isinstance(block, str)]
    assert not any("Shaded" in text or "null control" in text for text in words)
    told = [block for block in section(results, rows.assign(zero_residual=0.1)).blocks if isinstance(block, str)]
    assert any("Shaded: how far β strays" in text for text in told)
    assert any("beyond what the null control shows" in text for text in told)


def test_the_split_of_kl_stacks_to_the_whole_on_paper_and_screen(results, rows):
    chart = charts(results, rows)["divergence"]
    figure = draw(chart)
    ends = {}
    for bar in figure.axes[0].patches:
        place = round(bar.get_y() + bar.get_height() / 2)
        assert bar.get_x() == pytest.approx(ends.get(place, 0.0)), "each part begins where the last one ends"
        ends[place] = bar.get_x() + bar.get_width()
    assert list(ends.values()) == pytest.approx([1.0, 1.0])
    plot = describe(chart)
    assert plot["layout"]["barmode"] == "stack"
    assert len({trace["marker"]["pattern"]["shape"] for trace in plot["data"]}) == 3, "told apart without colours"


def test_problems_beyond_are_listed_with_a_right_completion(results, rows):
    samples = synthetic_samples({"task_reward": 1.0}, benchmarks=("chain_hard",), n_problems=5, spread=0.0)
    samples = samples.assign(variant="", completion="found | it")
    *_, words, table = section(results, rows, samples).blocks
    assert "1 in all" in words
    assert [list(line) for line in table.rows] == [["Task reward", "chain_hard", "chain_hard-3", "found | it"]]
    assert section(results, rows).blocks[-1].rows[0][3] == "not kept in this samples table"


def test_what_is_not_known_is_said_and_drawn_nowhere(results, rows):
    numbers = [name for name in rows if name.startswith(("alpha", "beta", "kl"))]
    numbers = [name for name in numbers if name != "beyond_problems"]
    blind = rows.assign(**dict.fromkeys(numbers, math.nan), absent="no logp_base: α, β", n_beyond=math.nan)
    assert charts(results, blind) == {}
    words = [block for block in section(results, blind).blocks if isinstance(block, str)]
    assert any("no logp" in text and "α, β" in text for text in words)


def test_without_a_mechanism_there_is_no_section(results, rows):
    assert mechanism.section(results) is None
    assert section(results, rows.iloc[:0]) is None


def test_the_summary_holds_the_rows_as_plain_values(estimates, comparisons, rows):
    rows = rows.assign(kl=np.float64("nan"), beyond_problems=[np.array(["a"]), [], [], []], n_rose=np.int64(3))
    content = json.loads(json.dumps(summary(estimates, comparisons, "tiny", [0], rows), allow_nan=False))
    first = content["mechanism"][0]
    assert (first["name"], first["kl"], first["beyond_problems"], first["n_rose"]) == ("tilt", None, ["a"], 3)
