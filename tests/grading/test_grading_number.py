"""The last number that a completion states."""

import pytest

from beyond_sharpening.grading.number import last_number


@pytest.mark.parametrize(
    ("completion", "gold", "outcome", "answer"),
    [
        ("Tom has 3 + 5 = 8 apples.", "8", "correct", "8"),
        ("He has 8 apples, not 9", "8", "wrong", "9"),
        ("The answer is 1,250.", "1250", "correct", "1250"),
        ("12.50", "12.5", "correct", "12.5"),
        ("It is -4", "-4", "correct", "-4"),
        ("7-4", "4", "correct", "4"),
        ("−3", "-3", "correct", "-3"),
        ("1, 2, 3", "3", "correct", "3"),
        ("I do not know.", "3", "unparsable", None),
        ("", "3", "unparsable", None),
        ("100", "100", "correct", "100"),
        ("It weighs 4.3 kg", r"4.2\within{0.1}", "correct", "4.3"),
        ("It weighs 4.31 kg", r"4.2\within{0.1}", "wrong", "4.31"),
    ],
)
def test_the_last_number_is_the_answer(completion, gold, outcome, answer):
    (verdict,) = last_number([completion], [gold])
    assert (verdict.outcome, verdict.answer) == (outcome, answer)


def test_a_gold_that_is_no_number_is_refused():
    with pytest.raises(ValueError, match="gold answer 'eight' is no number"):
        last_number(["8"], ["eight"])
