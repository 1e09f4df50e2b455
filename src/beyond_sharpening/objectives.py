"""The objectives: one reward, three coefficients, and the optimum each has in closed form.

For a prompt x and a completion y,

    r(x, y) = a · R(x, y) + b · log π_ref(y|x) − c · log π_θ(y|x)

with the verified task reward R in {0, 1}, the frozen start model π_ref, and the policy π_θ that sampled y.
Log-probabilities are sums over the completion's tokens, EOS included, prompt excluded, at sampling temperature 1.

Maximising E[r] over y ~ π_θ maximises E[a·R + b·log π_ref] + c·H(π_θ), so that

    c > 0:  π*(y|x) ∝ π_ref(y|x)^(b/c) · exp(a·R(x, y)/c)
    c = 0:  all mass on argmax_y  a·R(x, y) + b·log π_ref(y|x)

A normalisation s takes the length out of what sharpens, and leaves the anchor, −c·KL(π_θ‖π_ref), as it is:

    r(x, y) = a · R(x, y) + (b − c) · s(log π_ref(y|x)) + c · (log π_ref(y|x) − log π_θ(y|x))

so that π* ∝ π_ref · exp((a·R + (b − c)·s(log π_ref))/c). The sum, s(l) = l, is the reward above; where b = c, at α = 1,
nothing is left to normalise.

``OBJECTIVES`` is the table of them: a row is all that the project knows of one.

Source: Mittal, Gagnon, Lajoie, *Beyond Distribution Sharpening* (arXiv 2604.16259).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar

from typing_extensions import TypedDict  # pydantic needs this one before Python 3.12

if TYPE_CHECKING:
    import numpy as np
    import torch

    Array = TypeVar("Array", torch.Tensor, np.ndarray)


class LengthPower(TypedDict):
    """Divide log π_ref by length^w: w = 0 is the sum, w = 1 the mean."""

    length_power: float


Normalisation = Literal["sum", "mean"] | LengthPower


@dataclass(frozen=True)
class Objective:
    """The coefficients (a, b, c) of the reward and the normalisation of log π_ref.

    Attributes:
        task: a, the weight of the verified task reward R.
        reference: b, the weight of log π_ref.
        policy: c, the weight of −log π_θ; 0 means no entropy term.
        normalisation: s, ``"sum"``, ``"mean"`` or ``{"length_power": w}``, of the share b − c of log π_ref.
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
    def named(cls, name: str, *, normalisation: Normalisation = "sum", **parameters: float) -> Self:
        """Build an objective of the table from its own parameters; those left out have their defaults.

        ``Objective.named("tilted", alpha=2, beta=100)``. The same call suits all: a parameter that only other
        objectives take has no effect.

        Raises:
            ValueError: for an unknown name or parameter, or a value that is not allowed.
        """
        if name not in OBJECTIVES:
            raise ValueError(f"unknown objective {name!r}; known: {', '.join(OBJECTIVES)}")
        for key, value in parameters.items():
            if key not in PARAMETERS:
                raise ValueError(f"no objective takes {key} = {value!r}; known: {', '.join(PARAMETERS)}")
            PARAMETERS[key].check(value)
        row = OBJECTIVES[name]
        values = {parameter.name: parameters.get(parameter.name, parameter.default) for parameter in row.parameters}
        task, reference, policy = map(float, row.coefficients(**values))
        return cls(task, reference, policy, normalisation)

    @property
    def is_null(self) -> bool:
        """Whether π_ref itself is the optimum: training must change nothing."""
        return self.task == 0 and self.reference == self.policy

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
        """a·R + (b − c)·s(log π_ref) + c·log π_ref: what the optimum concentrates on."""
        if self.reference == 0:  # not 0·log π_ref, which is NaN outside π_ref's support
            return self.task * task_reward
        sharpening = self.reference - self.policy
        if self.normalisation == "sum" or sharpening == 0:
            return self.task * task_reward + self.reference * logp_reference
        power = 1.0 if self.normalisation == "mean" else self.normalisation["length_power"]
        normalised = sharpening * (logp_reference / n_tokens**power)
        if self.policy == 0:
            return self.task * task_reward + normalised
        return self.task * task_reward + normalised + self.policy * logp_reference


