"""Proposition 8: reading (α, β) off a policy."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import torch

from beyond_sharpening.exact.distributions import expectation, tilted
from beyond_sharpening.exact.policy import random_policy
from beyond_sharpening.theory.propositions.check import Check, Row, claim
from beyond_sharpening.theory.propositions.task import Task, random_task

N_SAMPLES = 200
FAMILY = [(1.0, 0.0), (2.0, 0.0), (1.0, 3.0), (2.0, 5.0), (0.5, 1.0), (4.0, 0.5)]


def check_decomposition(seed: int) -> Check:
    """log π regressed on (log p, R) recovers (α, β) in the family; the residual is change outside it."""
    task = random_task(seed)
    generator = torch.Generator().manual_seed(seed)
    rows, points = [], []
    for alpha, beta in FAMILY:
        estimate = recover(tilted(task.log_p, task.correct, alpha, beta), task, generator)
        name = f"(α, β) = ({alpha:g}, {beta:g})"
        rows.append(claim(f"α̂ of {name}", estimate[0], "=", alpha, 1e-8))
        rows.append(claim(f"β̂ of {name}", estimate[1], "=", beta, 1e-8))
        rows.append(claim(f"residual variance of {name}", estimate[2], "=", 0, 1e-12))
    other = task.log_probabilities(random_policy(seed + 1, task.completions.vocabulary, spread=0.3))
    start = tilted(task.log_p, task.correct, 2.0, 5.0)
    for share in (0.0, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0):
        estimate = recover(torch.lerp(start, other, share).log_softmax(dim=-1), task, generator)
        points += [
            {"share of another model": share, "value": value, "estimate": label}
            for label, value in zip(("α̂", "β̂", "residual variance"), estimate, strict=True)
        ]
    rows.append(claim("residual variance of another model", recover(other, task, generator)[2], "≥", 0.01, 0))
    return Check(
        8,
        "Decomposition",
        "Regressing log π on (log p, R) with a fixed effect per prompt, on samples from the mixture of π and p, "
        "recovers (α, β) of any policy in the family; the residual variance is change outside it. Under pure tilt the "
        "correct completions keep their lengths and likelihoods among themselves.",
        pd.DataFrame(rows + _invariance(task)),
        {"Estimates as a policy leaves the family (2, 5)": pd.DataFrame(points)},
    )


def recover(log_q: torch.Tensor, task: Task, generator: torch.Generator) -> tuple[float, float, float]:
    """(α̂, β̂, residual variance) from samples of ½q + ½p, by least squares within prompts."""
    mixture = (log_q.exp() + task.log_p.exp()) / 2
    drawn = torch.multinomial(mixture, N_SAMPLES, replacement=True, generator=generator)
    columns = [values.gather(1, drawn) for values in (log_q, task.log_p, task.correct.double())]
    outcome, *regressors = [(column - column.mean(dim=1, keepdim=True)).flatten().numpy() for column in columns]
    design = np.stack(regressors, axis=1)
    coefficients = np.linalg.lstsq(design, outcome)[0]
    return *coefficients.tolist(), float(np.var(outcome - design @ coefficients))


def _invariance(task: Task) -> list[Row]:
    """Within the correct completions, a pure tilt changes nothing; sharpening does."""
    lengths = task.completions.lengths.double()

    def within(log_q: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        return expectation(torch.where(task.correct, log_q, -math.inf).log_softmax(dim=-1), values)

    rows = []
    for name, values in (("length", lengths), ("log p", task.log_p)):
        tilt, sharp = (
            (within(tilted(task.log_p, task.correct, alpha, beta), values) - within(task.log_p, values)).abs().max()
            for alpha, beta in ((1.0, 5.0), (2.0, 0.0))
        )
        rows.append(claim(f"change of E[{name} | correct] under tilt, worst prompt", tilt, "=", 0))
        rows.append(claim(f"change of E[{name} | correct] under sharpening, worst prompt", sharp, "≠", 0, 1e-3))
    return rows
