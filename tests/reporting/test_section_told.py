"""What trainings were told beside what was true, as people read it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from beyond_sharpening.reporting import draw, report
from beyond_sharpening.reporting.sections.told import chart, section, table

JS = (0.6, 0.2, -0.2)


def cell(variant, signal, *, seed=0, samples="all", flips=None, youden=np.nan, parts_at=np.nan):
    rate = (1 - youden) / 2
    return {
        "policy": "task_reward",
        "variant": variant,
        "train_seed": seed,
        "signal": signal,
        "samples": samples,
        "false_positive": rate,
        "false_negative": rate,
        "flips": flips,
        "youden": youden,
        "signal_first": 0.5,
        "signal_last": 0.9,
        "truth_first": 0.5,
        "truth_last": 0.25,
        "parts_at": parts_at,
    }


@pytest.fixture
def told():
    cells = [cell("", "gold", youden=1.0), cell("inverted", "inverted", youden=-1.0)]
    cells += [cell(f"noisy{j}-{flips}", "noisy", flips=flips, youden=j) for flips in ("drawn", "fixed") for j in JS]
    cells += [cell("majority", "majority", seed=seed, parts_at=step) for seed, step in ((0, 40.0), (1, np.nan))]
    return pd.DataFrame([*cells, cell("positive", "gold", samples="positive", youden=1.0)])


@pytest.fixture
def results(results, told):
    """With a curve for every variant: the truth's, lower by 20 points times 1 − J."""
    gold = results.curves[results.curves["policy"] == "task_reward"]
    more = [
        gold.assign(variant=row["variant"], pass_at_k=gold["pass_at_k"] - 0.2 * (1 - np.nan_to_num(row["youden"])))
        for row in told.drop_duplicates("variant").to_dict("records")
        if row["variant"]
    ]
    return replace(results, told=told, curves=pd.concat([results.curves, *more], ignore_index=True))


def test_without_a_signal_of_its_own_there_is_no_section(results):
    assert section(replace(results, told=None)) is None
    assert section(replace(results, told=results.told.query("variant == ''"))) is None


def test_the_chart_goes_from_the_truth_to_below_nothing_for_each_kind_of_flips(results):
    drawn = chart(results.told, results.curves, 1)
    for panel, at_truth in zip(drawn.panels, (78, 62, 46), strict=True):
        assert [series.look.label for series in panel.series] == ["drawn for each completion", "fixed for each answer"]
        for series in panel.series:
            assert list(series.x) == [*sorted(JS), 1.0]
            assert series.y[-1] == pytest.approx(at_truth)
            assert series.y[0] == pytest.approx(at_truth - 20 * 1.2)
        assert [level.look.label for level in panel.levels] == ["Base"]
    assert len(draw(drawn).axes) == 3


def test_the_table_says_what_each_was_told_and_where_they_part(results):
    rows = {row[0]: row for row in table(results.told, results.curves, 16).rows}
    assert rows["Task reward: the group's majority"][1:5] == ["2", "0.50 → 0.90", "0.50 → 0.25", "40, –"]
    assert rows["Task reward: truth with fixed flips, f⁺ 0.4, f⁻ 0.4"][4] == "–"
    assert rows["Task reward: the truth"][5] == "78.0 %"
    assert rows["Task reward: the truth, from right samples alone"][1] == "1"
    assert len(rows) == 10


def test_it_is_part_of_the_report(results):
    written = report(results)
    assert "## What it was told, and what was true" in written.markdown
    assert {"noise", "noise_pass_at_16"} <= set(written.figures)
