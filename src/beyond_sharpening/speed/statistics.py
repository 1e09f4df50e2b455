"""pass@k and maj@k of a million samples, against plain loops over problems: exact ones, and the paper's draws."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import pandas as pd

from beyond_sharpening.analysis import maj_at_k, pass_at_k
from beyond_sharpening.analysis.contract import ONE_COMPLETION
from beyond_sharpening.analysis.solve_rates import problem_table
from beyond_sharpening.speed.contest import Contest

KS = (1, 2, 4, 8, 16)
SAMPLES = 16
PEER_PROBLEMS = 50
DRAWS = 1000
"""Of the paper's evaluation, for each problem and k."""

Problem = tuple[list[str], list[bool]]


def contests(n_problems: int) -> list[Contest]:
    """Samples a second; the loops do a few of the problems, each as long as any other."""
    table = _samples(n_problems)
    few = [_problem(rows) for _, rows in table.head(PEER_PROBLEMS * SAMPLES).groupby("problem_id", sort=False)]
    told = (
        f"{len(table)} samples of {n_problems} problems, k of {', '.join(map(str, KS))}; the peer {len(few)} problems"
    )
    peers: dict[str, Callable[[Problem, int], object]] = {
        "one problem at a time": _exactly,
        "1000 draws a problem": _by_draws,
    }
    return [
        Contest(f"pass@k and maj@k, {words}", "samples/s", told, partial(_ours, table), partial(_loop, few, peer))
        for words, peer in peers.items()
    ]


def _samples(n_problems: int) -> pd.DataFrame:
    """Six answers of different weight a problem, the first of them right."""
    rng = np.random.default_rng(0)
    weights = np.cumsum(rng.dirichlet(np.ones(6), n_problems), axis=1)
    problem = np.repeat(np.arange(n_problems), SAMPLES)
    answer = (rng.random(len(problem))[:, None] > weights[problem]).sum(axis=1)
    names = dict.fromkeys([name for name in ONE_COMPLETION if name not in ("problem_id", "sample_id")], "one")
    table = pd.DataFrame({"problem_id": problem, "answer": np.char.mod("%d", answer), "correct": answer == 0})
    sample_id = np.tile(np.arange(SAMPLES), n_problems)
    return table.assign(**names | {"train_seed": 0, "replicate": 0}, sample_id=sample_id)


def _problem(rows: pd.DataFrame) -> Problem:
    return rows["answer"].tolist(), rows["correct"].tolist()


def _ours(table: pd.DataFrame) -> int:
    problem_table(table, KS)
    return len(table)


def _loop(problems: list[Problem], solve: Callable[[Problem, int], object]) -> int:
    for problem in problems:
        for k in KS:
            solve(problem, k)
    return sum(len(answers) for answers, _ in problems)


def _exactly(problem: Problem, k: int) -> tuple[float, float]:
    answers, correct = problem
    return float(pass_at_k(len(answers), sum(correct), k)), maj_at_k(answers, correct, k)


def _by_draws(problem: Problem, k: int) -> tuple[float, float]:
    answers, correct = problem
    right, wins = {answer for answer, ok in zip(answers, correct, strict=True) if ok}, 0
    for drawn in _draws(len(answers), k):
        (answer, _), *_ = Counter(answers[place] for place in drawn).most_common(1)
        wins += answer in right
    return float(pass_at_k(len(answers), sum(correct), k)), wins / DRAWS


def _draws(n: int, k: int) -> Iterator[np.ndarray]:
    rng = np.random.default_rng(0)
    for _ in range(DRAWS):
        yield rng.permutation(n)[:k]
