"""No problem is both trained on and tested on."""

import logging

import pytest

from beyond_sharpening.problems import Overlap, Problem, drop_overlap, drop_seen, hold_out, normalise_question


def problem(name: str, question: str, split: str = "train") -> Problem:
    return Problem(name, name.split("-")[0], question, "1", "", split)


PROBLEMS = [problem(f"toy-{number}", f"{number}+1=") for number in range(20)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Find  $x$ .", "find $ x$."),
        (r"Let $b > 9$.", "Let $b>9$."),
        (r"$(a,11)\,$, and $\left(b,37\right)$", "$(a, 11)$, and $(b, 37)$"),
        (r"\[x^{2}+3\]", "$x^2 + 3$"),
        (r"$\dfrac{1}{2}$~cm", r"\(\frac{1}{2}\) cm"),
        (r"costs $\$ 1,\!024$", r"costs \$1,024"),
        ("ﬁnd ½", "find 1⁄2"),
        (r"Let $p\ne 0$. What is $b$?", r"Let $p\neq 0$. What is $b$?"),
        (r"at $(3,7)$ and $(d,7).$  Compute $d.$", r"at $(3,7)$, and $(d, 7)$. Compute $d$."),
        (
            r"\[a^3 = 0 \quad \text{and} \quad b = 5.\]Compute $a$.",
            r"$\quad$ $$a^{3}=0 \text { and } b=5$$ Compute $a$.",
        ),
        (r"$\sin^2 4^\circ + \dots$", r"$\sin ^{2} 4^{\circ}+\cdots$"),
    ],
)
def test_typesetting_does_not_make_a_new_question(one: str, other: str) -> None:
    assert normalise_question(one) == normalise_question(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("8+5=", "8-5="),
        ("x^{12}", "x^{21}"),
        (r"\frac{1}{23}", r"\frac{12}{3}"),
        ("1.5", "15"),
        ("Compute $n!$.", "Compute $n$."),
        ("Find $f(x, y)$.", "Find $f(xy)$."),
        (r"$\tan 22.5^\circ.$", r"$\tan 225^\circ.$"),
    ],
)
def test_different_questions_stay_different(one: str, other: str) -> None:
    assert normalise_question(one) != normalise_question(other)


def test_training_problems_that_stand_in_a_benchmark_are_dropped(caplog: pytest.LogCaptureFixture) -> None:
    train = [problem("math-0", "Find $x$."), problem("math-1", "Find $y$.")]
    benchmark = [problem("exam-9", "find  $ x $.", "benchmark")]
    with caplog.at_level(logging.WARNING):
        kept, dropped = drop_overlap(train, benchmark)
    assert kept == [train[1]]
    assert dropped == [Overlap(train[0], benchmark[0])]
    assert "Dropped 1 training problems that stand in exam" in caplog.text


def test_a_hold_out_is_a_partition_in_order_and_says_what_it_is() -> None:
    train, validation = hold_out(PROBLEMS, 5, seed=0)
    assert [p.id for p in PROBLEMS if p in train] == [p.id for p in train]
    assert {p.split for p in validation} == {"validation"}
    assert sorted([p.id for p in train + validation]) == sorted(p.id for p in PROBLEMS)
    assert len(validation) == 5


def test_a_hold_out_is_random_and_decided_by_its_seed() -> None:
    assert hold_out(PROBLEMS, 5, seed=0) == hold_out(PROBLEMS, 5, seed=0)
    held_out = {problem.id for seed in range(50) for problem in hold_out(PROBLEMS, 5, seed)[1]}
    # One problem is never chosen in 50 draws with probability 0.75^50; any of 20 with at most 20 · 0.75^50 = 1.1e-5.
    assert held_out == {problem.id for problem in PROBLEMS}


@pytest.mark.parametrize("size", [0, 20, -1])
def test_an_impossible_size_is_an_error(size: int) -> None:
    with pytest.raises(ValueError, match=rf"hold out {size} of 20 problems: choose from 1 to 19"):
        hold_out(PROBLEMS, size, seed=0)


def test_a_benchmark_is_not_tested_on_what_has_been_trained_on(caplog):
    asked = [Problem(f"late-{row}", "late", f"What is {row} + 1?", str(row + 1), "", "benchmark") for row in range(5)]
    kept, leaked = drop_seen(asked, ["what is  3 + 1", "something else"])
    assert [problem.id for problem in leaked] == ["late-3"]
    assert [problem.id for problem in kept] == ["late-0", "late-1", "late-2", "late-4"]
    assert "1 problems of late have been trained on and are left out of it (late-3, …)" in caplog.text
