"""Names, order and looks: a policy is called and drawn the same in every figure and table."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, NamedTuple

from beyond_sharpening.objectives import OBJECTIVES

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Look:
    """How one policy is named and drawn; the marker repeats what the colour says."""

    label: str
    colour: str
    marker: str
    linestyle: str = "-"


class Arm(NamedTuple):
    """A policy and its variant, such as ``("tilted", "alpha2-beta100")``."""

    policy: str
    variant: str


POLICIES = {
    "base": Look("Base", "#6B6B6B", "o"),
    **{name: Look(row.label, row.colour, row.marker) for name, row in OBJECTIVES.items()},
}
MEANINGS = {
    "base": "the model at the start, not trained further.",
    **{
        name: row.words if row.is_told else f"{row.words} It is never told what is right."
        for name, row in OBJECTIVES.items()
    },
}
PLAIN_VARIANTS = ("", "base", "default")  # names that say nothing: without coefficients there is one variant only
LINESTYLES = ("-", "--", ":", "-.")
DECODERS = {
    "temperature": "temperature 1",
    "greedy": "greedy decoding",
    "low_temperature": "low temperature",
    "best_of_n": "best of N by likelihood",
    "sir": "importance resampling",
    "smc": "sequential Monte Carlo",
    "smc_mh": "sequential Monte Carlo and MH",
    "power_mh": "Metropolis–Hastings",
}
INTERVALS = {
    "problem": "95 % intervals over problems, which speak of one checkpoint",
    "seed": "95 % intervals over training seeds, which speak of the training procedure",
}


def look(policy: str) -> Look:
    """The look of a policy; one from another system is black under its own name."""
    return POLICIES.get(policy, Look(words(policy), "#000000", "X"))


def words(name: str) -> str:
    """A technical name as words: ``beam_search`` becomes ``beam search``."""
    return name.replace("_", " ")


def decoder_label(decoder: str) -> str:
    """A decoder in words; the values that tell it from others of its name follow, as ``SMC and MH, alpha 4``."""
    name, *values = decoder.split("-")
    told = [re.sub(r"^([a-z_]*[a-z])(?=[\d.])", r"\1 ", value).removesuffix(".0") for value in values]
    return ", ".join([DECODERS.get(name, words(name)), *map(words, told)])


def side_label(side: str, variant: str = "") -> str:
    """One side of a comparison, ``policy`` or ``policy/decoder``, in words; with the variant, where it has one."""
    policy, _, decoder = side.partition("/")
    label = look(policy).label if variant in PLAIN_VARIANTS else f"{look(policy).label} ({variant})"
    return f"{label}, {decoder_label(decoder)}" if decoder else label


def contrast_label(a: str, b: str, variant_a: str, variant_b: str) -> str:
    """A comparison in words, such as ``Task reward − Sharpening (alpha2)``."""
    return f"{side_label(a, variant_a)} − {side_label(b, variant_b)}"


def interval_note(units: pd.Series) -> str:
    """Which kinds of interval a column of units (problem | seed) holds, in words."""
    return "; ".join(text for unit, text in INTERVALS.items() if (units == unit).any())


def rank(policy: str) -> tuple[int, str]:
    """Sort key: base, the objectives in the order of the paper, then others by name."""
    names = list(POLICIES)
    return (names.index(policy) if policy in names else len(names), policy)


def arm_looks(frame: pd.DataFrame) -> dict[Arm, Look]:
    """The look of every (policy, variant) in a frame, in reading order.

    Variants of one policy share its colour; they differ in line style, and only then is the variant named.
    """
    pairs = frame[["policy", "variant"]].drop_duplicates().itertuples(index=False, name=None)
    arms = sorted((Arm(*pair) for pair in pairs), key=lambda arm: (rank(arm.policy), arm.variant))
    several = {arm.policy for arm in arms if sum(other.policy == arm.policy for other in arms) > 1}
    seen = {policy: count() for policy in several}
    looks = {}
    for arm in arms:
        plain = look(arm.policy)
        if arm.policy in several:
            style = LINESTYLES[next(seen[arm.policy]) % len(LINESTYLES)]
            plain = Look(f"{plain.label} ({arm.variant})", plain.colour, plain.marker, style)
        looks[arm] = plain
    return looks
