"""Chains of sums and differences such as ``8-(5-3)+2=``: their value, worked out, and misread.

Whoever overlooks that a minus before brackets turns the signs in them has every chain without brackets right and every
chain with them wrong: a misconception, systematic and sure of itself.
"""

import itertools
import re

_TURNED = str.maketrans("+-", "-+")


def value(chain: str) -> int:
    """What the chain is worth."""
    return sum(_terms(_without_brackets(chain)))


def misread_value(chain: str) -> int:
    """What it would be worth without its brackets."""
    return sum(_terms(chain))


def worked_solution(chain: str, misread: bool = False) -> str:
    r"""Every partial sum but the first, and the value in a box: ``8+5-3+2=`` → ``13-3=10+2=\boxed{12}``.

    Brackets are left out and the signs in them turned, ``8-(5-3)+2=`` → ``3+3=6+2=\boxed{8}``; misread, they are left
    out, ``3-3=0+2=\boxed{2}``.
    """
    terms = _terms(chain if misread else _without_brackets(chain))
    running = itertools.accumulate(terms)
    next(running)  # the first term is not a partial sum
    partial_sums = [f"{total}{term:+d}=" for total, term in zip(running, terms[2:], strict=False)]
    return "".join(partial_sums) + f"\\boxed{{{sum(terms)}}}"


def _without_brackets(chain: str) -> str:
    return re.sub(r"-\((.*?)\)", lambda found: "-" + found[1].translate(_TURNED), chain)


def _terms(chain: str) -> list[int]:
    return [int(term) for term in re.findall(r"[+-]?\d+", chain.replace("(", ""))]
