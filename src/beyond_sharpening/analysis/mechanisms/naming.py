"""What a training did, in one of nine names: the rule, its thresholds, and the numbers that decide.

The order matters: problems beyond the base first, then size, then fit, then direction. α counts by nats (what it is
worth), β by log-odds, since R carries one bit and log p hundreds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from beyond_sharpening.analysis.mechanisms.intervals import Estimate

Name = Literal[
    "beyond",
    "no change",
    "outside the family",
    "sharpening and tilt",
    "sharpening",
    "tilt",
    "flattening",
    "tilt away",
    "undetermined",
]

EXPLAINED: dict[Name, str] = {
    "beyond": "It solves problems that the base practically cannot, however often one draws.",
    "no change": "It does what the base does.",
    "outside the family": "It changed, but neither towards what the base finds likely nor towards what is right.",
    "sharpening and tilt": "It leans towards what the base finds likely, and towards what is right besides.",
    "sharpening": "It is surer of what the base already found likely; what is right did not matter to it.",
    "tilt": "It picks the right ones among what the base already does, without being surer otherwise.",
    "flattening": "It is less sure of what the base found likely.",
    "tilt away": "It leans away from what is right.",
    "undetermined": "These samples do not say what it did.",
}
"""Each name in one sentence."""

Nats = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]


class Thresholds(BaseModel):
    """The rule's numbers, written down before the run and printed with its answer.

    Each lies far enough from what it tells apart that a fifth more or less hardly ever changes a name
    (``docs/statistics.md``): the residual, for one, between 0.1 of KL inside the family and 0.7 outside it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    beyond_problems: Annotated[int, Field(ge=1)] = Field(
        default=3, description="Problems beyond, in most seeds, for `beyond`."
    )
    reach: Share = Field(default=1e-3, description="A base rate below this is out of reach.")
    beyond_log_odds: Nats = Field(
        default=3.0, description="Rise of the log odds over the usual rise, for a problem beyond."
    )
    unchanged: Nats = Field(default=0.02, description="KL from the base, in nats, below which nothing changed.")
    directionless: Nats = Field(default=0.25, description="The same where neither α nor β moved.")
    outside: Share = Field(
        default=0.55, description="Share of KL outside the family above which the family says nothing."
    )
    worth: Nats = Field(default=0.02, description="Nats that a change of α must be worth, at least.")
    worth_share: Share = Field(default=0.1, description="The same as a share of the family's KL.")
    worth_enough: Nats = Field(default=0.1, description="Nats of a change of α that are always enough.")
    log_odds: Nats = Field(default=0.5, description="The least tilt, in log-odds.")
    tilt_worth: Nats = Field(default=0.01, description="Nats that a tilt must be worth, at least.")
    certain: Share = Field(
        default=0.3, description="Rows told apart with certainty above which the density ratio is left."
    )

    def scaled(self, name: str, factor: float) -> Thresholds:
        """The same with one threshold multiplied; whole numbers and shares stay what they are."""
        value = getattr(self, name) * factor
        if name == "beyond_problems":
            value = max(round(value), 1)
        elif name in ("reach", "outside", "worth_share", "certain"):
            value = min(value, 1.0)
        return self.model_copy(update={name: value})


@dataclass(frozen=True)
class Zero:
    """What no training shows: numerical noise of the null control, and β̂ of arms never told what is right."""

    kl: float = 0.0
    residual: float = 0.0
    log_odds: float = 0.0


