"""The kinds of answers that people typeset in many ways: which are the gold answer, and which look like it."""

import pytest

from beyond_sharpening.grading.judge import judge, quick_verdict
from beyond_sharpening.grading.verdict import Claim


def is_correct(answer: str, gold: str) -> bool:
    """Judge in this process."""
    claim = Claim(answer, gold)
    return (quick_verdict(claim) or judge(claim)).correct


@pytest.mark.parametrize(
    ("answer", "gold", "correct"),
    [
        (r"0.8660254", r"\frac{\sqrt3}{2}", True),
        (r"1.4142135623730951", r"\sqrt2", True),
        (r"9.42477796", r"3\pi", True),
        (r"3\pi", r"9.42477796", True),
        (r"\frac{\sqrt3}{2}", r"0.8660254", True),
        (r"0.8660255", r"\frac{\sqrt3}{2}", False),
        (r"1.41422", r"\sqrt2", False),
        (r"1.41421", r"\sqrt2", True),
        (r"1.414", r"\sqrt2", False),
        (r"3.14", r"\pi", False),
        (r"22/7", r"\pi", False),
        (r"1.4142135...", r"\sqrt2", True),
        (r"2.718281828", r"e", True),
        (r"0.6931472", r"\ln 2", True),
        (r"0.5 + 0.8660254i", r"\frac12+\frac{\sqrt3}{2}i", True),
        (r"(0.7071068, 0.7071068)", r"(\frac{\sqrt2}{2}, \frac{\sqrt2}{2})", True),
    ],
)
def test_decimals(answer: str, gold: str, correct: bool) -> None:
    """A decimal stands for a closed form to the digits it gives, six or more."""
    assert is_correct(answer, gold) is correct


@pytest.mark.parametrize(
    ("answer", "gold", "correct"),
    [
        (r"6 - 5 i", r"6-5i", True),
        (r"6-5i", r"6 - 5 i", True),
        (r"\frac{3-4i}{5}", r"\frac35-\frac45 i", True),
        (r"(2+i)(2-i)", r"5", True),
        (r"i^2", r"-1", True),
        (r"3i\sqrt2", r"3\sqrt2 i", True),
        (r"3\sqrt2 i", r"3i\sqrt 2", True),
        (r"6+5i", r"6-5i", False),
        (r"5i-6", r"6-5i", False),
        (r"\frac{1}{1+i}", r"\frac{1-i}{2}", True),
        (r"e^{i\pi}", r"-1", True),
        (r"\cos\frac{\pi}{3}+i\sin\frac{\pi}{3}", r"\frac12+\frac{\sqrt3}{2}i", True),
        (r"i", r"\sqrt{-1}", True),
        (r"-i", r"i", False),
        (r"z=3+4i", r"3+4i", True),
        (r"a+bi", r"a + b i", True),
    ],
)
def test_complex_numbers(answer: str, gold: str, correct: bool) -> None:
    """The i is the imaginary unit, however it is spaced."""
    assert is_correct(answer, gold) is correct


@pytest.mark.parametrize(
    ("answer", "gold", "correct"),
    [
        (r"x^2-5x+6=0", r"0", False),
        (r"2y=x+1", r"x+1", False),
        (r"x^2+y^2=4", r"4", False),
        (r"(x-1)^2+(y+2)^2=9", r"9", False),
        (r"y=x+1", r"x+1", True),
        (r"f(x)=x+1", r"x+1", True),
        (r"m+n=65", r"65", True),
        (r"xy=12", r"12", True),
        (r"\cos\theta=\frac35", r"\frac35", True),
        (r"AB=5", r"5", True),
        (r"|z|=5", r"5", True),
        (r"2x+3y=12", r"12", False),
        (r"5=2x-3", r"5", False),
        (r"x^2=4", r"4", False),
        (r"12+5=17", r"17", True),
        (r"12+5=18", r"18", False),
        (r"x=\frac{10}{4}=2.5", r"2.5", True),
        (r"x=\frac{10}{4}=\frac52", r"\frac52", True),
        (r"A=\pi r^2=9\pi", r"9\pi", True),
        (r"2=x", r"2", True),
        (r"2=x", r"x=2", True),
        (r"5=x", r"x=2", False),
        (r"y=2", r"x=2", False),
        (r"f'(1)=2", r"2", True),
        (r"f'(1)=2", r"f'(2)=2", False),
        (r"\text{Area}=6", r"6", True),
        (r"\text{Area}=6", r"7", False),
    ],
)
def test_equations(answer: str, gold: str, correct: bool) -> None:
    """A side of an equation answers only what the other side, a name, asks for."""
    assert is_correct(answer, gold) is correct


