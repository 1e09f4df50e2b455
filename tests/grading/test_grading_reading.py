"""The answer of a completion is its last balanced box."""

import time
import tracemalloc

import pytest

from beyond_sharpening.grading import last_boxed, marked_answer
from beyond_sharpening.grading.reading import stated_answer


@pytest.mark.parametrize(
    ("text", "content"),
    [
        (r"so \boxed{4}.", "4"),
        (r"first \boxed{1}, then \boxed{2}", "2"),
        (r"\boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        (r"\boxed{\{1, 2\}}", r"\{1, 2\}"),
        (r"\boxed{\left\{x\right.}", r"\left\{x\right."),  # an escaped brace opens nothing
        (r"\\boxed{\\frac12}", r"\frac12"),  # escaped twice
        ("\\" * 10**6 + r"\boxed{7}" + "\\" * 10**6, "7"),  # half an hour, if every one were looked at from every other
        (r"\boxed{\text{a} \\ \text{b}}", r"\text{a} \\ \text{b}"),
        (r"\boxed{\boxed{5}}", "5"),
        (r"\fbox{7}", "7"),
        (r"\boxed {3}", "3"),
        (r"$\boxed 2$.", "2"),
        (r"is \boxed 9.", "9"),
        (r"\boxed{}", ""),
        (r"\boxed{ }", ""),
        (r"\boxed{1} and \boxed{2", "1"),  # truncated: the last box that closes counts
        (r"{ \boxed{6}", "6"),
        (r"} \boxed{6}", "6"),
    ],
)
def test_last_balanced_box(text: str, content: str) -> None:
    assert last_boxed(text) == content


@pytest.mark.parametrize("text", ["", "4", r"\boxed{4", r"\boxedly{4}", "boxed{4}"])
def test_no_box(text: str) -> None:
    assert last_boxed(text) is None


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"first \boxed{1}, then \boxed{2}", "2"),
        (r"\boxed{25}, no: \boxed{24}", "24"),
        (r"$\boxed{-2}$ and $\boxed{1}$.", "-2, 1"),
        (r"$a = \boxed{-1}$ and $a = \boxed{2}.$", "-1, 2"),
        (r"\boxed{(1,2)} \text{ or } \boxed{(2,1)}", "(1,2), (2,1)"),
        (r"$\boxed{1}$, $\boxed{2}$ and $\boxed{3}$", "1, 2, 3"),
        (r"$\boxed{\frac32}$, or $\boxed{1\frac{1}{2}}$", r"1\frac{1}{2}"),  # one answer written twice
        (r"\boxed{1} or \boxed{2}. Solution 2: \boxed{1} or \boxed{2}", "1, 2"),
        ("3 + 4 = 7\n#### 7", "7"),
        ("#### 3\n#### 1,200 \nQuestion: 5", "1,200"),
        ("#### Step 1\n3 + 4 = 7", None),  # a heading
        (r"\boxed{6} #### 7", "6"),
        ("####7", "7"),
        (r"$x_1=\boxed{-2}, x_2=\boxed{1}$", "-2, 1"),
        (r"The sum is \boxed{}, that is 7", None),
        ("so it is 7", None),
    ],
)
def test_the_answer_a_text_marks(text: str, answer: str | None) -> None:
    assert marked_answer(text) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        # what the word introduces
        ("The final answer is 7.", "7"),
        ("**Answer:** 7", "7"),
        (r"The answer is $\frac{3}{4}$. Indeed, $4 \cdot 3 = 12$.", r"$\frac{3}{4}$"),
        (r"so the answer is \(\frac12\), for 2 * 0.5 = 1.", r"\(\frac12\)"),
        ("The answer is 1,234 or 5", "1,234 or 5"),  # two answers are not one of them
        ("the answers are $3$ and $4$.", "$3$ and $4$"),
        ("The answer is .5, not 5", ".5"),
        # what the text ends with
        (" -4\n", " -4\n"),
        ("8+5=13, 13-3=10", "10"),
        ("so x = 3 or x = 4", "3 or x = 4"),
        ("We get $x = 5$.", "$x = 5$"),
        (r"\[ x = 5. \]", r"\[ x = 5. \]"),
        ("That is 45%", "45%"),
        ("That is **7**.", "7"),
        ("Therefore, she earns $100 per week.", "$100 per week"),
        ("故选D。", "D"),
        ("The answer is negative seven.", "negative seven"),
        # boxes that are denied or supposed, and remarks that take nothing back
        (r"The answer is not \boxed{7}.", None),
        (r"If it were \boxed{7}, we would have a contradiction.", None),
        (r"It is \boxed{8}, not \boxed{\frac{9}{2}}.", "8"),
        (r"\boxed{8}. It is easy to see that this is not a mistake.", "8"),
        (r"\boxed{8}. Indeed, it is not wrong.", "8"),
        (r"\boxed{8}. Sorry, this is quite wrong.", None),
        # no answer: an unfinished text, or a part of something longer
        (r"The answer is \boxed{8", None),
        ("So the answer is $", None),
        ("First $2+3=5$. Therefore the total is", None),
        ("13-3-6", None),
        ("which gives 5 - 3", None),
        (r"which gives 2 \cdot 3", None),
        (r"which is 2 \frac{1}{2}", None),
        (r"it is \boxed{x = 5", None),
        ("I cannot say.", None),
        ("", None),
    ],
)
def test_the_answer_a_text_states(text: str, answer: str | None) -> None:
    assert stated_answer(text) == answer


def test_a_degenerate_completion_takes_linear_time() -> None:
    assert last_boxed(r"\boxed{" * 50_000) is None
    assert last_boxed(r"\boxed{" * 50_000 + "1" + "}" * 50_000) == "1"


def test_nested_boxes_are_not_copied() -> None:
    """Their contents together are as long as the square of the text: 6 GB here."""
    nested = r"\boxed{" * 40_000 + "1" + "}" * 40_000
    tracemalloc.start()
    assert marked_answer(nested) == "1"
    assert tracemalloc.get_traced_memory()[1] < 2e8
    tracemalloc.stop()


@pytest.mark.parametrize("piece", [" ", "$", r"\(", "answer ", "answer $", "1,", r"\frac{", "1 or "])
def test_a_degenerate_text_without_a_box_takes_no_time(piece: str) -> None:
    started = time.perf_counter()
    stated_answer(piece * (100_000 // len(piece)) + "!")
    assert time.perf_counter() - started < 5
