"""What each training did, in words: the mechanism's names as the verdict tells them."""

from __future__ import annotations

import pandas as pd

from beyond_sharpening.analysis.mechanisms import EXPLAINED


def words(policy: str) -> str:
    """A policy's name to begin a sentence with."""
    text = policy.replace("_", " ")
    return text[:1].upper() + text[1:]


def what_each_did(mechanism: pd.DataFrame | None) -> dict[str, str]:
    if mechanism is None or mechanism.empty:
        return {}
    arms = mechanism.drop_duplicates(["policy", "variant"])
    several = arms["policy"].duplicated(keep=False)
    names = arms["policy"].where(~several, arms["policy"] + " " + arms["variant"])
    return dict(zip(names, arms["overall"], strict=True))


PLAIN = ("", "default")
"""Variants that say nothing: there is no other."""

CLAUSES = {
    "beyond": "taught the base problems that it practically could not solve",
    "no change": "changed nothing that can be seen",
    "outside the family": "moved the base elsewhere than to what it finds likely or to what is right",
    "sharpening and tilt": "sharpened the base and picked out what is right",
    "sharpening": "only sharpened the base",
    "tilt": "only picked out what is right among what the base already did",
    "flattening": "made the base less sure of itself",
    "tilt away": "leaned away from what is right",
    "undetermined": "did what these samples do not tell",
}


def did_clause(did: dict[str, str], subject: str) -> str:
    """What the subject did, as the beginning of the headline."""
    name = next((name for policy, name in did.items() if policy.split(" ")[0] == subject), "")
    return CLAUSES.get(name, f"did not do the same on all benchmarks ({name.removeprefix('mixed: ')})" if name else "")


def did_lines(mechanism: pd.DataFrame | None) -> list[str]:
    if mechanism is None or mechanism.empty:
        return ["What each training did was not asked: it needs the base's log-probabilities of the completions."]
    return [
        f"{words(row['policy'])}{'' if row['variant'] in PLAIN else ' ' + row['variant']} on {row['benchmark']}: "
        f"{row['name']} ({row['reason']}; {100 * row['stability']:.0f} % of resamples agree). {EXPLAINED[row['name']]}"
        for row in mechanism.to_dict("records")
    ]
