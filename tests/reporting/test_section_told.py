"""What trainings were told beside what was true, as people read it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from beyond_sharpening.reporting import draw, report
from beyond_sharpening.reporting.sections.told import (
    coordinate_chart,
    ends_table,
    hacking_chart,
    section,
    solved_chart,
    table,
)

JS = (0.6, 0.2, -0.2)


ALPHA, BETA = 3.0, -0.5  # where sharpening ended


def cell(variant, signal, *, policy="task_reward", seed=0, samples="all", flips=None, youden=np.nan, parts_at=np.nan):
    rate = (1 - youden) / 2
    return {
        "policy": policy,
        "variant": variant,
        "train_seed": seed,
        "signal": signal,
        "samples": samples,
        "false_positive": rate,
        "false_negative": rate,
        "flips": flips,
        "youden": youden,
        "signal_first": 0.5 if signal != "nothing" else np.nan,
        "signal_last": 0.9 if signal != "nothing" else np.nan,
        "truth_first": 0.5,
        "truth_last": 0.25,
        "parts_at": parts_at,
    }


@pytest.fixture
def told():
    cells = [cell("", "gold", youden=1.0), cell("inverted", "inverted", youden=-1.0)]
    cells += [cell(f"noisy{j}-{flips}", "noisy", flips=flips, youden=j) for flips in ("drawn", "fixed") for j in JS]
    cells += [cell("majority", "majority", seed=seed, parts_at=step) for seed, step in ((0, 40.0), (1, np.nan))]
    cells.append(cell("alpha1", "nothing", policy="sharpening"))
    return pd.DataFrame([*cells, cell("positive", "gold", samples="positive", youden=1.0)])


@pytest.fixture
def did(told):
    """α grows and β falls as J does; sharpening is at (ALPHA, BETA)."""
    rows = []
    for row in told.drop_duplicates(["policy", "variant"]).to_dict("records"):
        j = np.nan_to_num(row["youden"])
        untold = row["signal"] == "nothing"
        alpha, beta = (ALPHA, BETA) if untold else (2 - j, 4 * j)
        numbers = {"alpha": alpha, "alpha_low": alpha - 0.1, "alpha_high": alpha + 0.2}
        numbers |= {"beta": beta, "beta_low": beta - 0.3, "beta_high": beta + 0.4}
        names = {"policy": row["policy"], "variant": row["variant"], "overall": "sharpening" if untold else "tilt"}
        rows += [names | {"benchmark": benchmark} | numbers for benchmark in ("chain_easy", "chain_hard")]
    return pd.DataFrame(rows)


@pytest.fixture
def results(results, told, did):
    """With a curve for every variant: the truth's, lower by 20 points times 1 − J."""
    gold = results.curves[results.curves["policy"] == "task_reward"]
    more = [
        gold.assign(
            policy=row["policy"],
            variant=row["variant"],
            pass_at_k=gold["pass_at_k"] - 0.2 * (1 - np.nan_to_num(row["youden"])),
        )
        for row in told.drop_duplicates("variant").to_dict("records")
        if row["variant"]
    ]
    return replace(results, told=told, mechanism=did, curves=pd.concat([results.curves, *more], ignore_index=True))


def test_without_a_signal_of_its_own_there_is_no_section(results):
    assert section(replace(results, told=None)) is None
    assert section(replace(results, told=results.told.query("variant in ('', 'alpha1')"))) is None


def test_the_chart_goes_from_the_truth_to_below_nothing_for_each_kind_of_flips(results):
    drawn = solved_chart(results.told, results.curves, 1)
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
    assert rows["Sharpening, told nothing"][2:5] == ["–", "0.50 → 0.25", "–"]
    assert len(rows) == 11


@pytest.mark.parametrize(
    ("coordinate", "of_j", "below", "sharpening"), [("alpha", 2 - 1, 0.1, ALPHA), ("beta", 4, 0.3, BETA)]
)
def test_coordinates_are_drawn_against_what_is_left_of_the_truth(results, coordinate, of_j, below, sharpening):
    drawn = coordinate_chart(results.told, results.mechanism, coordinate)
    assert [panel.title for panel in drawn.panels] == ["chain_easy", "chain_hard"]
    for panel in drawn.panels:
        assert panel.zero == "x"
        (level,) = panel.levels
        assert (level.look.label, level.y, level.low) == ("Sharpening", sharpening, pytest.approx(sharpening - below))
        for series in panel.series:
            assert list(series.x) == [*sorted(JS), 1.0]
            assert series.y[-1] == of_j
            assert series.low == pytest.approx(np.array(series.y) - below)
    assert len(draw(drawn).axes) == 2


def test_what_was_hacked_is_right_of_one_line_and_below_the_other(results):
    drawn = hacking_chart(results.told)
    (panel,) = drawn.panels
    assert [series.look.label for series in panel.series] == ["gold", "inverted", "noisy", "majority"]
    certain = pd.DataFrame([cell("token_entropy", "token_entropy")])
    assert [panel.x_label for panel in hacking_chart(pd.concat([results.told, certain])).panels] == [
        "rise of the signal",
        "rise of the signal (nats)",
    ]
    assert panel.zero == "both"
    for series in panel.series:
        assert series.x == pytest.approx([0.4] * len(series.x))
        assert series.y == pytest.approx([-0.25] * len(series.y))
    assert len({(series.look.colour, series.look.marker) for series in panel.series}) == 4
    draw(drawn)


def test_the_second_table_says_where_each_ended_sharpening_among_them(results):
    rows = {row[0]: row[1:] for row in ends_table(results.told, results.mechanism).rows}
    assert rows["Sharpening, told nothing"] == ["3.00, −0.50", "3.00, −0.50", "sharpening"]
    assert rows["Task reward: the opposite of the truth"] == ["3.00, −4.00", "3.00, −4.00", "tilt"]


def test_it_is_part_of_the_report(results):
    written = report(replace(results, mechanism=None))
    assert "## What it was told, and what was true" in written.markdown
    assert {"noise", "noise_pass_at_16", "hacking"} <= set(written.figures)


def test_coordinates_are_left_out_where_no_log_probabilities_gave_them(results):
    def names(results):
        return [block.name for block in section(results).blocks if hasattr(block, "name")]

    assert names(results) == ["noise", "noise_pass_at_16", "noise_alpha", "noise_beta", "hacking"]
    assert names(replace(results, mechanism=None)) == ["noise", "noise_pass_at_16", "hacking"]
