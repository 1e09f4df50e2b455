"""How far a policy went from its base, in nats, and along what: the chain rule of KL through correctness.

With u = log q − log p and the outcome C (right or wrong),

    KL(q‖p) = E_q[u] = kl(A_q‖A_0) + Σ_C q(C) · KL(q(·|C) ‖ p(·|C))
    KL(q(·|C) ‖ p(·|C)) = E_q[u | C] + log E_q[e^{−u} | C]

so that all parts come from the policy's own samples, without the base's rate of success: E_q[e^{−u} | C] is p(C)/q(C)
where q covers p. Source: chain rule of relative entropy (Cover and Thomas, theorem 2.5.3); derived in
``docs/statistics.md``.
"""

from __future__ import annotations

import numpy as np

from beyond_sharpening.analysis.mechanisms.draws import Draws
from beyond_sharpening.analysis.mechanisms.groups import Array, log_mean_exp, means, ratio_of_means, sums


def chain_rule(draws: Draws, alpha: float = 1.0) -> dict[str, Array]:
    """Parts of KL(q ‖ p^α) of each problem, (P,): ``kl``, ``kl_right``, ``kl_wrong``, ``kl_tilt``, in nats.

    ``kl_right`` and ``kl_wrong`` are the within parts, weighed by q(C), ``kl_tilt`` is what is left: kl(A_q‖A_0). The
    logarithm of the mean is jackknifed. ``kl`` with α = 1 alone is a divergence from p; otherwise only the within
    parts mean something, since p^α is not normalised. NaN where a log-probability is unknown.
    """
    u = draws.log_q - alpha * draws.log_p
    n_problems = draws.n_problems
    kl = means(draws.problem, u, n_problems)
    stratum = 2 * draws.problem + draws.right
    share = np.bincount(stratum, minlength=2 * n_problems) / np.repeat(draws.n_samples, 2)
    with np.errstate(invalid="ignore"):
        within = means(stratum, u, 2 * n_problems) + log_mean_exp(stratum, -u, 2 * n_problems)
    weighted = np.where(share > 0, share * within, 0.0).reshape(-1, 2)
    wrong, right = weighted[:, 0], weighted[:, 1]
    return {"kl": kl, "kl_right": right, "kl_wrong": wrong, "kl_tilt": kl - right - wrong}


def efficiency(parts: dict[str, Array]) -> Array:
    """Pseudo-values (P,) of η = 1 − within / KL, the share of KL that bought a change of accuracy."""
    return 1 - ratio_of_means(parts["kl_right"] + parts["kl_wrong"], parts["kl"])


def residual(draws: Draws, alpha: float) -> Array:
    """KL (P,) from the policy to the member of the family p^α · e^{βR} nearest to it: what α and β leave, in nats.

    The within parts of the chain rule after log p → α·log p; β may differ from problem to problem.
    """
    parts = chain_rule(draws, alpha)
    return parts["kl_right"] + parts["kl_wrong"]


def covered(draws: Draws) -> Array:
    """E_q[p/q] of each problem, (P,): 1 where the policy still reaches all of the base's mass, else less."""
    with np.errstate(over="ignore"):
        return means(draws.problem, np.exp(np.minimum(draws.log_p - draws.log_q, 700)), draws.n_problems)


def base_rate(draws: Draws) -> Array:
    """A_0 of each problem, (P,), by importance weights from the policy's samples: E_q[R · p/q].

    Thousands of times finer than 1/n of the base's own n samples. Self-normalised where the weights add up to less
    than 0.9, where q does not cover p and the plain mean would be too small.
    """
    reached = covered(draws)
    with np.errstate(over="ignore"):
        weight = np.exp(np.minimum(draws.log_p - draws.log_q, 700))
    plain = sums(draws.problem, weight * draws.right, draws.n_problems) / draws.n_samples
    return np.where(reached < 0.9, plain / reached, plain)