@dataclass(frozen=True)
class Parameter:
    """A number that an objective's coefficients are made of.

    Attributes:
        name: as it is asked for, ``train.tilted.alpha``.
        default: where nothing is asked for.
        about: what it is.
        above: it is greater than this,
        most: and at most this.
    """

    name: str
    default: float
    about: str
    above: float = 0.0
    most: float = math.inf

    def check(self, value: float) -> None:
        """Raise a ``ValueError`` for a value that is not allowed."""
        if not (self.above < value <= self.most and math.isfinite(value)):
            bound = f" and at most {self.most:g}" if math.isfinite(self.most) else ""
            raise ValueError(f"{self.name} must be greater than {self.above:g}{bound}; got {value!r}")


@dataclass(frozen=True)
class NamedObjective:
    """A row of the table: all that the project knows of an objective.

    Pipelines, parameters, axes of a sweep, catalog, families of contrasts, and the report's words and looks follow.

    Attributes:
        coefficients: (a, b, c) as a function of the parameters, by name.
        words: what a policy is trained for by it, as the report says it.
        label: its name in figures and tables.
        colour: of its lines and marks,
        marker: which repeats what the colour says.
        parameters: what its coefficients are made of.
        normalised: whether a normalisation of log π_ref changes it.
        role: ``primary`` is part of the experiment and of its primary contrasts; a ``control`` is trained when it is
            asked for.
    """

    coefficients: Callable[..., tuple[float, float, float]]
    words: str
    label: str
    colour: str
    marker: str
    parameters: tuple[Parameter, ...] = ()
    normalised: bool = False
    role: Literal["primary", "control"] = "primary"

    @property
    def takes(self) -> tuple[str, ...]:
        """The names of what it may be told of its own, in the order in which they name a cell."""
        return (*(parameter.name for parameter in self.parameters), *(("normalisation",) if self.normalised else ()))

    @property
    def is_told(self) -> bool:
        """Whether the training is told what is right: its reward has R in it."""
        return self.coefficients(**{parameter.name: parameter.default for parameter in self.parameters})[0] > 0

    def own(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """What of a block of parameters are this objective's own."""
        return {name: given[name] for name in self.takes if name in given}


ALPHA = Parameter("alpha", 2.0, "Exponent of π_ref.", most=100)
BETA = Parameter("beta", 100.0, "Weight of the task reward against KL.")

# Colours are Okabe and Ito's, told apart with any colour vision.
OBJECTIVES: Mapping[str, NamedObjective] = {
    # R alone: right answers.
    "task_reward": NamedObjective(
        lambda: (1, 0, 0),
        "trained to give right answers, and for nothing else.",
        label="Task reward",
        colour="#0072B2",
        marker="s",
    ),
    # α·log π_ref: the start model's most likely completion.
    "sharpening": NamedObjective(
        lambda alpha: (0, alpha, 0),
        "trained to give the answers that the base model already finds most likely.",
        label="Sharpening",
        colour="#D55E00",
        marker="^",
        parameters=(ALPHA,),
        normalised=True,
    ),
    # α·log π_ref − log π_θ: ∝ π_ref^α, amortised sampling from the sharpened distribution.
    "tempered": NamedObjective(
        lambda alpha: (0, alpha, 1),
        "trained to answer like the base model with its preferences made stronger.",
        label="Tempered sampling",
        colour="#CC79A7",
        marker="v",
        parameters=(ALPHA,),
        normalised=True,
    ),
    # R + (α/β)·log π_ref − (1/β)·log π_θ: ∝ π_ref^α·exp(β·R); α = 1 is KL-regularised task reward.
    "tilted": NamedObjective(
        lambda alpha, beta: (1, alpha / beta, 1 / beta),
        "trained for both: right answers, among those that the base model finds likely.",
        label="Tilted sampling",
        colour="#009E73",
        marker="D",
        parameters=(ALPHA, BETA),
        normalised=True,
    ),
    # log π_ref − log π_θ: π_ref itself.
    "null_control": NamedObjective(
        lambda: (0, 1, 1),
        "trained with a reward that the base model already maximises. It must change nothing: it measures the bias of "
        "the training itself.",
        label="Null control",
        colour="#E69F00",
        marker="P",
        role="control",
    ),
}
"""Every objective, in the order of the paper. A new one is a row here."""

PRIMARY = tuple(name for name, row in OBJECTIVES.items() if row.role == "primary")
"""The objectives of the experiment."""

PARAMETERS: Mapping[str, Parameter] = {
    parameter.name: parameter for row in OBJECTIVES.values() for parameter in row.parameters
}
"""Every parameter of some objective, by name."""


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
