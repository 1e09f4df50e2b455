"""The wrong answers that the false-positive rate is measured with are wrong, and one thing differs."""

import pytest

from beyond_sharpening.grading.perturb import perturbed


@pytest.mark.parametrize(
    ("gold", "change", "wrong"),
    [
        ("25", "number", ["26", "257", "52"]),
        (r"\frac{1}{3}", "number", [r"\frac{2}{3}", r"\frac{17}{3}", r"\frac{1}{4}", r"\frac{1}{37}"]),
        ("025", "number", ["026", "257", "052"]),
        ("-7", "sign", ["7"]),
        ("0", "sign", []),
        (
            r"15\mbox{ inches}^2",
            "unit",
            [rf"15\mbox{{ {unit}}}^2" for unit in ("cm", "miles", "days", "degrees", "cents")],
        ),
        (r"336^\circ", "unit", [r"336\%", r"336\text{ radians}"]),
        (r"\$5", "unit", [r"5\text{ cents}"]),
        ("(1,2]", "ends", ["(2,1]"]),
        ("(1,1)", "ends", []),
        ("(1,2]", "bracket", ["(1,2)"]),
        (r"(-\infty,2) \cup (3,\infty)", "missing", [r"(-\infty,2) "]),
        ("1, 3, 5", "missing", ["1, 3"]),
        ("2,125", "missing", []),  # a number
        (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", "missing", [r"\begin{pmatrix} 2 \end{pmatrix}"]),
        ("1, 3", "extra", ["1, 3, 1234"]),
        ("2k", "letter", ["2w"]),
        ("k \\leq 2", "relation", [r"k \ge 2"]),
        (r"$\frac12$", "candidate", [r"1234 \implies \frac12", r"\frac12 \text{ or } 1234", r"\ge \frac12"]),
        ("1, 2,", "missing", ["1"]),
        (r"\text{(E)},", "missing", []),
    ],
)
def test_one_thing_is_changed(gold: str, change: str, wrong: list[str]) -> None:
    assert [text for name, text in perturbed(gold) if name == change] == wrong
