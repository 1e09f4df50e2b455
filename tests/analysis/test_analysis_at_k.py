"""pass@k and maj@k against enumeration of every subset, and what they refuse."""

from itertools import combinations

import numpy as np
import pytest

from beyond_sharpening.analysis import maj_at_k, pass_at_k


def vote(answers: tuple, right: set) -> float:
    """The chance that one drawn set of votes elects a right answer, ties settled by a fair draw."""
    votes = [answer for answer in answers if answer is not None]
    most = max((votes.count(answer) for answer in votes), default=0)
    tied = {answer for answer in votes if votes.count(answer) == most}
    return len(tied & right) / len(tied) if tied else 0.0


@pytest.mark.parametrize("n", [1, 2, 5, 7])
def test_pass_at_k_is_the_share_of_subsets_with_a_correct_sample(n):
    for c in range(n + 1):
        for k in range(1, n + 1):
            subsets = list(combinations([True] * c + [False] * (n - c), k))
            assert pass_at_k(n, c, k) == pytest.approx(np.mean([any(subset) for subset in subsets]), abs=1e-14)


def test_pass_at_k_broadcasts_and_is_stable_where_binomials_overflow():
    values = pass_at_k([[4000], [8000]], [[1], [2]], [1, 2000, 4000])
    assert values.shape == (2, 3)
    # One correct sample of n is drawn with chance k/n; two are both missed with (1 − k/n)(1 − k/(n − 1)).
    assert values[0] == pytest.approx([1 / 4000, 0.5, 1], rel=1e-10)
    assert values[1] == pytest.approx([1 - (1 - k / 8000) * (1 - k / 7999) for k in (1, 2000, 4000)], rel=1e-10)


@pytest.mark.parametrize(
    ("n", "c", "k"),
    [
        (16, 3, 17),
        (16, 3, 0),
        (16, 17, 1),
        (16, -1, 1),
        (16, 3, 1.5),
        (16, 2.5, 2.0),
        (16, np.nan, 2.0),
        (16.5, 3.0, 2.0),
    ],
)
def test_pass_at_k_names_the_numbers_it_refuses(n, c, k):
    with pytest.raises(ValueError, match=f"n_samples={n}, n_correct={c}, k={k}"):
        pass_at_k([16, n], [3, c], [1, k])


@pytest.mark.parametrize(
    ("answers", "right"),
    [
        (("5", "5", "7", "7", "9", None), {"5"}),
        (("5", "5.0", "7", "7", "9"), {"5", "5.0"}),
        (("5", "5", "5", None, None, None, "7", "8"), {"5"}),
        (("7", "8", "8", None), set()),
        ((None, None, None), set()),
        (("5", "7", "8", "9", "10", "11", "5", "7"), {"5", "11"}),
    ],
)
def test_maj_at_k_is_the_mean_over_all_subsets(answers, right):
    correct = [answer in right for answer in answers]
    for k in range(1, len(answers) + 1):
        expected = np.mean([vote(subset, right) for subset in combinations(answers, k)])
        assert maj_at_k(answers, correct, k) == pytest.approx(expected, abs=1e-12)


def test_maj_at_k_of_random_problems_is_the_mean_over_all_subsets():
    rng = np.random.default_rng(0)
    for _ in range(25):
        answers = tuple(rng.choice(["5", "6", "7", "8", None], 9))
        right = set(rng.choice(["5", "6", "7"], 2))
        k = int(rng.integers(1, 10))
        expected = np.mean([vote(subset, right) for subset in combinations(answers, k)])
        assert maj_at_k(answers, [answer in right for answer in answers], k) == pytest.approx(expected, abs=1e-12)


def test_one_vote_is_accuracy_and_all_votes_are_the_plurality():
    answers = ["5"] * 90 + ["7"] * 100 + [f"{i}" for i in range(100, 166)]
    correct = [answer == "5" for answer in answers]
    assert maj_at_k(answers, correct, 1) == pytest.approx(90 / 256, abs=1e-12)
    assert maj_at_k(answers, correct, 256) == 0
    tied = answers[:180]
    assert maj_at_k(tied, correct[:180], 180) == pytest.approx(0.5)


def test_maj_at_k_does_not_depend_on_the_order_of_samples():
    answers, correct = ["5", "7", "5", None, "9", "7"], [True, False, True, False, False, False]
    assert maj_at_k(answers, correct, 3) == maj_at_k(answers[::-1], correct[::-1], 3)


def test_a_missing_value_abstains_as_none_does():
    assert maj_at_k(["5", np.nan, "7"], [True, False, False], 2) == maj_at_k(["5", None, "7"], [True, False, False], 2)


def test_maj_at_k_says_what_it_refuses():
    with pytest.raises(ValueError, match="n_samples=2, k=3"):
        maj_at_k(["5", "7"], [True, False], 3)
    with pytest.raises(ValueError, match=r"n_samples=2, k=1\.5"):
        maj_at_k(["5", "7"], [True, False], 1.5)
    with pytest.raises(ValueError, match="some are missing"):
        maj_at_k(["5", "7"], [np.nan, False], 1)
    with pytest.raises(ValueError, match="2 answers, 1 verdicts"):
        maj_at_k(["5", "7"], [True], 1)
    with pytest.raises(ValueError, match="'5' is graded both"):
        maj_at_k(["5", "5"], [True, False], 1)
