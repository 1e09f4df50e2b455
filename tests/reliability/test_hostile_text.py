"""What a model wrote can hold anything: grading ends, says one of four things, and leaves no process behind.

Of every kind that hurts some are drawn, by a seed that is printed; ``make reliability`` draws a hundred thousand, each
with less time.
"""

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from beyond_sharpening.grading import grade

FAULTS = int(os.environ.get("BEYOND_SHARPENING_FAULTS", "8"))
IS_LONG = FAULTS >= 100
TRIED = 100 * FAULTS if IS_LONG else FAULTS
LIMIT = 0.05 if IS_LONG else 1.0
"""Seconds of computing a text: what is stopped is stopped in the same way whenever its time is over."""

CALL = 1000  # texts
SEED = int(os.environ.get("BEYOND_SHARPENING_FAULTS_SEED", "0"))
OUTCOMES = {"correct", "wrong", "unparsable", "timeout"}

KINDS: dict[str, Callable[[random.Random], str]] = {
    "towers": lambda draw: "^".join([f"{{{draw.randint(2, 99)}"] * (n := draw.randint(2, 60))) + "}" * n,
    "factorials": lambda draw: f"{draw.randint(10, 10**6)}" + "!" * draw.randint(1, 9),
    "braces": lambda draw: draw.choice("{}[]()") * draw.randint(1, 10**5),
    "megabytes": lambda draw: draw.choice(["7", "x+", "\\frac", " ", "\n", "\\"]) * draw.randint(10**5, 10**6),
    "backslashes": lambda draw: "\\" * draw.randint(1, 10**5),
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


COSTLY = {"towers", "factorials", "braces", "fractions", "roots", "sums", "binomials", "integrals"}
"""What computer algebra works on until its time is over; at length these are a tenth of each other kind."""

OFTEN = 10 if IS_LONG else 1
WEIGHTS = [0.2 if kind == "megabytes" else 1 if kind in COSTLY else OFTEN for kind in KINDS]


def hostile(draw: random.Random) -> str:
    """One of the kinds, mostly in a box."""
    text = KINDS[draw.choices([*KINDS], WEIGHTS)[0]](draw)
    return f"\\boxed{{{text}}}" if draw.random() < 0.8 else f"The answer is {text}"


def children() -> list[psutil.Process]:
    """Processes that this one has started: workers, and what starts and watches them."""
    started = psutil.Process().children(recursive=True)
    return [process for process in started if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


@contextmanager
def most_memory_of_a_child() -> Iterator[list[float]]:
    """Yields a list that holds, in the end, the most MiB that a process started from here has taken."""
    most, over = [0.0], threading.Event()

    def look() -> None:
        while not over.wait(1):
            for process in psutil.Process().children(recursive=True):
                try:
                    status = Path(f"/proc/{process.pid}/status").read_text()
                except OSError:  # it has ended
                    continue
                peak = [int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM")]
                most[0] = max([*most, *peak])

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield most
    finally:
        over.set()
        watcher.join()


@pytest.fixture
def somewhere_empty(tmp_path, monkeypatch):
    """A program that escapes would leave its file here."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_nothing_a_model_writes_stops_grading_or_escapes(somewhere_empty):
    draw = random.Random(SEED)
    grade(["\\boxed{\\sqrt2 + 1}"], ["1+\\sqrt2"], workers=2)
    before, began, outcomes = len(children()), time.monotonic(), Counter()
    with most_memory_of_a_child() as most:
        for start in range(0, TRIED, CALL):
            texts = [hostile(draw) for _ in range(min(CALL, TRIED - start))]
            golds = [draw.choice(["7", "\\frac12", "x^2+1", "(1,2)", "\\{1,2\\}"]) for _ in texts]
            outcomes.update(verdict.outcome for verdict in grade(texts, golds, workers=2, timeout=LIMIT))
            own = psutil.Process().memory_info().rss / 2**20
            told = f"{start + len(texts)} texts, {time.monotonic() - began:.0f} s, {dict(outcomes)}"
            print(f"seed {SEED}: {told}; MiB: {own:.0f} here, at most {most[0]:.0f} in a worker", flush=True)
    assert outcomes.total() == TRIED
    assert {*outcomes} <= OUTCOMES
    assert list(somewhere_empty.iterdir()) == []
    assert len(children()) <= before, "workers that were stopped are gone"


def test_the_innocent_among_them_are_graded_as_ever():
    draw = random.Random(SEED + 1)
    innocent = [(f"\\boxed{{\\frac{{{n}}}{{7}}}}", f"{n}/7") for n in range(1, 20)]
    texts = [text for text, _ in innocent] + [hostile(draw) for _ in range(FAULTS // 4)]
    golds = [gold for _, gold in innocent] + ["7"] * (FAULTS // 4)
    order = list(range(len(texts)))
    draw.shuffle(order)
    verdicts = grade([texts[row] for row in order], [golds[row] for row in order], workers=2, timeout=1)
    outcomes = dict(zip(order, (verdict.outcome for verdict in verdicts), strict=True))
    assert {outcomes[row] for row in range(len(innocent))} == {"correct"}


@pytest.mark.skipif(not IS_LONG, reason="the innocent's time is measured by `make reliability`")
def test_the_innocent_take_no_longer_beside_hostile_ones():
    """What they add to the time of the hostile ones is at most twice what they take alone."""
    draw, seconds = random.Random(SEED + 2), Counter()
    numbers = iter(range(2, 10**6))  # no answer is asked for twice, for it would be remembered

    def hostiles() -> list[tuple[str, str]]:
        return [(f"\\boxed{{{KINDS['towers'](draw)}}}", "7") for _ in range(100)]

    def innocents() -> list[tuple[str, str]]:
        return [(f"\\boxed{{\\sqrt{{{next(numbers)}}}+x}}", "x^2+1") for _ in range(900)]

    for _ in range(5):
        for name, claims in (("alone", innocents()), ("hostile", hostiles()), ("mixed", hostiles() + innocents())):
            draw.shuffle(claims)
            began = time.monotonic()
            grade([text for text, _ in claims], [gold for _, gold in claims], workers=2, timeout=LIMIT)
            seconds[name] += time.monotonic() - began
    print({name: round(taken, 1) for name, taken in seconds.items()})
    assert seconds["mixed"] - seconds["hostile"] <= 2 * seconds["alone"]