@pytest.mark.parametrize(
    ("answer", "gold", "correct"),
    [
        (r"0.\overline{3}", r"\frac13", True),
        (r"0.1\overline{6}", r"\frac16", True),
        (r"0.333\ldots", r"\frac13", True),
        (r"0.\overline{142857}", r"\frac17", True),
        (r"0.\overline{9}", r"1", True),
        (r"0.\overline{3}", r"0.3", False),
        (r"0.(3)", r"1/3", True),
    ],
)
def test_repeating_decimals(answer: str, gold: str, correct: bool) -> None:
    """A repeating decimal is the ratio it is."""
    assert is_correct(answer, gold) is correct


@pytest.mark.parametrize(
    ("answer", "gold", "correct"),
    [
        (
            r"\begin{pmatrix}1\\2\end{pmatrix}+\begin{pmatrix}3\\4\end{pmatrix}",
            r"\begin{pmatrix}4\\6\end{pmatrix}",
            True,
        ),
        (r"2\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{pmatrix}2\\4\end{pmatrix}", True),
        (r"\frac{1}{2}\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"\begin{pmatrix}1/2&1\\3/2&2\end{pmatrix}", True),
        (
            r"\begin{pmatrix}1&1\\0&1\end{pmatrix}\begin{pmatrix}1&2\\0&1\end{pmatrix}",
            r"\begin{pmatrix}1&3\\0&1\end{pmatrix}",
            True,
        ),
        (r"2\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{pmatrix}2\\5\end{pmatrix}", False),
        (r"\begin{bmatrix}2\\4\end{bmatrix}", r"\begin{pmatrix}2\\4\end{pmatrix}", True),
    ],
)
def test_matrices(answer: str, gold: str, correct: bool) -> None:
    """Sums, multiples and products of matrices are worked out."""
    assert is_correct(answer, gold) is correct


@pytest.mark.parametrize(
    ("answer", "gold", "correct"),
    [
        (r"x\sqrt{x}", r"x^{3/2}", True),
        (r"9^n", r"3^{2n}", True),
        (r"2\cdot 2^n", r"2^{n+1}", True),
        (r"4^{n}", r"2^{n+1}", False),
        (r"\frac{1}{x^2}", r"x^{-2}", True),
        (r"\sqrt[3]{x^2}", r"x^{2/3}", True),
        (r"\left(\frac12\right)^{-n}", r"2^n", True),
    ],
)
def test_powers(answer: str, gold: str, correct: bool) -> None:
    """One power in several forms."""
    assert is_correct(answer, gold) is correct


@pytest.mark.parametrize(
    ("answer", "gold", "correct"),
    [
        (r"30^\circ 15'", r"30.25^\circ", True),
        (r"30^\circ15'", r"30^\circ 16'", False),
        (r"12^\circ 30'", r"12.5^\circ", True),
        (r"5^{\circ}15^{\prime}30^{\prime\prime}", r"5^\circ 15' 30''", True),
        (r"5^{\circ}15^{\prime}31^{\prime\prime}", r"5^\circ 15' 30''", False),
        (r"\log_e 2", r"\ln 2", True),
        (r"\log_{e}(x)", r"\ln x", True),
        (r"\log_2 8", r"3", True),
    ],
)
def test_angles_and_logarithms(answer: str, gold: str, correct: bool) -> None:
    """Minutes of a degree; logarithms by any base."""
    assert is_correct(answer, gold) is correct


@pytest.mark.parametrize(
    ("answer", "gold", "correct"),
    [
        (r"A:B=1:2", r"1:2", True),
        (r"1:2", r"A:B=1:2", True),
        (r"a:b:c = 1:2:3", r"1:2:3", True),
        (r"A:B=2:1", r"1:2", False),
        (r"p=5,q=2;p=7,q=2", r"(5,2),(7,2)", True),
        (r"p=5,q=2 \text{ or } p=7,q=2", r"(5,2),(7,2)", True),
        (r"p=5,q=3;p=7,q=2", r"(5,2),(7,2)", False),
        (r"(5,2),(7,2)", r"p=5,q=2;p=7,q=2", True),
        (r"(p,q)=(5,2),(7,2)", r"(5,2),(7,2)", True),
        (r"(x,y)=(5,2)", r"(5,2)", True),
    ],
)
def test_names(answer: str, gold: str, correct: bool) -> None:
    """Named ratios, pairs and tuples are their values in the order of the names."""
    assert is_correct(answer, gold) is correct


@pytest.mark.parametrize(
    ("answer", "gold", "correct"),
    [
        (r"(-\infty,-1)\text{ or }(3,\infty)", r"(-\infty,-1)\cup(3,\infty)", True),
        (r"x<-1 \text{ or } x>3", r"(-\infty,-1)\cup(3,\infty)", True),
        (r"x<-1 \text{ or } x>4", r"(-\infty,-1)\cup(3,\infty)", False),
        (r"x\le-1 \text{ or } x>3", r"(-\infty,-1)\cup(3,\infty)", False),
        (r"(-\infty,-1)\cup(3,\infty)", r"x<-1\text{ or }x>3", True),
        (r"x<-1 \text{ or } x>3", r"x>3 \text{ or } x<-1", True),
        (r"-1<x<3", r"(-1,3)", True),
        (r"3>x>-1", r"(-1,3)", True),
        (r"-1\le x<3", r"(-1,3)", False),
    ],
)
def test_bounds(answer: str, gold: str, correct: bool) -> None:
    """Bounds are intervals; alternatives are unions."""
    assert is_correct(answer, gold) is correct


@pytest.mark.parametrize(
    ("answer", "gold", "correct"),
    [
        (r"3 \text{ to } 4", r"3:4", True),
        (r"3:4", r"3 \text{ to } 4", True),
        (r"4 \text{ to } 3", r"3:4", False),
        (r"\varnothing", r"\emptyset", True),
        (r"\{\}", r"\emptyset", True),
        (r"∅", r"\varnothing", True),
        (r"\emptyset", r"\{0\}", False),
        (r"0", r"\emptyset", False),
    ],
)
def test_ratios_and_empty_sets(answer: str, gold: str, correct: bool) -> None:
    """Ratios in words, and the empty set in all its signs."""
    assert is_correct(answer, gold) is correct


@pytest.mark.parametrize(
    ("answer", "gold", "correct"),
    [
        (r"f(t)=t^2", r"f(x)=x^2", True),
        (r"f(t)=t^3", r"f(x)=x^2", False),
        (r"f(x)=x^2", r"f(t)=t^2", True),
        (r"g(t)=t^2", r"f(x)=x^2", False),
        (r"x^2", r"f(x)=x^2", True),
        (r"f(n)=2n+1", r"f(x)=2x+1", True),
    ],
)
def test_functions(answer: str, gold: str, correct: bool) -> None:
    """The name of a function's variable says nothing."""
    assert is_correct(answer, gold) is correct


@pytest.mark.parametrize(
    ("answer", "gold", "correct"),
    [
        (r"\begin{cases}x=2\\y=7\end{cases}", r"(2,7)", True),
        (r"\begin{cases}y=7\\x=2\end{cases}", r"(2,7)", True),
        (r"\begin{cases}x=7\\y=2\end{cases}", r"(2,7)", False),
        (r"\begin{aligned}x&=2\\y&=7\end{aligned}", r"x=2,y=7", True),
        (r"\left\{\begin{array}{l}x=2\\y=7\end{array}\right.", r"(2,7)", True),
        (r"(2,7)", r"\begin{cases}x=2\\y=7\end{cases}", True),
        (r"x=2,y=7", r"(2,7)", True),
        (r"y=7,x=2", r"(2,7)", True),
        (r"x=7,y=2", r"(2,7)", False),
        (r"x=3\text{ and }y=5", r"(3,5)", True),
    ],
)
def test_systems(answer: str, gold: str, correct: bool) -> None:
    """A system is what it says of each name."""
    assert is_correct(answer, gold) is correct


@pytest.mark.parametrize(
    ("answer", "gold", "correct"),
    [
        (r"30 \mathrm{ft}/\mathrm{sec}", r"30\text{ ft/s}", True),
        (r"30 meters/min", r"30\text{ m/min}", True),
        (r"30\text{ m/s}", r"30\text{ m/min}", False),
        (r"8\pi", r"8\pi \mathrm{~N}-\mathrm{m}", True),
        (r"8\pi \text{ N m}", r"8\pi \mathrm{~N}\cdot\mathrm{m}", True),
        (r"8\mathrm{~N}-\mathrm{m}", r"8 \text{ N}\cdot\text{m}", True),
        (r"5\text{ cm}^2", r"5\text{ cm}", False),
        (r"5\text{ cm}^3", r"5\text{ cm}^2", False),
        (r"5 \text{ square centimeters}", r"5\text{ cm}^2", True),
        (r"100\text{ cm}", r"1\text{ m}", True),
        (r"1\text{ m}", r"1\text{ cm}", False),
        (r"60\text{ minutes}", r"1\text{ hour}", True),
    ],
)
def test_units(answer: str, gold: str, correct: bool) -> None:
    """Units are compared as what they measure; they may be left out, not changed."""
    assert is_correct(answer, gold) is correct


@pytest.mark.parametrize(
    ("answer", "gold", "correct"),
    [
        (r"€16", r"16", True),
        (r"£16", r"16", True),
        (r"₹16", r"16", True),
        (r"\pounds 16", r"\$16", False),
        (r"€17", r"16", False),
        (r"25 percent", r"25\%", True),
        (r"25 \text{ percent}", r"0.25", True),
        (r"26 percent", r"25\%", False),
        (r"twenty-five percent", r"25\%", True),
        (r"twenty-six percent", r"25\%", False),
    ],
)
def test_currencies_and_percent(answer: str, gold: str, correct: bool) -> None:
    """Signs and words of currencies and of percent."""
    assert is_correct(answer, gold) is correct


@pytest.mark.parametrize(
    ("answer", "gold", "correct"),
    [
        (r"½", r"\frac12", True),
        (r"2½", r"2.5", True),
        (r"√2", r"\sqrt2", True),
        (r"√3", r"\sqrt2", False),
        (r"x²", r"x^2", True),
        (r"x³", r"x^2", False),
        (r"10⁻³", r"0.001", True),
        (r"５", r"5", True),
        (r"5个", r"5", True),
        (r"5 米", r"5", True),
    ],
)
def test_characters(answer: str, gold: str, correct: bool) -> None:
    """Characters of Unicode are what they stand for."""
    assert is_correct(answer, gold) is correct


@pytest.mark.parametrize(
    ("answer", "gold", "correct"),
    [
        (r"\textnormal{5}", r"5", True),
        (r"\textsf{5}", r"5", True),
        (r"\boldsymbol{5}", r"5", True),
        (r"{\bf 5}", r"5", True),
        (r"\underline{5}", r"5", True),
        (r"\mathbf{5}", r"5", True),
        (r"\mathbf{\frac{1}{2}}", r"\frac12", True),
        (r"**5**", r"5", True),
        (r"\text{The answer is } 5", r"5", True),
        (r"\text{The answer is } 6", r"5", False),
        (r"three quarters", r"\frac34", True),
        (r"one-half", r"0.5", True),
        (r"three quarters", r"3", False),
        (r"negative seven", r"-7", True),
        (r"minus 7", r"-7", True),
        (r"negative seven", r"7", False),
    ],
)
def test_fonts_and_words(answer: str, gold: str, correct: bool) -> None:
    """Fonts, Markdown and an introduction in words say nothing."""
    assert is_correct(answer, gold) is correct


@pytest.mark.parametrize(
    ("answer", "gold", "correct"),
    [
        (r"(B)", r"B", True),
        (r"B", r"\text{(B)}", True),
        (r"(C)", r"B", False),
        (r"B) 5", r"B", True),
        (r"B) 5", r"5", True),
        (r"\text{(B) } 5", r"5", True),
        (r"\text{(B)}\ 5", r"B", True),
    ],
)
def test_choices(answer: str, gold: str, correct: bool) -> None:
    """A choice is its letter, with or without its text."""
    assert is_correct(answer, gold) is correct


@pytest.mark.parametrize(
    ("answer", "gold", "correct"),
    [
        (r"28 pct", r"28\%", True),
        (r"|x|", r"x", False),
        (r"\sqrt{x^2}", r"x", False),
        (r"\ln|x|", r"\ln x", False),
        (r"\sin^2 x+\cos^2 x", r"1", True),
        (r"\frac{x^2-1}{x-1}", r"x+1", True),
        (r"x-1", r"x+1", False),
        (r"n!", r"n(n-1)!", True),
        (r"\binom{n}{2}", r"\frac{n(n-1)}{2}", True),
        (r"\frac{1}{2}\ln(x^2+1)", r"\ln\sqrt{x^2+1}", True),
        (r"2\sin x\cos x", r"\sin 2x", True),
        (r"\sqrt{12}", r"2\sqrt3", True),
        (r"\sqrt{12}", r"3\sqrt2", False),
        (r"\frac{1}{\sqrt2}", r"\frac{\sqrt2}{2}", True),
        (r"\sqrt{3+2\sqrt2}", r"1+\sqrt2", True),
        (r"\frac{3^{900}+1}{2\cdot3^{901}}", r"\frac16", False),
        (r"10^{-7}", r"0", False),
        (r"e^{-20}", r"0", False),
        (r"\{x | x>3\}", r"(3,\infty)", True),
        (r"\mathbb{R}\setminus\{3\}", r"(-\infty,3)\cup(3,\infty)", True),
        (r"x \neq 3", r"(-\infty,3)\cup(3,\infty)", True),
        (r"(-\infty,\infty)", r"\mathbb{R}", True),
        (r"1,2,\ldots,n", r"1,2,...,n", True),
        (r"\text{Yes}", r"\text{No}", False),
        (r"\text{True}", r"\text{true}", True),
        (r"5,000", r"5000", True),
        (r"5.000", r"5", True),
        (r"1{,}234.5", r"1234.5", True),
        (r"1 234", r"1234", True),
        (r"$5$", r"5", True),
        (r"-\frac{1}{-2}", r"\frac12", True),
        (r"\frac{-1}{2}", r"-\frac12", True),
        (r"1.5\times 10^{-3}", r"0.0015", True),
        (r"2^{10}", r"1024", True),
        (r"5!", r"120", True),
        (r"3\frac12", r"3.5", True),
        (r"7 \pmod{10}", r"7", True),
        (r"7 \pmod{9}", r"7 \pmod{10}", False),
        (r"\pm 3", r"-3,3", True),
        (r"2\pm\sqrt3", r"2+\sqrt3,2-\sqrt3", True),
        (r"x=\pm3", r"\pm 3", True),
        (r"\sqrt{2}+\sqrt{3}", r"\sqrt3+\sqrt2", True),
        (r"2x(x+1)", r"2x^2+2x", True),
        (r"5x", r"5y", False),
        (r"\frac{a+b}{2}", r"\frac{b+a}{2}", True),
        (r"a/b", r"b/a", False),
        (r"x=1,2", r"1,2", True),
        (r"\text{5 apples}", r"5", True),
        (r"\text{five}", r"5", True),
        (r"y=mx+b", r"y = b + mx", True),
        (r"2x+y=3", r"y=3-2x", True),
        (r"2x+y=3", r"y=3+2x", False),
        (r"3x=6", r"x=2", True),
        (r"x=5", r"y=5", False),
        (r"x<3", r"y<3", False),
        (r"t \leq \pi", r"t \in (-\infty, \pi]", True),
        (r"x<3", r"(-\infty,3)", True),
        (r"x>3", r"(-\infty,3)", False),
        (r"-2\le x<5", r"[-2,5)", True),
        (r"-2<x", r"(-2,\infty)", True),
        (r"x\in(1,2)", r"1<x<2", True),
        (r"y\in(1,2)", r"1<x<2", False),
        (r"2<x<1", r"(1,2)", False),
        (r"x<3", r"3", False),
        (r"x\geq 3", r"3", False),
        (r"\theta\le\pi", r"(-\infty,\pi]", True),
        (r"x<\frac{1}{2}", r"(-\infty,0.5)", True),
        (r"(1,2)", r"1,2", True),
        (r"x+y=5,x-y=1", r"(3,2)", False),
        (r"a=1,b=2,c=3", r"(1,2,3)", True),
        (r"a=1,b=2,c=3", r"1,2,3", True),
        (r"5\text{ m}", r"500\text{ cm}", True),
        (r"5\text{ m}", r"50\text{ cm}", False),
        (r"\$2.50", r"250\text{ cents}", True),
        (r"2\text{ hours }30\text{ minutes}", r"2.5\text{ hours}", True),
        (r"5", r"5\text{ m/s}^2", True),
        (r"5\text{ m/s}", r"5\text{ m/s}^2", False),
        (r"5\text{ cm}^{-1}", r"5\text{ cm}", False),
        (r"5\frac{\text{m}}{\text{s}}", r"5\text{ m/s}", True),
        (r"\frac{5}{2}\text{ kg}", r"2.5\text{ kg}", True),
        (r"2.5\text{ g}", r"2.5\text{ kg}", False),
        (r"2500\text{ g}", r"2.5\text{ kg}", True),
        (r"45\%", r"0.45", True),
        (r"45\%", r"45", True),
        (r"0.45", r"45", False),
        (r"45 \text{ percent}", r"0.45", True),
        (r"\$1,200", r"1200", True),
        (r"1200 USD", r"1200", True),
        (r"12\text{ dollars}", r"\$12", True),
        (r"12\text{ euros}", r"\$12", False),
        (r"x\equiv 7\pmod{10}", r"7", True),
        (r"\sqrt{2}i", r"i\sqrt{2}", True),
        (r"2e^{i\pi/3}", r"1+i\sqrt3", True),
        (r"1-2 i, 1+2 i", r"1\pm 2i", True),
        (r"\{1+i,1-i\}", r"1-i,1+i", True),
        (r"3+4i", r"5", False),
        (r"(1+i)^4", r"-4", True),
        (r"x^2+1", r"x^2-i^2", True),
        (r"\frac{1}{2}+\frac{i}{2}", r"\frac{1+i}{2}", True),
        (r"-i^2", r"1", True),
        (r"2^{3x}", r"8^x", True),
        (r"x^{-1}", r"\frac1x", True),
        (r"\sqrt[4]{x}", r"x^{0.25}", True),
        (r"e^{\ln x}", r"x", True),
        (r"10^{2x}", r"100^x", True),
        (r"3^{n+1}-3^n", r"2\cdot 3^n", True),
        (r"(-1)^{n+1}", r"-(-1)^n", True),
        (r"(-1)^n", r"(-1)^{n+1}", False),
        (r"\sec^2 x", r"1+\tan^2 x", True),
        (r"\arcsin\frac12", r"\frac{\pi}{6}", True),
        (r"\log_{10} 100", r"2", True),
        (r"\lg 100", r"2", True),
        (r"\frac{x}{y}", r"\frac{y}{x}", False),
        (r"x^2y", r"xy^2", False),
        (r"(a+b)^2", r"a^2+b^2", False),
        (r"\sqrt{a^2+b^2}", r"a+b", False),
    ],
)
def test_expressions(answer: str, gold: str, correct: bool) -> None:
    """Expressions are compared by value, wherever they have one."""
    assert is_correct(answer, gold) is correct


@pytest.mark.parametrize(
    ("answer", "gold", "correct"),
    [
        (r"\lfloor\frac{4n-2}{10}\rfloor", r"\lfloor\frac{2n-1}{5}\rfloor", True),
        (r"\lfloor\frac{2n-1}{6}\rfloor", r"\lfloor\frac{2n-1}{5}\rfloor", False),
        (r"\lfloor\frac{2n-1}{57}\rfloor", r"\lfloor\frac{2n-1}{5}\rfloor", False),
        (r"-\lfloor -x \rfloor", r"\lceil x \rceil", True),
        (r"(-1)^{\lceil w/2 \rceil-1} \lceil n/2 \rceil", r"(-1)^{\lceil n/2 \rceil-1} \lceil n/2 \rceil", False),
    ],
)
def test_steps(answer: str, gold: str, correct: bool) -> None:
    """Functions that are the same all over an interval are held against each other far and wide."""
    assert is_correct(answer, gold) is correct


@pytest.mark.parametrize(
    ("answer", "gold", "correct"),
    [
        (r"\text{(C)} 5", "(C)", True),
        (r"(C) 5", "5", True),
        (r"\text{(C)} \text{ or } 1234", r"\text{(C)}", False),
        ("(C) or (D)", "(C)", False),
        ("(C) and (D)", "(C)", False),
        ("(A) orange", "(A)", True),
    ],
)
def test_options(answer: str, gold: str, correct: bool) -> None:
    """An option with its text answers either; one that leaves another open answers nothing."""
    assert is_correct(answer, gold) is correct
