"""Equal answers are one string; strings and exact numbers decide without computer algebra."""

import pytest

from beyond_sharpening.grading.canonical import canonical
from beyond_sharpening.grading.compare import same_answer


@pytest.mark.parametrize(
    "forms",
    [
        ["1/2", "0.5", ".5", "0.50", r"\frac12", r"\frac{1}{2}", r"\dfrac{1}{2}", r"\frac 1 2", "$1/2$", "2/4", "+0.5"],
        ["-1/2", r"-\frac{1}{2}", r"\frac{-1}{2}", "-0.5", "−0.5"],
        ["25", "025", "25.0", "25.", r"\(25\)", " 25 "],
        ["2125", "2,125", r"2{,}125", r"2,\!125", r"\$2,125", "$2125$"],
        ["4.5e33", r"4.5 \times 10^{33}", r"4.5 \cdot 10^{33}", "4.5E+33"],
        [r"\sqrt{2}", r"\sqrt2", r"\sqrt 2"],
        [r"(3,\frac{\pi}{2})", r"\left( 3, \dfrac{\pi}{2} \right)"],
        [r"336^\circ", r"336^{\circ}"],
        [r"10\%", "10%"],
        ["Saturday", r"\text{Saturday}"],
        ["5 cm", r"5\text{ cm}"],
        ["9/5", r"1\frac{4}{5}", "1 4/5", "1.8"],
        ["-3./2", "-1.5"],
        [r"2007+\frac\pi 2", r"2007 + \frac{\pi}{2}"],
        [r"\arcsin(10/13)", "np.arcsin(10/13)"],
        ["4210_{5}", "4210_5"],
        [r"k \le 2", r"k \leq 2", r"k \leqslant 2"],
        [r"\frac{k!}{n!}", r"\frac{k!}{n!"],
        [r"\begin{pmatrix} 1 \\ (-2) \end{pmatrix}", r"\begin{pmatrix}1\\(-2)\end{pmatrix}"],
        ["40320", "40,320", "40 320", r"40\,320", r"40\ 320", "40~320", "40\N{NARROW NO-BREAK SPACE}320"],
        ["1.6e-19", r"1.6 \times 10^{-19}", "1.6×10^{-19}", "1.6 x 10^{-19}", "1.6x10^(-19)"],
        ["12", "１２", "12\N{ZERO WIDTH SPACE}", "= 12", r"\approx 12", "+12", "12.", "12,"],
        ["3/2", "1 1/2", "1  1/2", r"1\ \ 1/2", r"1 \; 1/2"],
        [r"(7,\infty)", r"(7,+\infty)", "(7,∞)", r"\big(7,\infty\bigr)", r"\langle 7, \infty \rangle"],
        [r"\{1,2\}", r"\lbrace 1, 2 \rbrace"],
        ["2 or 3", r"2 \text{ or } 3", r"2\text{ or }3"],
        [r"90^\circ", "90°", r"90\degree"],
        [r"2\pi", "2π"],
        [r"\frac{x+1}{2}", r"{x+1 \over 2}", r"\frac {x+1} {2}"],
        [r"x\le2", "x ≤ 2"],
        ["x", r"\color{blue}{x}", r"\textcolor{red}{x}"],
    ],
)
def test_equal_answers_have_one_canonical_form(forms: list[str]) -> None:
    assert len({canonical(form) for form in forms}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1 1/2", "11/2"),
        ("1 2", "12"),
        ("81, 256", "81,256"),  # a list, and a number with a thousands separator
        ("1.6e-19", "9.1e-31"),
        ("0.5", "0.50001"),
        ("(1,2)", "(1,2]"),
        (r"\sin x", r"\sinx"),
        ("5 cm", "5 m"),
        ("10%", "10"),
        (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", r"\begin{pmatrix} 12 \end{pmatrix}"),
    ],
)
def test_different_answers_stay_apart(one: str, other: str) -> None:
    assert canonical(one) != canonical(other)


def test_nothing_but_typesetting_is_empty() -> None:
    assert [canonical(text) for text in ("", "  ", "$$", r"\,", r"\text{}")] == [""] * 5


def test_a_list_has_one_form_with_spaces_and_without() -> None:
    assert canonical("(100, 101)") == canonical("(100,101)") == "(100,101)"
    assert canonical("2400, 1350, 864") == canonical("2400,1350,864") == "2400,1350,864"


@pytest.mark.parametrize("text", ["1/0", r"\frac{1}{0}", "9" * 5000, "1e99999"])
def test_what_is_no_ordinary_number_is_left_as_text(text: str) -> None:
    assert canonical(text) == text


@pytest.mark.parametrize(
    ("answer", "gold", "decision"),
    [
        ("025", "25", True),
        ("24", "25", False),
        ("-7", "7", False),
        ("3/8", "3/7", False),
        ("0.1234567", "0.1234568", False),  # math-verify rounds to six decimals
        ("0.333333", "1/3", True),
        ("10%", "10", True),
        (r"\sqrt{3}/3", r"1/\sqrt{3}", None),
    ],
)
def test_decides_only_what_is_certain(answer: str, gold: str, decision: bool | None) -> None:
    assert same_answer(answer, gold) is decision
