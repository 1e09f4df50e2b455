"""The answer of a completion is its last balanced box."""

import pytest

from beyond_sharpening.grading import last_boxed, marked_answer


@pytest.mark.parametrize(
    ("text", "content"),
    [
        (r"so \boxed{4}.", "4"),
        (r"first \boxed{1}, then \boxed{2}", "2"),
        (r"\boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        (r"\boxed{\{1, 2\}}", r"\{1, 2\}"),
        (r"\boxed{\left\{x\right.}", r"\left\{x\right."),  # an escaped brace opens nothing
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
        ("so it is 7", None),
    ],
)
def test_the_answer_a_text_marks(text: str, answer: str | None) -> None:
    assert marked_answer(text) == answer


def test_a_degenerate_completion_takes_linear_time() -> None:
    assert last_boxed(r"\boxed{" * 50_000) is None
    assert last_boxed(r"\boxed{" * 50_000 + "1" + "}" * 50_000) == "1"
