"""How much the samples can show: detectable differences, what is alike, warnings, designs; coverage pair by pair."""

from dataclasses import replace

import pytest

from beyond_sharpening import analysis
from beyond_sharpening.reporting.blocks import Strong, Table
from beyond_sharpening.reporting.sections import strength, transitions, tries
from synthetic_samples import synthetic_samples


@pytest.fixture(scope="module")
def samples():
    """Task reward solves the base's problems and more; one of the base's eight is lacking in it."""
    drawn = synthetic_samples({"base": 0.3, "task_reward": 0.9, "sharpening": 0.3}, n_problems=8, n_samples=8, spread=0)
    lacking = drawn["policy"].eq("task_reward") & drawn["problem_id"].eq("chain_easy-7")
    return drawn[~lacking]


@pytest.fixture(scope="module")
def compared(samples):
    comparisons = analysis.compare_arms(samples)
    return {
        "comparisons": comparisons,
        "at_k": analysis.compare_at_k(samples, [1, 2, 4]),
        "designs": analysis.designs(samples, comparisons),
        "opinions": analysis.second_opinions(samples, comparisons),
        "transitions": analysis.solve_rate_transitions(samples),
    }


def tables(section) -> list[Table]:
    return [block for block in section.blocks if isinstance(block, Table)]


def words(section) -> str:
    return "\n".join(block for block in section.blocks if isinstance(block, str))


def test_few_problems_are_warned_of_and_those_left_out_are_named(results, compared):
    text = words(strength.section(replace(results, **compared)))
    assert text.startswith("> **Warning.**\n>\n> - chain_easy: ")
    assert "\n> - chain_easy: 8 problems: no test can say much of problems like these" in text
    assert "- Task reward − Base on chain_easy: 1 problems that one side lacks are left out (chain_easy-7), 7" in text


def test_each_contrast_says_what_it_would_have_seen_whether_two_are_alike_and_a_second_opinion(results, compared):
    told = compared["comparisons"].query("family == 'primary'").to_dict("records")
    first, *_ = tables(strength.section(replace(results, **compared)))
    assert first.header == ["difference", "benchmark", "would have been seen", "alike", "second opinion"]
    assert [row[2] for row in first.rows] == [f"{100 * row['detectable']:.1f}" for row in told]
    (ours,) = [row for row in first.rows if row[0] == "Task reward − Base"]
    assert ours[3].startswith("not shown, p = ")
    opinion = compared["opinions"].query("b == 'base'").iloc[0]
    assert opinion["log_odds"] > 2
    assert ours[4] == f"{opinion['log_odds']:+.2f} ± {2 * opinion['deviation']:.2f}"
    alike = compared["comparisons"].assign(p_equivalent_adjusted=0.004)
    first, *_ = tables(strength.section(replace(results, **compared | {"comparisons": alike, "opinions": None})))
    assert first.header[-1] == "alike"
    assert {row[3] for row in first.rows} == {Strong("yes, p = 0.004")}


def test_designs_and_the_seeds_that_a_claim_needs_are_told_before_more_are_trained(results, compared):
    section = strength.section(replace(results, **compared))
    _, designs = tables(section)
    assert designs.header[2:] == ["3 seeds", "5 seeds", "10 seeds", "5 seeds, 4 × problems", "5 seeds, 4 × samples"]
    for row in designs.rows:
        three, five, ten, problems, samples = map(float, row[2:])
        assert problems < samples <= five
        assert ten < five < three
    text = words(section)
    assert "One training seed does not tell how much seeds differ: by one point is assumed." in text
    assert "the correction for 3 questions leaves a claim" in text
    assert "7 against the base, 5 against a policy. **Two seeds never reach it**" in text


def test_without_contrasts_there_is_nothing_to_say(results, compared):
    none = compared["comparisons"].iloc[:0]
    assert strength.section(replace(results, comparisons=none)) is None


def test_coverage_is_compared_pair_by_pair_at_the_most_tries(results, compared):
    section = tries.section(replace(results, at_k=compared["at_k"]))
    *_, pairs = tables(section)
    (row,) = [row for row in pairs.rows if row[0] == "Task reward − Base"]
    told = compared["at_k"].query("k == 4 and a == 'task_reward' and b == 'base'").iloc[0]
    assert isinstance(row[1], Strong) == (told["p_adjusted"] < 0.05)
    assert row[1].startswith(f"{100 * told['difference']:+.1f} [")
    assert row[1].endswith(f"({told['solved_by_a_alone']:.0f} : {told['solved_by_b_alone']:.0f})")
    assert "the table below compares them problem by problem" in words(section)
    assert "bootstrap" not in words(section)
    assert len(tables(tries.section(results))) == 1, "not asked, not shown"


def test_solve_rates_are_followed_from_bin_to_bin(results, compared):
    (table,) = tables(transitions.section(replace(results, transitions=compared["transitions"])))
    assert table.header[:4] == ["policy", "benchmark", "base", "0"]
    ours = [row for row in table.rows if row[0] == "Task reward"]
    assert sum(float(cell) for row in ours for cell in row[3:]) == 7, "every problem that both have, once"
    assert transitions.section(results) is None
