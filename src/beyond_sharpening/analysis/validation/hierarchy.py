"""Solve rates from a known hierarchy: problems, training seeds, their interaction, and draws."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from beyond_sharpening.analysis.at_k import pass_at_k
from beyond_sharpening.analysis.solve_rates import SolveRates

Array = np.ndarray


@dataclass(frozen=True)
class Hierarchy:
    """logit of a solve rate = level + problem + seed + interaction + effect, all normal.

    Attributes:
        level: logit of a median problem's rate.
        problems: standard deviation of problems, in logits.
        seeds: standard deviation of a training seed's mean accuracy, in points of accuracy.
        interaction: standard deviation of (seed, problem), in logits.
        n_problems, n_seeds, n_samples: what is drawn.
    """

    level: float = 0.0
    problems: float = 1.5
    seeds: float = 0.0
    interaction: float = 0.0
    n_problems: int = 200
    n_seeds: int = 1
    n_samples: int = 16

    @property
    def logits_a_point(self) -> float:
        """How many logits move mean accuracy by one point, to first order."""
        rates = expit(self.level + self.problems * _NORMAL)
        return 0.01 / float((rates * (1 - rates)).mean())

    def difficulty(self, rng: np.random.Generator) -> Array:
        """A benchmark: the logits of its problems, (P,), shared by all arms."""
        return self.level + self.problems * rng.standard_normal(self.n_problems)

    def chances(self, difficulty: Array, rng: np.random.Generator) -> Array:
        """The rates of an arm's training seeds on the problems, (S, P)."""
        seeds = self.seeds * self.logits_a_point * rng.standard_normal((self.n_seeds, 1))
        return expit(difficulty + seeds + self.interaction * rng.standard_normal((self.n_seeds, len(difficulty))))

    def draw(self, difficulty: Array, rng: np.random.Generator, k: int = 1) -> SolveRates:
        """Counts of one arm as pass@k of each seed and problem."""
        correct = rng.binomial(self.n_samples, self.chances(difficulty, rng))
        values = pass_at_k(self.n_samples, correct, k)
        samples = np.full(values.shape, self.n_samples)
        return SolveRates(values, samples, np.arange(values.shape[1]), deterministic=False)

    def expected(self, k: int = 1, difficulty: Array | None = None) -> float:
        """The true mean of pass@k: over problems like these, or over the problems given."""
        if difficulty is None:
            spread = np.hypot(np.hypot(self.problems, self.seeds * self.logits_a_point), self.interaction)
            logits = self.level + spread * _NORMAL
        else:
            others = np.hypot(self.seeds * self.logits_a_point, self.interaction)
            logits = difficulty[:, None] + others * _NORMAL[::50]
        return float((1 - (1 - expit(logits)) ** k).mean())


def _normal_quantiles(n: int = 20001) -> Array:
    from scipy.special import ndtri

    return ndtri((np.arange(n) + 0.5) / n)


_NORMAL = _normal_quantiles()
