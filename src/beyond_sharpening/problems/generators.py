"""Procedurally generated problems."""

import hashlib

from beyond_sharpening.problems.problem import Problem

_DRAWS_PER_PROBLEM = 20


def chain_sum(
    name: str, min_terms: int, max_terms: int, digits: int, size: int, *, seed: int, split: str
) -> list[Problem]:
    """Generate different chains of sums and differences, ``8+5-3-6=``, by reasoning_gym's ``chain_sum``.

    Terms have exactly ``digits`` digits (0 to 9 for one digit); the number of terms is uniform and becomes the
    difficulty. The same arguments give the same problems; other names or seeds give unrelated ones.

    Raises:
        ValueError: if there are too few different chains.
    """
    from reasoning_gym import create_dataset

    draws = create_dataset(
        "chain_sum",
        min_terms=min_terms,
        max_terms=max_terms,
        min_digits=digits,
        max_digits=digits,
        seed=_stream(name, seed),
        size=_DRAWS_PER_PROBLEM * size,
    )
    problems: dict[str, Problem] = {}
    for draw in draws:
        metadata = draw["metadata"]
        question = metadata["expression"].replace(" ", "") + "="
        if question not in problems:
            problem_id = f"{name}-{len(problems)}"
            problems[question] = Problem(problem_id, name, question, draw["answer"], str(metadata["num_terms"]), split)
        if len(problems) == size:
            return list(problems.values())
    raise ValueError(
        f"Source {name!r}: only {len(problems)} different chains of {min_terms} to {max_terms} terms with {digits} "
        f"digits in {len(draws)} draws, size={size} wanted: lower size, or raise max_terms or digits."
    )


def _stream(name: str, seed: int) -> int:
    """Seed far from that of every other source: reasoning_gym draws item i from seed + i, so close seeds overlap."""
    return int.from_bytes(hashlib.sha256(f"{name}/{seed}".encode()).digest()[:6])
