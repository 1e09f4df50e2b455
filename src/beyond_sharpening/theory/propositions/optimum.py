"""Proposition 1: the optimum of an objective."""

from __future__ import annotations

import pandas as pd
import torch

from beyond_sharpening.exact.distributions import (
    expectation,
    kl_divergence,
    objective_value,
    optimal_value,
)
from beyond_sharpening.exact.policy import random_policy
from beyond_sharpening.objectives import Objective
from beyond_sharpening.theory.propositions.check import Check, Row, claim
from beyond_sharpening.theory.propositions.task import Task, random_task

OBJECTIVES = {
    "task reward": Objective.named("task_reward"),
    "sharpening": Objective.named("sharpening", alpha=2),
    "tempered": Objective.named("tempered", alpha=2),
    "tilted": Objective.named("tilted", alpha=2, beta=10),
    "tempered, mean": Objective.named("tempered", alpha=2, normalisation="mean"),
    "tilted, length^0.5": Objective.named("tilted", alpha=2, beta=10, normalisation={"length_power": 0.5}),
    "null control": Objective.named("null_control"),
}


def check_optimum(seed: int) -> Check:
    """J* = c·log Z and J* − J(q) = c·KL(q‖q*); for c = 0, a linear objective whose optimum jumps at ties."""
    task = random_task(seed)
    rows, gaps = _entropic_objectives(task, seed)
    face_rows, approach = _linear_objectives(task)
    tie_rows, ties = _ties()
    return Check(
        1,
        "Optimum",
        "With c > 0 the optimum is ∝ exp(E/c), E = a·R + b·log p, of which a normalisation s changes the share "
        "(b − c)·log p alone; J* = c·log Z and J* − J(q) = c·KL(q‖q*). With c = 0 "
        "the objective is linear: every distribution on the argmax of a·R + b·log p is optimal, finite logits never "
        "get there, and the optimum jumps at ties.",
        pd.DataFrame(rows + face_rows + tie_rows),
        {
            "Distance from the optimum is a divergence": gaps,
            "Without entropy the optimum needs infinite logits": approach,
            "Without entropy the optimum jumps at a tie": ties,
        },
    )


def _entropic_objectives(task: Task, seed: int) -> tuple[list[Row], pd.DataFrame]:
    """c > 0: the optimal value, and the gap of other policies from it."""
    others = [task.log_probabilities(random_policy(seed + 1 + i, task.completions.vocabulary, 0.3)) for i in range(4)]
    gaps, rows = [], []
    for name, objective in OBJECTIVES.items():
        if objective.policy == 0:
            continue
        best = objective.optimum(task.correct, task.log_p, task.completions.lengths)
        star = optimal_value(objective, task.log_p, task.correct, task.completions)
        no_entropy = torch.zeros_like(task.log_p)
        energy = objective.reward(task.correct.double(), task.log_p, no_entropy, task.completions.lengths)
        log_z = (energy / objective.policy).logsumexp(dim=-1)
        rows.append(claim(f"J* − c·log Z, {name}", (star - objective.policy * log_z).abs().max().item(), "=", 0))
        for log_q in others:
            gap = star - objective_value(objective, log_q, task.log_p, task.correct, task.completions)
            price = objective.policy * kl_divergence(log_q, best)
            gaps.append(pd.DataFrame({"c·KL(q‖q*)": price, "J* − J(q)": gap, "objective": name}))
    table = pd.concat(gaps, ignore_index=True)
    worst = (table["J* − J(q)"] - table["c·KL(q‖q*)"]).abs().max()
    return [*rows, claim("J* − J(q) − c·KL(q‖q*), every objective, prompt and policy", worst, "=", 0)], table


def _linear_objectives(task: Task) -> tuple[list[Row], pd.DataFrame]:
    """c = 0: the value of softmax(λ·energy) rises to the maximum and attains it for no finite λ."""
    points = []
    for name in ("task reward", "sharpening"):
        objective = OBJECTIVES[name]
        energy = objective.task * task.correct.double() + objective.reference * task.log_p
        for scale in (1.0, 2.0, 4.0, 8.0, 16.0):
            gap = expectation((scale * energy).log_softmax(dim=-1), energy.amax(dim=-1, keepdim=True) - energy)
            points.append({"λ": scale, "J* − J(q)": gap.mean().item(), "objective": name})
    approach = pd.DataFrame(points)
    objective = OBJECTIVES["task reward"]
    face = torch.where(task.correct, task.log_p, -torch.inf).log_softmax(dim=-1)
    value = objective_value(objective, face, task.log_p, task.correct, task.completions)
    gaps = approach.groupby("objective")["J* − J(q)"]
    return [
        claim("c = 0: p restricted to the correct completions is optimal too", value.min().item(), "=", 1),
        claim("c = 0: the gap of softmax(λ·energy) at λ = 16 has not closed", gaps.last().min(), "≠", 0, 0),
        claim("c = 0: the gap falls as λ grows", gaps.diff().max(), "≤", 0),
    ], approach


def _ties() -> tuple[list[Row], pd.DataFrame]:
    """Two modes 0.4 ± ε and 0.4 ∓ ε: sharpening without and with an entropy term."""
    objectives = {
        "sharpening (c = 0)": Objective.named("sharpening"),
        "tempered (α = 2)": Objective.named("tempered", alpha=2),
    }
    points = []
    for epsilon in torch.linspace(-0.05, 0.05, 41, dtype=torch.float64).tolist():
        log_p = torch.tensor([0.4 + epsilon, 0.4 - epsilon, 0.2], dtype=torch.float64).log()
        for name, objective in objectives.items():
            log_q = objective.optimum(torch.zeros(3), log_p, torch.ones(3))
            points.append({"ε": epsilon, "optimal mass of the first mode": log_q[0].exp().item(), "objective": name})
    ties = pd.DataFrame(points)
    jump = ties.groupby("objective")["optimal mass of the first mode"].agg(lambda mass: mass.diff().abs().max())
    return [
        claim("c = 0: the optimum jumps by ½ twice where two modes tie", jump["sharpening (c = 0)"], "=", 0.5),
        claim("c > 0: the optimum moves smoothly there", jump["tempered (α = 2)"], "≤", 0.02),
    ], ties
