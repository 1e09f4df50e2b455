"""pass@k and maj@k: what k samples of a problem are worth, exactly, from the n that were drawn."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike


def pass_at_k(n_samples: ArrayLike, n_correct: ArrayLike, k: ArrayLike) -> np.ndarray:
    """The chance that k of the n samples, drawn without replacement, hold a correct one.

    1 − C(n − c, k) / C(n, k), the unbiased estimator of Chen et al., *Evaluating Large Language
    Models Trained on Code* (arXiv 2107.03374), as a product of k factors so that nothing overflows.

    Args:
        n_samples: n, samples drawn for each problem, at least 1.
        n_correct: c, how many of them are correct, 0 to n.
        k: samples allowed, 1 to n.

    Returns:
        Values in [0, 1], of the shape the three arguments broadcast to.

    Raises:
        ValueError: if n, c and k are not whole numbers with c in 0..n and k in 1..n; the first offending are named.
    """
    n, c, k = np.broadcast_arrays(np.asarray(n_samples), np.asarray(n_correct), np.asarray(k))
    in_range = (c >= 0) & (c <= n) & (k >= 1) & (k <= n)  # false for NaN
    wrong = ~(in_range & (n % 1 == 0) & (c % 1 == 0) & (k % 1 == 0))
    if wrong.any():
        raise ValueError(
            f"pass@k needs whole numbers with 0 <= n_correct <= n_samples and 1 <= k <= n_samples; "
            f"got n_samples={n[wrong][0]}, n_correct={c[wrong][0]}, k={k[wrong][0]}"
        )
    all_wrong = np.ones(n.shape)
    for drawn in range(int(k.max(initial=0))):
        all_wrong = np.where(drawn < k, all_wrong * (1 - c / np.maximum(n - drawn, 1)), all_wrong)
    return 1 - all_wrong


def maj_at_k(answers: Sequence[str | None] | np.ndarray, correct: Sequence[bool] | np.ndarray, k: int) -> float:
    """The chance that a majority vote of k of one problem's samples, drawn without replacement, is right.

    Exact, no Monte Carlo. The most frequent answer wins; a tie is settled by a fair draw among the
    tied answers; if every drawn sample abstains the vote is wrong.

    Args:
        answers: canonical answer of each sample; None (or NaN) abstains.
        correct: whether each sample is correct; the same for all samples with the same answer.
        k: votes drawn, 1 to n.

    Raises:
        ValueError: if the lengths differ, k is not a whole number in 1..n, a verdict is missing, or one answer is
            both correct and wrong.
    """
    if len(answers) != len(correct):
        raise ValueError(f"maj@k needs one verdict an answer; got {len(answers)} answers, {len(correct)} verdicts")
    if not (1 <= k <= len(answers) and k % 1 == 0):
        raise ValueError(f"maj@k needs a whole number 1 <= k <= n_samples; got n_samples={len(answers)}, k={k}")
    if pd.isna(np.asarray(correct)).any():  # NaN would count as true
        raise ValueError("maj@k needs a verdict, true or false, for every answer; some are missing")
    votes = Counter((answer, bool(ok)) for answer, ok in zip(answers, correct, strict=True) if not pd.isna(answer))
    disputed = [answer for answer, ok in votes if ok and (answer, False) in votes]
    if disputed:
        raise ValueError(f"answer {disputed[0]!r} is graded both correct and wrong; a vote needs one verdict an answer")
    sizes = np.array([[*votes.values()]], dtype=int)
    is_right = np.array([[ok for _, ok in votes]], dtype=bool)
    return float(majorities(sizes, is_right, np.array([len(answers)]), [int(k)])[0, 0])


def majorities(sizes: np.ndarray, right: np.ndarray, n_samples: np.ndarray, ks: Sequence[int]) -> np.ndarray:
    """maj@k of many problems at once, (K, G), from how often each answer was given; NaN where k exceeds the samples.

    Problems whose answers were given equally often share their value, and are computed once.

    Args:
        sizes: samples that gave each of a problem's answers, (G, C), 0 to fill up; samples that gave none abstain.
        right: whether the answer is correct, (G, C).
        n_samples: samples of each problem, (G,).
        ks: votes drawn, (K,).
    """
    profiles = np.sort(np.where(right, sizes, -sizes), axis=1)[:, ::-1]  # right answers first, the frequent before
    first, problem = _distinct_rows(np.column_stack([n_samples, profiles]))
    profiles, n_samples = profiles[first], n_samples[first]
    values = np.full((len(ks), len(profiles)), np.nan)
    for n in np.unique(n_samples):
        rows = np.flatnonzero(n_samples == n)
        for chunk in np.array_split(rows, len(rows) // 4096 + 1):
            for number, k in enumerate(ks):
                values[number, chunk] = _majorities(profiles[chunk], int(n), int(k)) if k <= n else np.nan
    return values[:, problem]


def _distinct_rows(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where each different row of whole numbers stands first, and which of them each row is; by hashing."""
    codes = np.zeros(len(rows), dtype=np.int64)
    for column in rows.T:
        if column.any():
            codes = pd.factorize(codes * (np.ptp(column) + 1) + column - column.min())[0]
    return np.unique(codes, return_index=True)[1], codes


