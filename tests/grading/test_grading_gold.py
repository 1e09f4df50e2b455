"""What the data say is right: one answer, a tolerance, or several acceptable answers."""

import pytest

from beyond_sharpening.grading import any_of, grade, within
from beyond_sharpening.grading.gold import accepts


@pytest.mark.parametrize(
    ("answer", "accepted"),
    [("4.2", True), ("4.3", True), ("4.11", True), ("4.31", False), (r"4.25\%", True), ("4.25 cm", False)],
)
def test_a_tolerance_includes_its_ends_and_keeps_the_unit(answer: str, accepted: bool) -> None:
    assert accepts(within(r"4.2\%", "0.1"), answer) is accepted


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (r"\frac{\pi}{2}", "correct"),
        (r"\frac{\pi}{2} \approx 1.571\text{ cm}", "correct"),
        (r"\approx 1.58", "correct"),
        (r"x = 1.58", "correct"),
        (r"AB = 1.58", "correct"),
        ("(1.58)", "correct"),
        (r"1.58 \text{ erg}", "correct"),
        (r"\sqrt{3}", "wrong"),
        ("x > 1.6", "wrong"),
        ("1.6, 5", "wrong"),
        ("[0, 1.6]", "wrong"),
        ("1.6x", "wrong"),
    ],
)
def test_a_tolerance_holds_for_every_way_to_write_a_number(answer: str, outcome: str) -> None:
    assert grade([rf"\boxed{{{answer}}}"], [within("1.6", "0.05")], workers=1)[0].outcome == outcome


@pytest.mark.parametrize(
    ("answer", "accepted"),
    [("4.5 million", True), (r"4.5 \times 10^6", True), ("4.6 million", False), ("4.5 thousand", False)],
)
def test_a_tolerance_knows_number_words(answer: str, accepted: bool) -> None:
    assert accepts(within("4500000", "50000"), answer) is accepted


@pytest.mark.parametrize(
    ("answer", "gold", "accepted"),
    [
        (r"\frac23 \approx 0.667", r"\frac23", True),
        (r"\frac23 \approx 0.76", r"\frac23", False),  # a contradiction
        (r"4.98 \approx 5", "5", True),
        (r"19 \approx 12", "12", False),
        (r"AB \approx 3.5", "3.5", True),
    ],
)
def test_an_exact_answer_may_be_followed_by_a_rounded_one(answer: str, gold: str, accepted: bool) -> None:
    assert accepts(gold, answer) is accepted


def test_without_a_tolerance_there_is_none() -> None:
    assert accepts("4.2", "4.20001") is False


@pytest.mark.parametrize(
    ("answer", "accepted"),
    [("(10,0)", True), ("(0,0)", True), ("(0,10)", False), ("(0,0), (10,0)", True), ("(0,0), (1,0)", False)],
)
def test_any_of_several_is_accepted_and_so_are_all_of_them(answer: str, accepted: bool) -> None:
    assert accepts(any_of("(10,0)", "(0,0)"), answer) is accepted


def test_a_listed_gold_wants_every_element_while_alternatives_want_one() -> None:
    assert grade([r"\boxed{3}"] * 2, ["-3,3", any_of("-3", "3")])[0].outcome == "wrong"
    assert grade([r"\boxed{3}"] * 2, ["-3,3", any_of("-3", "3")])[1].outcome == "correct"


@pytest.mark.parametrize(
    "gold",
    [r"\anyof{1}", r"\anyof{1}{2", r"\anyof{1} {2}", r"4\within{little}", r"x\within{0.1}", r"\anyof{1}{x\within{1}}"],
)
def test_a_miswritten_gold_is_an_error_that_shows_it(gold: str) -> None:
    with pytest.raises(ValueError, match="The gold answer") as error:
        grade([r"\boxed{1}"], [gold])
    assert repr(gold) in str(error.value) or r"x\\within" in str(error.value)


def test_a_gold_that_computer_algebra_cannot_read_leaves_other_answers_unscored(
    caplog: pytest.LogCaptureFixture,
) -> None:
    gold = r"\frac{dM}{dt} = M_{\odot}^{6}"
    verdicts = grade([rf"\boxed{{{gold}}}", r"\boxed{x + y}"], [gold] * 2, workers=1)
    assert [verdict.outcome for verdict in verdicts] == ["correct", "unparsable"]
    assert "cannot read the gold answer" in caplog.text
