"""Answers are compared part by part; brackets, order, units and bases decide without computer algebra."""

from fractions import Fraction

import pytest

from beyond_sharpening.grading.compare import same_answer
from beyond_sharpening.grading.quantity import Quantity, quantity
from beyond_sharpening.grading.structure import Several, structure


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("1,2", Several("list", ("1", "2"))),
        (r"-12 \text{ or } -30", Several("alternatives", ("-12", "-30"))),
        (r"$221,$8$", Several("list", ("221", "8"))),
        (r"1 \pm \sqrt{19}", Several("list", (r"1+\sqrt{19}", r"1-\sqrt{19}"))),
        (r"\{1 \pm \sqrt 5, -2\}", Several("set", (r"1+\sqrt{5}", r"1-\sqrt{5}", "-2"))),
        (r"\left( 3, \frac{\pi}{2} \right]", Several("(]", ("3", r"\frac{\pi}{2}"))),
        ("(1,2),(3,4)", Several("list", ("(1,2)", "(3,4)"))),
        (r"(-\infty,2) \cup [3,\infty)", Several("union", (r"(-\infty,2)", r"[3,\infty)"))),
        (r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}", Several("matrix", ("1", "2", "3", "4"), 2)),
        ("3 : 5 : 7", Several("ratio", ("3", "5", "7"))),
        ("1; 2", Several("list", ("1", "2"))),
        ("(1; 2)", Several("()", ("1", "2"))),
        ("81, 256", Several("list", ("81", "256"))),
        ("1,200 and 3,400", Several("list", ("1200", "3400"))),
        (r"x = 2 \text{ or } x = 3", Several("alternatives", ("x=2", "x=3"))),
        (r"\left[\begin{array}{cc} 1 & 2 \end{array}\right]", Several("matrix", ("1", "2"), 2)),
        (r"\begin{smallmatrix} 1 & 2 \end{smallmatrix}", Several("matrix", ("1", "2"), 2)),
        (r"\begin{vmatrix} 1 & 2 \end{vmatrix}", r"\begin{vmatrix}1&2\end{vmatrix}"),  # a determinant
        ("{1,3,5}", Several("list", ("1", "3", "5"))),
        ("14,400 cm", "14,400 cm"),
        ("AB = 14,400", "AB=14,400"),
        ("2,125", "2,125"),
        ("(a+5)(b+2)", "(a+5)(b+2)"),
        ("(073)", "073"),
        ("f(x,y)", "f(x,y)"),
    ],
)
def test_what_an_answer_is_made_of(text: str, parts: str | Several) -> None:
    assert structure(text) == parts


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        (r"5\text{ cm}", "5", "centimeter"),
        (r"15\mbox{ cm}^2", "15", "centimeter ** 2"),
        (r"3200 \mathrm{~cm}^{3}", "3200", "centimeter ** 3"),
        ("12 square inches", "12", "inch ** 2"),
        (r"\frac{270}7\text{ degrees}", r"\frac{270}{7}", "degree"),
        (r"336^\circ", "336", "degree"),
        (r"\$18.90", "18.90", "dollar"),
        ("4:40 a.m.", "4:40", "am"),
        (r"5\mathrm{i}", "5i", ""),
        ("5m", "5m", ""),  # may be a variable
        (r"\text{Evelyn}", "Evelyn", ""),
        (r"3 \text{ or } 4", "3 or 4", ""),
        ("12 gm", "12", "gram"),
        ("20 sq units", "20", "unit ** 2"),
        (r"25^{\circ} \mathrm{C}", "25", "celsius_degree"),
        ("6'", "6", "foot"),
        ("x'", "x'", ""),
        (r"12\text{ is wrong}", "12 is wrong", ""),
        (r"12 \text{ squared}", "12 squared", ""),
    ],
)
def test_values_and_units(text: str, value: str, unit: str) -> None:
    assert quantity(text) == Quantity(value, unit)


@pytest.mark.parametrize(
    ("text", "value", "unit", "factor"),
    [
        (r"99\%", "99", "percent", Fraction(1, 100)),
        ("5 million", "5", "", Fraction(10**6)),
        (r"5\text{ million dollars}", "5", "dollar", Fraction(10**6)),
        ("3 dozen eggs", "3", "egg", Fraction(12)),
    ],
)
def test_percent_and_number_words_are_factors(text: str, value: str, unit: str, factor: Fraction) -> None:
    assert quantity(text) == Quantity(value, unit, factor)


