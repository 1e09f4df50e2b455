"""Propositions 3 and 5: accuracy under sharpening and under tilt, and where each ends."""

from __future__ import annotations

import math

import pandas as pd
import torch

from beyond_sharpening.exact.distributions import accuracy, covariance, expectation, tempered, tilted
from beyond_sharpening.theory.propositions.check import Check, Row, claim
from beyond_sharpening.theory.propositions.task import Task, random_task

STEP = 1e-4


def check_accuracy(seed: int) -> Check:
    """∂A/∂α = Cov(R, log p) and ∂A/∂β = Var(R) for q ∝ p^α·exp(βR); sharpening can help first and harm later."""
    task = random_task(seed)
    example_rows, example = _example()
    return Check(
        3,
        "Accuracy under sharpening",
        "For q ∝ p^α·exp(βR), ∂A/∂α = Cov_q(R, log p) = A(1 − A)(E_q[log p | C] − E_q[log p | not C]) and "
        "∂A/∂β = Var_q(R) ≥ 0: sharpening lowers accuracy exactly where correct completions are the less likely ones.",
        pd.DataFrame(_derivatives(task) + example_rows),
        {"Accuracy against α": pd.concat([example, _accuracy_series(task)], ignore_index=True)},
    )


def _derivatives(task: Task) -> list[Row]:
    """Central differences of the accuracy against the two covariance formulas, over a grid of (α, β)."""
    by_alpha, by_beta, by_split = [], [], []
    for alpha in (0.5, 1.0, 2.0, 4.0):
        for beta in (0.5, 1.0, 3.0):
            log_q = tilted(task.log_p, task.correct, alpha, beta)
            reward, rate = task.correct.double(), accuracy(log_q, task.correct)
            slope = covariance(log_q, reward, task.log_p)
            by_alpha.append(slope - _difference(task, (alpha, beta), (STEP, 0)))
            by_beta.append(covariance(log_q, reward, reward) - _difference(task, (alpha, beta), (0, STEP)))
            by_split.append(
                slope - rate * (1 - rate) * (_likelihood(log_q, task, True) - _likelihood(log_q, task, False))
            )
    worst = [torch.cat(errors).abs().max().item() for errors in (by_alpha, by_beta, by_split)]
    return [
        claim("∂A/∂α − Cov(R, log p), the worst prompt and (α, β)", worst[0], "=", 0, 1e-6),
        claim("∂A/∂β − Var(R), the worst prompt and (α, β)", worst[1], "=", 0, 1e-6),
        claim("Cov(R, log p) − A(1 − A)(E[log p | C] − E[log p | not C])", worst[2], "=", 0),
    ]


def _difference(task: Task, at: tuple[float, float], step: tuple[float, float]) -> torch.Tensor:
    """Central difference of the accuracy at (α, β), for every prompt."""
    ahead = accuracy(tilted(task.log_p, task.correct, at[0] + step[0], at[1] + step[1]), task.correct)
    behind = accuracy(tilted(task.log_p, task.correct, at[0] - step[0], at[1] - step[1]), task.correct)
    return (ahead - behind) / (2 * STEP)


def _likelihood(log_q: torch.Tensor, task: Task, correct: bool) -> torch.Tensor:
    """E_q[log p] within the correct, or within the wrong, completions."""
    chosen = task.correct == correct
    return expectation(torch.where(chosen, log_q, -math.inf).log_softmax(dim=-1), task.log_p)


def _example() -> tuple[list[Row], pd.DataFrame]:
    """One wrong completion at 0.26, two correct ones at 0.2, 34 wrong ones at 0.01."""
    log_p = torch.tensor([0.26] + [0.2] * 2 + [0.01] * 34, dtype=torch.float64).log()
    correct = torch.tensor([False] + [True] * 2 + [False] * 34)
    rates = {alpha: accuracy(tempered(log_p, alpha), correct).item() for alpha in (1.0, 2.0, 8.0, math.inf)}
    rows = [
        claim(f"the example's accuracy at α = {alpha:g}", rates[alpha], "=", expected, 0.005)
        for alpha, expected in zip(rates, (0.40, 0.53, 0.20, 0.0), strict=True)
    ]
    slopes = [covariance(tempered(log_p, alpha), correct.double(), log_p).item() for alpha in (1.0, 8.0)]
    rows.append(claim("the example's Cov(R, log p) at α = 1 predicts a gain", slopes[0], "≥", 0))
    rows.append(claim("the example's Cov(R, log p) at α = 8 predicts a loss", slopes[1], "≤", 0))
    grid = torch.linspace(0, 16, 65, dtype=torch.float64).tolist()
    series = [accuracy(tempered(log_p, alpha), correct).item() for alpha in grid]
    return rows, pd.DataFrame({"α": grid, "accuracy": series, "policy": "example"})


def _accuracy_series(task: Task) -> pd.DataFrame:
    grid = torch.linspace(0, 16, 65, dtype=torch.float64).tolist()
    rates = torch.stack([accuracy(tempered(task.log_p, alpha), task.correct) for alpha in grid])
    lines = [
        pd.DataFrame({"α": grid, "accuracy": rates[:, x].tolist(), "policy": f"random policy, prompt {x + 1}"})
        for x in range(rates.shape[1])
    ]
    return pd.concat(lines, ignore_index=True)


def check_ceilings(seed: int) -> Check:
    """α → ∞ ends at the mode; a tilt adds β to logit A and so ends at 1 wherever A > 0."""
    task = random_task(seed, n_prompts=9)
    alphas = torch.linspace(0, 40, 161, dtype=torch.float64).tolist()
    betas = torch.linspace(0, 15, 61, dtype=torch.float64).tolist()
    sharpened = torch.stack([accuracy(tempered(task.log_p, alpha), task.correct) for alpha in alphas])
    tilts = torch.stack([accuracy(tilted(task.log_p, task.correct, 1.0, beta), task.correct) for beta in betas])
    sharp = pd.DataFrame({"coefficient": alphas, "mean accuracy": sharpened.mean(dim=1), "family": "α"})
    tilt = pd.DataFrame({"coefficient": betas, "mean accuracy": tilts.mean(dim=1), "family": "β (α = 1)"})
    law = tilts.logit() - tilts[0].logit() - torch.tensor(betas, dtype=torch.float64)[:, None]
    mode = accuracy(tempered(task.log_p, math.inf), task.correct)
    far = accuracy(tilted(task.log_p, task.correct, 1.0, 30.0), task.correct)
    limit = accuracy(tempered(task.log_p, 1e6), task.correct)
    wrong_mode = sharpened[:, mode == 0].amax(dim=0)
    return Check(
        5,
        "Ceilings",
        "As α → ∞ accuracy tends to the correctness of the mode, and no α does better than max_α A(α), which p alone "
        "fixes. Under pure tilt logit A_β = logit A_0 + β, which goes to 1 wherever A_0 > 0.",
        pd.DataFrame(
            [
                claim("A(α = 10⁶) − correctness of the mode, worst prompt", (limit - mode).abs().max(), "=", 0),
                claim("logit A_β − logit A_0 − β, worst prompt and β", law.abs().max(), "=", 0, 1e-6),
                claim("max_α A, averaged over the prompts whose mode is wrong", wrong_mode.mean(), "≤", 0.9),
                claim("A_β at β = 30, worst prompt", far.min(), "=", 1, 1e-6),
            ]
        ),
        {"Mean accuracy against α (sharpening) and β (tilt)": pd.concat([sharp, tilt], ignore_index=True)},
    )
