"""Who is the base, and who is compared with whom: said, or guessed and told."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from beyond_sharpening.errors import BadInput

BASE_WORDS = {"base", "pretrained", "start", "init", "initial", "reference", "before", "sft"}
_STEP = re.compile(r"(?:.*__)?step-(\d+)")


class Roles(NamedTuple):
    """The base, and the pairs of policies (a, b) whose differences are the primary contrasts, by their own names."""

    base: str
    family: list[tuple[str, str]]
    notes: list[str]


def roles(policies: Sequence[str], base: str | None = None, primary: str | None = None) -> Roles:
    """Give the policies their roles.

    Args:
        policies: their names.
        base: the one that the others were trained from; guessed from the names where None.
        primary: ``a:b,c:d``, the contrasts that are decided on; where None, every other policy against the base, or,
            where policies are steps of a training, the last step alone.

    Raises:
        BadInput: if a name is unknown, there is one policy alone, or the base cannot be guessed.
    """
    known = f"the policies are {', '.join(policies)}"
    if len(policies) < 2:
        raise BadInput(f"there is one policy alone, {policies[0]}: name the files of its base too, as base=FILE")
    notes = []
    if base is None:
        base, why = _guessed(policies, known)
        notes.append(f"the base is taken to be {base}, {why}; --base=NAME says otherwise")
    elif base not in policies:
        raise BadInput(f"--base={base}: unknown; {known}")
    if primary is None:
        family = [(policy, base) for policy in _trained(policies, base)]
        pairs = ", ".join(f"{a}:{b}" for a, b in family)
        notes.append(f"primary contrasts are {pairs}; --primary=A:B,… says otherwise")
    else:
        family = [_pair(text, policies, known) for text in primary.split(",")]
    return Roles(base, family, notes)


def start_of(policies: Sequence[str], base: str | None, trained: Collection[str]) -> str | None:
    """What the start model is called among policies of which some are known to be trained; None if it is not there.

    Raises:
        BadInput: if a name is unknown, or the start model cannot be guessed.
    """
    known = f"the policies are {', '.join(policies)}"
    for name in trained:
        if name not in policies:
            raise BadInput(f"policies.{name}: no samples are of a policy of that name; {known}")
    rest = [name for name in policies if name not in trained]
    if base is not None and base not in rest:
        raise BadInput(f"score.base={base}: unknown, or a policy with a model of its own; {known}")
    if base is not None or len(rest) < 2:
        return base or next(iter(rest), None)
    try:
        return _guessed(rest, known)[0]
    except BadInput as error:
        raise BadInput(str(error).replace("--base=NAME", "--params=score.base=NAME")) from None


def _guessed(policies: Sequence[str], known: str) -> tuple[str, str]:
    """The base, and what tells it."""
    steps = {policy: int(step[1]) for policy in policies if (step := _STEP.fullmatch(policy))}
    if len(steps) == len(policies):
        first = min(steps, key=lambda policy: steps[policy])
        return first, "the first step" + ("" if steps[first] == 0 else ", though it is trained already")
    named = [policy for policy in policies if BASE_WORDS & {*re.split(r"[^a-z]+", policy.lower())}]
    if len(named) == 1:
        return named[0], "by its name"
    prefixes = [name for name in policies if all(other.lower().startswith(name.lower()) for other in policies)]
    if len(prefixes) == 1:
        return prefixes[0], "which the other names begin with"
    raise BadInput(f"which policy is the base, that the others were trained from? Say --base=NAME; {known}")


def _trained(policies: Sequence[str], base: str) -> list[str]:
    others = [policy for policy in policies if policy != base]
    steps = {policy: int(step[1]) for policy in others if (step := _STEP.fullmatch(policy))}
    return [max(steps, key=lambda policy: steps[policy])] if len(steps) == len(others) else others


def _pair(text: str, policies: Sequence[str], known: str) -> tuple[str, str]:
    a, separator, b = (part.strip() for part in text.partition(":"))
    if not separator or a == b or not {a, b} <= {*policies}:
        raise BadInput(f"--primary: {text!r} is not A:B with two policies; {known}")
    return a, b


def same_problems(table: pd.DataFrame, family: Sequence[tuple[str, str]]) -> tuple[pd.DataFrame, list[str]]:
    """The samples of the problems that all who are compared have; the others are counted and named.

    Args:
        table: samples, with policies under their own names.
        family: the pairs compared.

    Returns:
        The samples kept, and what was left out, a sentence a benchmark.

    Raises:
        BadInput: if no problem of a benchmark is left.
    """
    compared = table["policy"].isin({name for pair in family for name in pair})
    sides = ["policy", *(name for name in ("variant", "checkpoint", "train_seed") if name in table)]
    kept, notes = [], []
    for benchmark, rows in table.groupby("benchmark", sort=False):
        problems = {key: set(part["problem_id"]) for key, part in rows[compared].groupby(sides)}
        shared = set.intersection(*problems.values()) if problems else set(rows["problem_id"])
        every = set.union(*problems.values()) if problems else shared
        if not shared:
            raise BadInput(f"{benchmark}: no problem has samples of all policies: {_counts(problems)}")
        if every - shared:
            notes.append(_left_out(str(benchmark), problems, sorted(every - shared), len(every)))
        kept.append(rows[rows["problem_id"].isin(shared)])
    return pd.concat(kept, ignore_index=True), notes


def _left_out(benchmark: str, problems: Mapping[Any, set[str]], missing: list[str], n: int) -> str:
    shown = ", ".join(missing[:3]) + (", …" if len(missing) > 3 else "")
    return (
        f"{benchmark}: compared on the {n - len(missing)} problems that all have, of {n} ({_counts(problems)}); left "
        f"out: {shown}"
    )


def _counts(problems: Mapping[Any, set[str]]) -> str:
    return ", ".join(f"{' '.join(map(str, key))} {len(found)}" for key, found in problems.items())
