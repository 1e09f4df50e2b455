"""What decoding costs, as people read it."""

from dataclasses import replace

import pandas as pd
import pytest

from beyond_sharpening.reporting import draw, speed_figure
from beyond_sharpening.reporting.charts import log_ticks
from beyond_sharpening.reporting.labels import decoder_label
from beyond_sharpening.reporting.sections.decoding import chart, cost_table, diagnostics_table, section, warnings


@pytest.fixture
def costs():
    rows = [("temperature", 11.0, 0.6, 1, 0.6), ("smc_mh-alpha4.0", 230.0, 0.9, 16, 0.85)]
    return pd.DataFrame(
        {
            "model": "tiny",
            "benchmark": benchmark,
            "decoder": decoder,
            "forward_tokens": tokens,
            "tokens": 8.0,
            "pass@1": p,
        }
        | {"ci_low": p - 0.05, "ci_high": p + 0.05, "k": k, "vote": vote}
        for benchmark in ("chain_easy", "chain_hard")
        for decoder, tokens, p, k, vote in rows
    )


@pytest.fixture
def diagnostics():
    return pd.DataFrame(
        {"policy": "base", "decoder": "power_mh", "benchmark": "chain_easy", "diagnostic": name, "median": median}
        | {"warning": warning}
        for name, median, warning in (("rhat", 1.5, "the chains have not mixed"), ("acceptance", 0.25, ""))
    )


def test_the_figure_has_a_panel_a_benchmark_on_a_log_axis_and_names_every_decoder(costs, curves, estimates):
    figure = draw(chart(costs, curves, estimates))
    assert [axes.get_title() for axes in figure.axes] == ["chain_easy", "chain_hard"]
    assert {axes.get_xscale() for axes in figure.axes} == {"log"}
    names = {text.get_text() for text in figure.legends[0].get_texts()}
    assert {"sequential Monte Carlo and MH, alpha 4", "majority vote", "Task reward (trained)"} <= names


def test_the_table_puts_the_vote_of_the_same_price_beside_each_decoder(costs):
    table = cost_table(costs)
    assert table.header == ["the base model's decoder", "tokens an answer", "chain_easy", "chain_hard"]
    assert table.rows[1] == ["sequential Monte Carlo and MH, alpha 4", "230", "90.0 % (85.0 %)", "90.0 % (85.0 %)"]


def test_diagnostics_and_warnings_name_the_arm(diagnostics):
    table = diagnostics_table(diagnostics)
    assert table.header == ["policy and decoder", "accepted", "split-R̂"]
    assert table.rows == [["Base, Metropolis–Hastings", "0.25", "1.50"]]
    assert warnings(diagnostics) == ["Base, Metropolis–Hastings on chain_easy: the chains have not mixed"]
    assert diagnostics_table(diagnostics[:0]) is None


def test_without_other_decoders_or_costs_there_is_no_section(results, costs):
    primary = results.comparisons.query("family == 'primary'")
    assert section(replace(results, comparisons=primary)) is None
    assert section(replace(results, comparisons=primary, costs=costs[:0])) is None
    assert section(replace(results, comparisons=primary, costs=costs)) is not None


def test_a_decoder_of_a_list_is_told_by_its_values():
    assert decoder_label("sir-alpha4.0") == "importance resampling, alpha 4"
    assert decoder_label("sir-alpha0.5-n16") == "importance resampling, alpha 0.5, n 16"
    assert decoder_label("greedy") == "greedy decoding"


def test_the_speed_figure_says_both_rates():
    measured = {"stage": "rollouts", "ours": 8000.0, "peer": 4000.0, "unit": "tokens/s", "ratio": 2.0}
    (axes,) = speed_figure([{**measured, "conditions": "two cores"}]).axes
    assert [text.get_text() for text in axes.texts] == [" 2x: 8e+03 against 4e+03 tokens/s"]
    assert axes.get_yticklabels()[0].get_text() == "rollouts"


def test_an_axis_of_costs_is_marked_at_1_2_and_5_of_each_power_of_ten():
    assert log_ticks([23.0, 191.0]) == {20: "20", 50: "50", 100: "100", 200: "200"}


def test_trained_policies_are_told_apart_without_colours(costs, curves, estimates):
    levels = chart(costs, curves, estimates).panels[0].levels
    assert len({level.look.linestyle for level in levels}) == len(levels) == 4


def test_the_decoder_that_would_have_done_is_named_in_words(results):
    told = replace(results.verdict, decoding_lines=["math: at a higher price, by best_of_n at 6.7 times the price"])
    assert "by best of N by likelihood at 6.7 times" in section(replace(results, verdict=told)).blocks[0]
