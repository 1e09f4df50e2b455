"""What a model wrote can hold anything: grading ends, says one of four things, and leaves no process behind.

Of every kind that hurts some are drawn, by a seed that is printed; ``make reliability`` draws many.
"""

import os
import random
import time
from collections.abc import Callable

import psutil
import pytest

from beyond_sharpening.grading import grade

TRIED = int(os.environ.get("BEYOND_SHARPENING_FAULTS", "8"))
SEED = int(os.environ.get("BEYOND_SHARPENING_FAULTS_SEED", "0"))
OUTCOMES = {"correct", "wrong", "unparsable", "timeout"}

KINDS: dict[str, Callable[[random.Random], str]] = {
    "towers": lambda draw: "^".join([f"{{{draw.randint(2, 99)}"] * (n := draw.randint(2, 60))) + "}" * n,
    "factorials": lambda draw: f"{draw.randint(10, 10**6)}" + "!" * draw.randint(1, 9),
    "braces": lambda draw: draw.choice("{}[]()") * draw.randint(1, 10**5),
    "megabytes": lambda draw: draw.choice(["7", "x+", "\\frac", " ", "\n"]) * draw.randint(10**5, 10**6),
    "fractions": lambda draw: "\\frac{1}{" * (n := draw.randint(2, 400)) + "2" + "}" * n,
    "roots": lambda draw: "\\sqrt{" * (n := draw.randint(2, 400)) + "2" + "}" * n,
    "sums": lambda draw: f"\\sum_{{k=1}}^{{{draw.randint(10, 10**12)}}} k^{{{draw.randint(1, 99)}}}",
    "binomials": lambda draw: f"\\binom{{{draw.randint(10, 10**9)}}}{{{draw.randint(5, 10**8)}}}",
    "integrals": lambda draw: f"\\int_0^\\infty \\frac{{\\sin^{draw.randint(2, 40)} x}}{{x^{draw.randint(1, 40)}}} dx",
    "code": lambda draw: draw.choice(
        ["__import__('os').system('touch escaped')", "lambda: exit()", "exec('1/0')", "().__class__.__bases__[0]"]
    ),
    "control characters": lambda draw: "".join(chr(draw.randint(0, 31)) for _ in range(draw.randint(1, 300))),
    "surrogates": lambda draw: "".join(chr(draw.randint(0xD800, 0xDFFF)) for _ in range(draw.randint(1, 50))),
    "bidirectional marks": lambda draw: "\u202e\u2066" * draw.randint(1, 99) + "7\u202c",
    "boxes": lambda draw: "\\boxed{1} and " * draw.randint(50, 500),
    "infinite sets": lambda draw: "\\{x \\mid x \\in \\mathbb{R}, \\sin x = " + f"0.{draw.randint(1, 99)}" + "\\}",
    "anything": lambda draw: "".join(chr(draw.randint(1, 0xD7FF)) for _ in range(draw.randint(1, 2000))),
}


def hostile(draw: random.Random) -> str:
    """One of the kinds, mostly in a box."""
    text = KINDS[draw.choice(list(KINDS))](draw)
    return f"\\boxed{{{text}}}" if draw.random() < 0.8 else f"The answer is {text}"


def children() -> int:
    """Processes that this one has started: workers, and what starts and watches them."""
    return sum(process.status() != psutil.STATUS_ZOMBIE for process in psutil.Process().children(recursive=True))


@pytest.fixture
def somewhere_empty(tmp_path, monkeypatch):
    """A program that escapes would leave its file here."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_nothing_a_model_writes_stops_grading_or_escapes(somewhere_empty):
    print(f"seed {SEED}, {TRIED} texts")
    draw = random.Random(SEED)
    texts = [hostile(draw) for _ in range(TRIED)]
    golds = [draw.choice(["7", "\\frac12", "x^2+1", "(1,2)", "\\{1,2\\}"]) for _ in texts]
    grade(["\\boxed{\\sqrt2 + 1}"], ["1+\\sqrt2"], workers=2)
    before = children()
    began = time.monotonic()
    verdicts = grade(texts, golds, workers=2, timeout=1)
    print(f"{time.monotonic() - began:.0f} s, {sum(verdict.outcome == 'timeout' for verdict in verdicts)} timed out")
    assert len(verdicts) == TRIED
    assert {verdict.outcome for verdict in verdicts} <= OUTCOMES
    assert list(somewhere_empty.iterdir()) == []
    assert children() <= before, "workers that were stopped are gone"


def test_the_innocent_among_them_are_graded_as_ever():
    draw = random.Random(SEED + 1)
    innocent = [(f"\\boxed{{\\frac{{{n}}}{{7}}}}", f"{n}/7") for n in range(1, 20)]
    texts = [text for text, _ in innocent] + [hostile(draw) for _ in range(TRIED // 4)]
    golds = [gold for _, gold in innocent] + ["7"] * (TRIED // 4)
    order = list(range(len(texts)))
    draw.shuffle(order)
    verdicts = grade([texts[row] for row in order], [golds[row] for row in order], workers=2, timeout=1)
    outcomes = dict(zip(order, (verdict.outcome for verdict in verdicts), strict=True))
    assert {outcomes[row] for row in range(len(innocent))} == {"correct"}