@dataclass(frozen=True)
class Evidence:
    """The numbers that decide.

    Attributes:
        alpha, beta: where the policy lies in p^α · e^{βR}, by the estimator that is trusted.
        shift: within-outcome shift of log p.
        kl: KL from the base, nats; NaN where log q is unknown.
        residual: of these, outside the family.
        spread: Var(log p) within problems, nats²; ``odds_spread``: Var(R).
        most_beyond: the fewest problems beyond that more than half of the seeds reach; NaN where it cannot be seen.
    """

    alpha: Estimate
    beta: Estimate
    shift: Estimate
    kl: float
    residual: float
    spread: float
    odds_spread: float
    most_beyond: float

    @property
    def alpha_worth(self) -> float:
        """(α̂ − 1)² · Var(log p) / 2: KL of sharpening alone, to second order, in nats."""
        return (self.alpha.value - 1) ** 2 * self.spread / 2

    @property
    def beta_worth(self) -> float:
        """β̂² · Var(R) / 2, in nats."""
        return self.beta.value**2 * self.odds_spread / 2


def name_of(evidence: Evidence, thresholds: Thresholds, zero: Zero) -> tuple[Name, str]:
    """The name, and the reason in words with the numbers that decided."""
    if evidence.most_beyond >= thresholds.beyond_problems:
        return "beyond", f"{evidence.most_beyond:.0f} problems beyond the base, {thresholds.beyond_problems} needed"
    if not math.isfinite(evidence.alpha.value):
        return "undetermined", "log-probabilities under the base are absent, or never differ: α and β cannot be seen"
    kl, residual = _sizes(evidence, zero)
    least = max(thresholds.unchanged, zero.kl)
    if kl < least:
        return "no change", f"KL {kl:.3f} nats, below {least:.3f}"
    sharpness, tilt = _alpha_direction(evidence, thresholds, kl - residual), _beta_direction(evidence, thresholds, zero)
    if not sharpness and not tilt and kl < thresholds.directionless:
        return "no change", f"neither α nor β moved, and KL {kl:.3f} nats is below {thresholds.directionless:.3f}"
    if residual > thresholds.outside * kl:
        return "outside the family", f"{residual / kl:.0%} of KL {kl:.2f} nats is outside p^α·e^(βR)"
    numbers = f"α̂ {_interval(evidence.alpha)} worth {evidence.alpha_worth:.2f} nats, β̂ {_interval(evidence.beta)}"
    names: dict[tuple[int, int], Name] = {
        (1, 1): "sharpening and tilt",
        (1, 0): "sharpening",
        (0, 1): "tilt",
        (-1, 0): "flattening",
        (0, -1): "tilt away",
    }
    return names.get((sharpness, tilt), "undetermined"), numbers


def _sizes(evidence: Evidence, zero: Zero) -> tuple[float, float]:
    """KL and what of it is outside the family, without the null's noise; the family's own KL where log q is unknown."""
    if math.isfinite(evidence.kl):
        return evidence.kl, max(evidence.residual - zero.residual, 0.0)
    return evidence.alpha_worth + (evidence.beta_worth if math.isfinite(evidence.beta_worth) else 0.0), 0.0


def _alpha_direction(evidence: Evidence, thresholds: Thresholds, family_kl: float) -> int:
    """1 sharper, −1 flatter, 0 neither."""
    share = min(thresholds.worth_share * family_kl, thresholds.worth_enough)
    needed = max(thresholds.worth, share)
    if evidence.alpha_worth < needed:
        return 0
    if evidence.shift.value * (evidence.alpha.value - 1) <= 0:  # NaN, where no outcome was seen on both sides, passes
        return 0
    return int(evidence.alpha.low > 1) - int(evidence.alpha.high < 1)


def _beta_direction(evidence: Evidence, thresholds: Thresholds, zero: Zero) -> int:
    """1 towards what is right, −1 away from it, 0 neither."""
    beta = evidence.beta
    if not abs(beta.value) >= max(thresholds.log_odds, zero.log_odds) or abs(beta.value) <= zero.log_odds:
        return 0
    if evidence.beta_worth < thresholds.tilt_worth:
        return 0
    return int(beta.low > 0) - int(beta.high < 0)


def _interval(number: Estimate) -> str:
    return f"{number.value:.2f} [{number.low:.2f}, {number.high:.2f}]"