def _majorities(signed: np.ndarray, n: int, k: int) -> np.ndarray:
    """maj@k of problems with n samples from the sizes of their answer classes (M, C), wrong ones negative.

    The drawn counts are multivariate hypergeometric, which is what independent binomials with success probability
    k/n become once their total is known to be k; binomials keep every number below 1. A right class that takes t of
    the k votes wins if no other takes more, and wins 1/(1 + ties) of the draws in which others take t too; since
    1/(1 + ties) = ∫ z^ties dz over [0, 1], every class is a polynomial in the votes it takes, z marks a tie, and
    Gauss and Legendre's nodes make the integral exact.
    """
    from scipy.stats import binom

    sizes = np.abs(signed)
    largest = int(max(sizes.max(initial=0), (n - sizes.sum(axis=1)).max()))
    chances = binom.pmf(np.arange(k + 1), np.arange(largest + 1)[:, None], k / n)  # (size, votes)
    abstaining = chances[n - sizes.sum(axis=1)]
    wins = np.zeros(len(sizes))
    for own in range(int((signed > 0).sum(axis=1).max(initial=0))):
        mine = signed[:, own] > 0
        for top in range(1, min(k, int(sizes[mine, own].max())) + 1):
            rows = np.flatnonzero(mine & (sizes[:, own] >= top))
            others = np.delete(sizes[rows], own, axis=1)
            wins[rows] += chances[sizes[rows, own], top] * _no_other_above(
                others, top, k - top, chances, abstaining[rows]
            )
    return np.minimum(wins / binom.pmf(k, n, k / n), 1.0)


def _no_other_above(sizes: np.ndarray, top: int, left: int, chances: np.ndarray, abstaining: np.ndarray) -> np.ndarray:
    """Chance (M,) that the others (M, C) take ``left`` votes, none over ``top``, each tie weighing as its share."""
    nodes, weights = np.polynomial.legendre.leggauss(left // top // 2 + 1)
    tie = (nodes + 1) / 2
    mass = np.repeat(abstaining[:, None, : left + 1], len(tie), axis=1)  # (M, nodes, votes)
    for size in sizes.T:
        given = np.flatnonzero(size)
        before, after = mass[given], np.zeros((len(given), *mass.shape[1:]))
        for votes in range(min(top, left) + 1):
            chance = chances[size[given], votes][:, None, None] * (tie[:, None] if votes == top else 1.0)
            after[..., votes:] += chance * before[..., : left + 1 - votes]
        mass[given] = after
    return mass[..., left] @ weights / 2
