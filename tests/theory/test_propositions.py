"""The propositions of docs/theory.md: every claim holds, and the checks have teeth."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from beyond_sharpening.exact.completions import enumerate_completions
from beyond_sharpening.exact.distributions import accuracy, expectation, tempered, tilted
from beyond_sharpening.objectives import Objective
from beyond_sharpening.theory.propositions import CHECKS, length
from beyond_sharpening.theory.propositions.check import Check, claim
from beyond_sharpening.theory.propositions.coverage import binary_kl, efficiency, pass_at_k
from beyond_sharpening.theory.propositions.decomposition import recover
from beyond_sharpening.theory.propositions.task import random_task

COLUMNS = ["claim", "computed", "relation", "expected", "error", "tolerance", "holds"]


@pytest.fixture(scope="module")
def checks() -> list[Check]:
    return [check(0) for check in CHECKS]


def test_all_ten_hold_with_tables_and_series(checks):
    assert [check.number for check in checks] == list(range(1, 11))
    for check in checks:
        assert list(check.table.columns) == COLUMNS
        assert check.holds, check.table[~check.table["holds"]].to_string()
        assert check.table["claim"].is_unique
        assert check.series
        for title, series in check.series.items():
            assert series.shape[1] in (2, 3), title
            assert series.notna().all(axis=None), title
            assert series.iloc[:, :2].apply(lambda column: column.map(math.isfinite)).all(axis=None), title


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_they_hold_for_other_random_policies(check):
    result = check(7)
    assert result.holds, result.table[~result.table["holds"]].to_string()


def test_theory_page_states_and_links_every_check():
    page = (Path(__file__).parents[2] / "docs" / "theory.md").read_text()
    for check in CHECKS:
        assert f"`{check.__name__}`" in page


@pytest.mark.parametrize(
    ("computed", "relation", "expected", "holds"),
    [
        (1.0, "=", 1.1, False),
        (1.0, "=", 1.0005, True),
        (math.nan, "=", 0.0, False),
        (math.nan, "≤", 0.0, False),
        (math.nan, "≠", 0.0, False),
        (1.0, "≥", 2.0, False),
        (3.0, "≥", 2.0, True),
        (3.0, "≤", 2.0, False),
        (2.0, "≠", 2.0, False),
        (2.0, "≠", 2.1, True),
    ],
)
def test_a_claim_can_fail(computed, relation, expected, holds):
    assert claim("", computed, relation, expected, tolerance=1e-3)["holds"] is holds


def value(checks: list[Check], number: int, text: str) -> float:
    table = checks[number - 1].table
    return table.loc[table["claim"] == text, "computed"].item()


def test_the_worked_numbers(checks):
    """Accuracy 0.40, 0.53, 0.20, 0 at α = 1, 2, 8, ∞; mean lengths 19, 0.545 and 0.018 at α = 1, 1.25, 2."""
    rates = [value(checks, 3, f"the example's accuracy at α = {alpha}") for alpha in ("1", "2", "8", "inf")]
    assert [round(rate, 2) for rate in rates] == [0.40, 0.53, 0.20, 0.0]
    lengths = [value(checks, 4, f"mean length at α = {alpha} (V = 50, e = 0.05)") for alpha in ("1", "1.25", "2")]
    assert [round(mean, 3) for mean in lengths] == [19.0, 0.545, 0.018]


@pytest.mark.parametrize(("alpha", "power"), [(0.8, 0.0), (2.0, 0.0), (2.0, 1.0)])
def test_the_capped_mean_length_is_that_of_an_enumeration(monkeypatch, alpha, power):
    monkeypatch.setattr(length, "VOCABULARY", 2)
    completions = enumerate_completions(3, [0], 5)
    log_p = length._independent(completions, length.STOP, torch.tensor([0.5, 0.5], dtype=torch.float64))
    target = Objective(0, alpha, 1, normalisation={"length_power": power})
    log_q = target.optimum(torch.zeros(len(log_p)), log_p, completions.lengths)
    content = (completions.lengths - completions.finished.int()).double()
    assert length.mean_length(alpha, 5, power) == pytest.approx(expectation(log_q, content).item(), abs=1e-12)


def test_the_critical_power_of_two_equal_tokens():
    """With e = 0.19, ρ(α) = 2·(0.81/2)^α is 1 at α = log 2 / log(2/0.81)."""
    tokens = torch.tensor([0.5, 0.5], dtype=torch.float64)
    assert length.critical_alpha(0.19, tokens) == pytest.approx(math.log(2) / math.log(2 / 0.81), abs=1e-12)


def test_binary_divergence_and_pass_at_k_by_hand():
    half, quarter = torch.tensor(0.5), torch.tensor(0.25)
    assert binary_kl(half, quarter).item() == pytest.approx(0.5 * math.log(2) + 0.5 * math.log(2 / 3))
    assert binary_kl(torch.tensor(1.0), quarter).item() == pytest.approx(math.log(4))
    assert pass_at_k(torch.tensor([0.5, 0.0]), 2).item() == pytest.approx(0.375)


def test_efficiency_is_one_for_a_tilt_and_less_for_anything_else():
    task = random_task(0)
    tilt = efficiency(tilted(task.log_p, task.correct, 1.0, 2.0), task.log_p, task.correct)
    sharp = efficiency(tempered(task.log_p, 2.0), task.log_p, task.correct)
    torch.testing.assert_close(tilt, torch.ones(4, dtype=torch.float64))
    assert (sharp < 0.99).all()


def test_recovered_beta_changes_sign_with_the_meaning_of_correct():
    """β·R = β − β·(1 − R), and the prompt's fixed effect takes the constant."""
    task = random_task(0)
    other = replace(task, correct=~task.correct)
    log_q = tilted(task.log_p, task.correct, 2.0, 3.0)
    alpha, beta, residual = recover(log_q, other, torch.Generator().manual_seed(0))
    assert (alpha, beta) == pytest.approx((2.0, -3.0))
    assert residual < 1e-12


def test_every_prompt_of_a_task_can_be_solved_and_failed():
    for seed in range(5):
        rates = accuracy(random_task(seed, n_prompts=9).log_p, random_task(seed, n_prompts=9).correct)
        assert ((rates > 0) & (rates < 1)).all()
