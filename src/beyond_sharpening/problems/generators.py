"""Procedurally generated problems."""

import hashlib
import random
import re

from beyond_sharpening.parameters.sources import GeneratorSource
from beyond_sharpening.problems.chains import misread_value, value
from beyond_sharpening.problems.problem import Problem

_DRAWS_PER_PROBLEM = 20


def chains(name: str, source: GeneratorSource, *, seed: int, split: str) -> list[Problem]:
    """Generate different chains of sums and differences, ``8+5-3-6=``, by reasoning_gym's ``chain_sum``.

    Terms have exactly ``digits`` digits (0 to 9 for one digit); the number of terms is uniform and becomes the
    difficulty. A share has brackets round two terms behind a minus. The same arguments give the same problems; other
    names or seeds give unrelated ones.

    Raises:
        ValueError: if there are too few different chains.
    """
    from reasoning_gym import create_dataset

    draws = create_dataset(
        "chain_sum",
        min_terms=source.min_terms,
        max_terms=source.max_terms,
        min_digits=source.digits,
        max_digits=source.digits,
        seed=_stream(name, seed),
        size=_DRAWS_PER_PROBLEM * source.size,
    )
    brackets = random.Random(_stream(f"{name}/brackets", seed))
    problems: dict[str, Problem] = {}
    for draw in draws:
        metadata = draw["metadata"]
        question = metadata["expression"].replace(" ", "") + "="
        if brackets.random() < source.brackets:
            question = _with_brackets(question, brackets)
            if value(question) == misread_value(question):
                continue
        if question not in problems:
            problem_id, terms = f"{name}-{len(problems)}", str(metadata["num_terms"])
            problems[question] = Problem(problem_id, name, question, str(value(question)), terms, split)
        if len(problems) == source.size:
            return list(problems.values())
    raise ValueError(
        f"Source {name!r}: only {len(problems)} different chains of {source.min_terms} to {source.max_terms} terms "
        f"with {source.digits} digits in {len(draws)} draws, size={source.size} wanted: lower size, or raise max_terms "
        "or digits."
    )


def _with_brackets(chain: str, draws: random.Random) -> str:
    """The chain with two neighbouring terms, not the first, in brackets behind a minus."""
    first, *terms = re.findall(r"[+-]?\d+", chain)
    place = draws.randrange(len(terms) - 1)
    terms[place : place + 2] = [f"-({terms[place][1:]}{terms[place + 1]})"]
    return f"{first}{''.join(terms)}="


def _stream(name: str, seed: int) -> int:
    """Seed far from that of every other source: reasoning_gym draws item i from seed + i, so close seeds overlap."""
    return int.from_bytes(hashlib.sha256(f"{name}/{seed}".encode()).digest()[:6])
