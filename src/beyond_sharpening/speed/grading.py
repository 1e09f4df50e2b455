"""Grading against math-verify with the settings of TRL's reward: on integers, on hard answers, and with repeats."""

from __future__ import annotations

import random
from collections.abc import Iterator

from beyond_sharpening.grading import Claim, grade
from beyond_sharpening.grading.judge import judge, quick_verdict
from beyond_sharpening.grading.parity import judge as judge_by_math_verify
from beyond_sharpening.grading.reading import stated_answer
from beyond_sharpening.speed.contest import Contest

_REASONING = "Adding the terms, we find that $x = 3$ and then $y = 4$, so that the sum is what was asked for. " * 4
_FEW, _MANY = 100, 100_000  # completions: of answers judged one by one, and with repeats
_DIFFERENT = 1_000  # pairs of an answer and a gold answer among the many


def contests() -> list[Contest]:
    """Verdicts a second, the peer in one process; the repeats are those of a training's groups."""
    integers, hard, repeated = _integers(), _hard(), _repeated()
    one_by_one = f"{_FEW} completions of {len(_REASONING)} characters, no two rounds alike, one process each"
    return [
        Contest(
            "grading, integers", "verdicts", one_by_one, lambda: _ours(next(integers)), lambda: _peers(next(integers))
        ),
        Contest("grading, hard answers", "verdicts", one_by_one, lambda: _ours(next(hard)), lambda: _peers(next(hard))),
        Contest(
            "grading, repeats",
            "verdicts",
            f"{_MANY} completions with {_DIFFERENT} different hard answers, 2 worker processes; the peer {_FEW} in one",
            lambda: _in_processes(next(repeated)),
            lambda: _peers(next(repeated)[:_FEW]),
        ),
    ]


def _ours(claims: list[Claim]) -> int:
    for completion, gold, _ in claims:
        claim = Claim(stated_answer(completion) or "", gold)
        _ = quick_verdict(claim) or judge(claim)
    return len(claims)


def _peers(claims: list[Claim]) -> int:
    for claim in claims:
        judge_by_math_verify(claim)
    return len(claims)


def _in_processes(claims: list[Claim]) -> int:
    completions, golds, _ = zip(*claims, strict=True)
    return len(grade(completions, golds, workers=2))


def _integers() -> Iterator[list[Claim]]:
    draw = random.Random(0)
    while True:
        yield [
            Claim(rf"{_REASONING}\boxed{{{draw.randint(0, 10**4)}}}", str(draw.randint(0, 10**4))) for _ in range(_FEW)
        ]


def _hard() -> Iterator[list[Claim]]:
    """Radicals, multiples of pi, polynomials, tuples and complex numbers, half of them right."""
    draw = random.Random(0)
    while True:
        yield [_hard_claim(draw) for _ in range(_FEW)]


def _repeated() -> Iterator[list[Claim]]:
    draw = random.Random(1)
    while True:
        different = [_hard_claim(draw) for _ in range(_DIFFERENT)]
        yield [draw.choice(different) for _ in range(_MANY)]


def _hard_claim(draw: random.Random) -> Claim:
    a, b, c = (draw.randint(2, 99) for _ in range(3))
    off = draw.choice((0, 1))
    answer, gold = draw.choice(
        (
            (rf"\frac{{{a}}}{{\sqrt{{{b}}}}}", rf"\frac{{{a + off}\sqrt{{{b}}}}}{{{b}}}"),
            (rf"\frac{{{a}\pi}}{{{b}}}", rf"\frac{{{2 * a + off}}}{{{2 * b}}}\pi"),
            (rf"(x+{a})(x-{b})", rf"x^2 + ({a - b})x - {a * b + off}"),
            (rf"\left({a}, \sqrt{{{b * b * c}}}\right)", rf"({a}, {b}\sqrt{{{c + off}}})"),
            (rf"({a}+{b}i)({a}-{b}i) + {c}i", rf"{a * a + b * b + off} + {c}i"),
        )
    )
    return Claim(rf"{_REASONING}$\boxed{{{answer}}}$.", gold)