@pytest.mark.parametrize(
    ("answer", "gold", "same"),
    [
        # order and brackets
        ("2, 1", "1,2", True),
        (r"\{2, 1\}", "1,2", True),
        ("(2,1)", "(1,2)", False),
        ("1,2", "(1,2)", True),
        ("2,1", "(1,2)", False),
        ("[1,2]", "(1,2)", False),
        ("(1,2]", "(1,2)", False),
        ("(2,1)", r"\{1,2\}", False),
        (r"[3,\infty) \cup (-\infty,2)", r"(-\infty,2) \cup [3,\infty)", True),
        (r"\begin{bmatrix} 1 \\ 2 \end{bmatrix}", r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", True),
        (r"\begin{pmatrix} 1 & 2 \end{pmatrix}", r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", False),
        # elements
        ("1", "1,2", False),
        ("1,2,3", "1,2", False),
        ("-2", "-2,-2", False),
        ("16,3,1", "16,3,1,1", False),
        ("7, 5 and 3", "3,5,7", True),
        (r"2+\sqrt{3}, 2-\sqrt{3}", r"2 \pm \sqrt{3}", True),
        ("3:5:8", "3:5:7", False),
        # units: none contradicts nothing, another is another answer
        ("5", r"5\text{ cm}", True),
        (r"5\text{ centimeters}", r"5\text{ cm}", True),
        (r"5\text{ m}", r"5\text{ cm}", False),
        (r"5\text{ cm}^2", r"5\text{ cm}^3", False),
        (r"5\text{ apples}", r"5\text{ oranges}", False),
        ("336", r"336^\circ", True),
        (r"336\%", r"336^\circ", False),
        (r"5\text{ cents}", r"\$5", False),
        ("4:40 p.m.", "4:40 a.m.", False),
        # percent: as it stands or worked out
        ("10", r"10\%", True),
        ("0.1", r"10\%", True),
        (r"50\%", "1/2", True),
        ("100", r"10\%", False),
        # number words: as they stand or worked out
        ("5 million", "5", True),
        ("5 million", "5,000,000", True),
        (r"\$5\text{ million}", r"\$5,000,000", True),
        ("5 million", "5 thousand", False),
        ("3 dozen", "36", True),
        ("36'", r"36^\circ", False),
        ("14,400 dollars", r"\$14,400", True),
        ("14,400 dollars", r"\$14,401", False),
        # bases: may be left out, may not be another
        ("(204)_5", "204_5", True),
        ("204 base 5", "204_5", True),
        ("204 base 6", "204_5", False),
        ("204", "204_5", True),
        ("204_{5}", "204_5", True),
        ("204_6", "204_5", False),
        ("54", "204_5", False),
        ("A", "A_1", None),  # a variable, no numeral
        # lists and thousands separators
        ("256, 81", "81, 256", True),
        ("81,256", "81, 256", True),
        ("2, 125", "2125", False),
        # one answer written several times
        ("0.56", r"0.56 = 56\%", True),
        (r"1.56 = 56\%", r"0.56 = 56\%", False),
        (r"\theta", r"\theta = 2\pi", None),
        (r"\theta = \frac{\pi}{2}", r"\theta = 2\pi", None),
        # names
        ("x=5", "5", True),
        ("x=5", "x = 5.0", True),
        (r"\ge \approx 5", r"\approx 5", None),
        ("x = 3 \\text{ or } x = -2", "-2, 3", True),
        ("5", "x = 5", True),
        (r"x \in [-2,7]", "[-2,7]", True),
        ("SRMC", "MR=SRMC", None),
        ("Saturday", r"\text{saturday}", True),
        ("Sunday", r"\text{Saturday}", False),
        ("(E)", r"\text{E}", True),
        # numbers
        (r"4.5 \times 10^{33}", "4.5e33", True),
        ("10^{33}", "1e33", True),
        ("-1.5", "-3./2", True),
        ("9/5", r"1\frac{4}{5}", True),
        ("0.33", "1/3", False),
        ("0.0000001", "0.0000002", False),
        # the rest is for computer algebra
        (r"\frac{1}{\sqrt{3}}", r"\frac{\sqrt{3}}{3}", None),
        (r"(-\infty,3) \cup (3,\infty)", r"\mathbb{R} \setminus \{3\}", None),
        ("x<5", r"(-\infty,5)", True),
        ("x<5", r"(-\infty,5]", False),
        ("x<5", "y<5", False),
    ],
)
def test_what_strings_and_exact_numbers_decide(answer: str, gold: str, same: bool | None) -> None:
    assert same_answer(answer, gold) is same


@pytest.mark.parametrize(
    ("answer", "gold", "same"),
    [
        (r"\sqrt{2}, 1", r"1, 2^{1/2}", True),
        (r"\sqrt{2}, 1", r"1, 2^{1/3}", False),
        (r"(\sqrt{2}, 1)", r"(2^{1/2}, 1)", True),
        (r"(\sqrt{2}, 1)", r"(1, 2^{1/2})", False),
    ],
)
def test_the_judge_is_asked_about_the_parts_that_are_open(answer: str, gold: str, same: bool) -> None:
    equal = {(r"\sqrt{2}", r"2^{1/2}")}
    assert same_answer(answer, gold, lambda one, other: (one, other) in equal) is same
