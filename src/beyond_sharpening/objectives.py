"""The objectives: one reward, three coefficients, and the optimum each has in closed form.

For a prompt x and a completion y,

    r(x, y) = a · R(x, y) + b · s(log π_ref(y|x)) − c · log π_θ(y|x)

with the verified task reward R in {0, 1}, the frozen start model π_ref, the policy π_θ that sampled y,
and a normalisation s that is the identity unless asked otherwise. Log-probabilities are sums over the
completion's tokens, EOS included, prompt excluded, at sampling temperature 1.

Maximising E[r] over y ~ π_θ maximises E[a·R + b·s(log π_ref)] + c·H(π_θ), so that

    c > 0:  π*(y|x) ∝ exp((a·R(x, y) + b·s(log π_ref(y|x))) / c)
    c = 0:  all mass on argmax_y  a·R(x, y) + b·s(log π_ref(y|x))

Source: Mittal, Gagnon, Lajoie, *Beyond Distribution Sharpening* (arXiv 2604.16259).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self, TypeVar

from typing_extensions import TypedDict  # pydantic needs this one before Python 3.12

if TYPE_CHECKING:
    import numpy as np
    import torch

    Array = TypeVar("Array", torch.Tensor, np.ndarray)


class LengthPower(TypedDict):
    """Divide log π_ref by length^w: w = 0 is the sum, w = 1 the mean."""

    length_power: float


Normalisation = Literal["sum", "mean"] | LengthPower
ObjectiveName = Literal["task_reward", "sharpening", "tempered", "tilted", "null_control"]


@dataclass(frozen=True)
class Objective:
    """The coefficients (a, b, c) of the reward and the normalisation of log π_ref.

    Attributes:
        task: a, the weight of the verified task reward R.
        reference: b, the weight of log π_ref.
        policy: c, the weight of −log π_θ; 0 means no entropy term.
        normalisation: ``"sum"``, ``"mean"`` or ``{"length_power": w}``; it touches log π_ref only.
    """

    task: float
    reference: float
    policy: float
    normalisation: Normalisation = "sum"

    def __post_init__(self) -> None:
        coefficients = (self.task, self.reference, self.policy)
        if not all(math.isfinite(value) and value >= 0 for value in coefficients) or not any(coefficients):
            raise ValueError(f"objective coefficients must be finite, at least 0 and not all 0; got {coefficients}")
        check_normalisation(self.normalisation)

    @classmethod
    def named(
        cls, name: ObjectiveName, alpha: float = 2.0, beta: float = 100.0, normalisation: Normalisation = "sum"
    ) -> Self:
        """Build one of the paper's objectives from its own parameters.

        ``alpha`` sharpens (π_ref^α) and ``beta`` tilts (exp(β·R)); objectives that have no such
        parameter ignore it.

        Raises:
            ValueError: for an unknown name, or an alpha or beta that is not positive.
        """
        if not (alpha > 0 and beta > 0):
            raise ValueError(f"alpha and beta must be positive; got alpha={alpha}, beta={beta}")
        coefficients = {
            "task_reward": (1.0, 0.0, 0.0),
            "sharpening": (0.0, alpha, 0.0),
            "tempered": (0.0, alpha, 1.0),
            "tilted": (1.0, alpha / beta, 1.0 / beta),
            "null_control": (0.0, 1.0, 1.0),
        }
        if name not in coefficients:
            raise ValueError(f"unknown objective {name!r}; known: {', '.join(coefficients)}")
        return cls(*coefficients[name], normalisation=normalisation)

    def reward(self, task_reward: Array, logp_reference: Array, logp_policy: Array, n_tokens: Array) -> Array:
        """The reward r of each completion; all arguments broadcast to one shape, and so does the result.

        Args:
            task_reward: R, in {0, 1}.
            logp_reference: log π_ref(y|x), in nats.
            logp_policy: log π_θ(y|x) at the sampling policy, detached: it carries no gradient.
            n_tokens: completion lengths, EOS included.
        """
        energy = self._energy(task_reward, logp_reference, n_tokens)
        return energy - self.policy * logp_policy if self.policy else energy

    def optimum(self, task_reward: Array, logp_reference: Array, n_tokens: Array) -> torch.Tensor:
        """Log-probabilities (..., Y) of the optimal policy over all completions Y of a prompt, as a tensor.

        With c = 0 every distribution on the argmax is optimal; the uniform one is returned, the limit
        of c → 0. Completions outside π_ref's support stay outside.

        Args:
            task_reward: R of every completion, (..., Y).
            logp_reference: log π_ref of every completion, (..., Y).
            n_tokens: lengths of every completion, (..., Y).

        Raises:
            ValueError: for a π_ref with NaN or no mass.
        """
        import torch

        logp = torch.as_tensor(logp_reference)
        _check_mass(logp)
        energy = self._energy(torch.as_tensor(task_reward).to(logp.dtype), logp, torch.as_tensor(n_tokens))
        energy = torch.where(logp.isneginf(), -math.inf, energy)
        if self.policy > 0:
            return torch.log_softmax(energy / self.policy, dim=-1)
        maximum = energy.amax(dim=-1, keepdim=True)
        ties = torch.isclose(energy, maximum, rtol=1e-12, atol=1e-12)
        return torch.where(ties, -ties.sum(dim=-1, keepdim=True).to(energy.dtype).log(), -math.inf)

    def _energy(self, task_reward: Array, logp_reference: Array, n_tokens: Array) -> Array:
        """a·R + b·s(log π_ref): what the optimum concentrates on."""
        if self.reference == 0:  # not 0·log π_ref, which is NaN outside π_ref's support
            return self.task * task_reward
        if self.normalisation == "sum":
            normalised = logp_reference
        else:
            power = 1.0 if self.normalisation == "mean" else self.normalisation["length_power"]
            normalised = logp_reference / n_tokens**power
        return self.task * task_reward + self.reference * normalised


def check_normalisation(value: object) -> None:
    """Raise a ``ValueError`` for what is no normalisation of log π_ref."""
    if value in ("sum", "mean"):
        return
    power = value["length_power"] if isinstance(value, Mapping) and set(value) == {"length_power"} else None
    if not isinstance(power, int | float) or not math.isfinite(power):
        raise ValueError(f"normalisation must be sum, mean or {{length_power: w}} with a finite w; got {value!r}")


def _check_mass(logp_reference: torch.Tensor) -> None:
    broken = ~logp_reference.logsumexp(dim=-1).isfinite()
    if broken.any():
        rows = broken.nonzero().tolist()
        raise ValueError(f"π_ref has NaN, infinite or no mass over all completions of the prompt(s) at {rows}")
