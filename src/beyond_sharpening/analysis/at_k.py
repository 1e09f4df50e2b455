"""pass@k and maj@k: what k samples of a problem are worth, exactly, from the n that were drawn."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
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
    right = tuple(sorted(count for (_, ok), count in votes.items() if ok))
    wrong = tuple(sorted(count for (_, ok), count in votes.items() if not ok))
    return _vote_is_right(right, wrong, len(answers) - sum(right) - sum(wrong), int(k))


@lru_cache(maxsize=2**16)
def _vote_is_right(right: tuple[int, ...], wrong: tuple[int, ...], abstained: int, k: int) -> float:
    """maj@k from the sizes of the answer classes: problems share few distinct ones, hence the cache.

    The drawn counts are multivariate hypergeometric, which is what independent binomials with success
    probability k/n become once their total is known to be k; binomials keep every number below 1.
    """
    from scipy.stats import binom

    sizes = np.array([*right, *wrong, abstained])
    chances = binom.pmf(np.arange(k + 1), sizes[:, None], k / sizes.sum())
    classes = [*zip(sizes, chances, strict=True)]
    wins = 0.0
    for own, (size, own_chances) in enumerate(classes[: len(right)]):
        others = classes[:own] + classes[own + 1 : -1]
        for top in range(1, min(size, k) + 1):
            rest = _others_at_most(top, others, chances[-1])[k - top]
            wins += own_chances[top] * (rest / np.arange(1, len(rest) + 1)).sum()
    return min(float(wins / binom.pmf(k, sizes.sum(), k / sizes.sum())), 1.0)


def _others_at_most(top: int, others: list[tuple[int, np.ndarray]], abstaining: np.ndarray) -> np.ndarray:
    """Chances (k + 1, T) that abstentions and other classes take d draws, none over ``top``, t of them at ``top``."""
    mass = np.zeros((len(abstaining), 1 + sum(size >= top for size, _ in others)))
    mass[:, 0] = abstaining
    for size, chances in others:
        added = np.zeros_like(mass)
        for votes in range(min(size + 1, top)):
            added[votes:] += chances[votes] * mass[: len(mass) - votes]
        if size >= top:
            added[top:, 1:] += chances[top] * mass[: len(mass) - top, :-1]
        mass = added
    return mass
