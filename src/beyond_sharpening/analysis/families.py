"""Which arms are there, which of their contrasts are asked for, and of which variant."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, combinations
from typing import NamedTuple

import pandas as pd

from beyond_sharpening.analysis.contract import BASE, REFERENCE_DECODER
from beyond_sharpening.analysis.rows import Samples, count_samples
from beyond_sharpening.analysis.solve_rates import problem_table
from beyond_sharpening.objectives import OBJECTIVES, PRIMARY

GREEDY = "greedy"

RIVALS = tuple(name for name in PRIMARY if not OBJECTIVES[name].is_told)
"""The objectives that are never told what is right."""

PRIMARY_FAMILY = (
    *((name, BASE) for name in PRIMARY),
    *(("task_reward", rival) for rival in RIVALS),
)
"""The contrasts, fixed in advance, that the verdict rests on: pairs of policies (a, b)."""


SUBJECT = "task_reward"
"""The objective that is asked about, where it is there."""


class Arm(NamedTuple):
    """A policy under a decoder; its name is the policy's unless the decoder is not the reference one."""

    policy: str
    decoder: str = REFERENCE_DECODER

    @property
    def name(self) -> str:
        return self.policy if self.decoder == REFERENCE_DECODER else f"{self.policy}/{self.decoder}"

    @classmethod
    def named(cls, name: str) -> Arm:
        """From ``policy`` or ``policy/decoder``."""
        policy, _, decoder = name.partition("/")
        return cls(policy, decoder or REFERENCE_DECODER)


Family = Sequence[tuple[str, str]]


def family_of(counts: pd.DataFrame) -> Family:
    """The primary contrasts where none are given: the project's own, or, of other policies, all pairs."""
    there = set(map(str, counts["policy"].unique()))
    if any(a in there and b in there for a, b in PRIMARY_FAMILY) or there <= {*chain(*PRIMARY_FAMILY)}:
        return PRIMARY_FAMILY
    others = sorted(there - {BASE})
    return [*((policy, BASE) for policy in others if BASE in there), *combinations(others, 2)]


def subject_of(primary: pd.DataFrame) -> str:
    """The policy that primary contrasts ask about: task reward where it is there, else the first."""
    named = list(primary["a"])
    return SUBJECT if SUBJECT in named or not named else str(named[0])


def asked_about(comparisons: pd.DataFrame) -> pd.DataFrame:
    """The primary contrasts of task reward, where it is there; else all of them."""
    primary = comparisons[comparisons["family"] == "primary"]
    ours = primary[primary["a"] == SUBJECT]
    return ours if len(ours) else primary


def arms_of(
    samples: Samples, family: Family, variants: Mapping[str, str], ks: Sequence[int] = ()
) -> dict[tuple[str, str], dict[Arm, pd.DataFrame]]:
    """The problem table's rows of every arm that a contrast may need, by model and benchmark."""
    policies = {BASE, *(Arm.named(name).policy for name in chain.from_iterable(family))}
    counts = count_samples(samples)
    told = told_what_is_right(counts)
    compared = counts["checkpoint"].eq("last") & counts["policy"].isin(policies) & ~told
    table = _chosen(problem_table(counts[compared], ks, replicates=(0, 1)), variants)
    return {
        (str(model), str(benchmark)): {Arm(*map(str, key)): cell for key, cell in cells.groupby(["policy", "decoder"])}
        for (model, benchmark), cells in table.groupby(["model", "benchmark"], observed=True)
    }


def told_what_is_right(counts: pd.DataFrame) -> pd.Series:
    """Which rows a decoder with an oracle made: a bound, not a method to compare with."""
    if "decoder_parameters" not in counts:
        return pd.Series(False, index=counts.index)
    types = {text: str(json.loads(text).get("type", "")) for text in counts["decoder_parameters"].unique()}
    oracles = [text for text, name in types.items() if name.startswith("oracle")]
    return counts["decoder_parameters"].isin(oracles)


def _chosen(table: pd.DataFrame, variants: Mapping[str, str]) -> pd.DataFrame:
    """The rows of each policy's one variant; the choice must be made where there are several."""
    chosen = []
    for (model, policy), rows in table.groupby(["model", "policy"], observed=True):
        present = sorted(rows["variant"].unique())
        variant = variants.get(str(policy), present[0] if len(present) == 1 else None)
        if variant not in present:
            raise ValueError(
                f"variants[{policy!r}] is {variant!r}, but {model} has {policy} in {', '.join(map(repr, present))}; "
                "name the one to compare"
            )
        chosen.append(rows[rows["variant"] == variant])
    return pd.concat(chosen) if chosen else table


def contrasts_of(family: Family, arms: Mapping[Arm, pd.DataFrame]) -> Iterator[tuple[str, Arm, Arm]]:
    """(family, a, b) of every contrast whose two arms are there."""
    base, subject = Arm(BASE), Arm.named(family[0][0])
    decoders = [arm for arm in arms if arm.policy == BASE and arm != base]
    primary = [(Arm.named(a), Arm.named(b)) for a, b in family]
    secondary = [
        *((decoder, base) for decoder in decoders),
        *((subject, decoder) for decoder in decoders),
        (Arm(subject.policy, GREEDY), Arm(BASE, GREEDY)),
    ]
    contrasts = [
        *(("primary", *pair) for pair in primary),
        *(("secondary", *pair) for pair in secondary if pair not in primary),
    ]
    return ((kind, a, b) for kind, a, b in contrasts if a in arms and b in arms)
