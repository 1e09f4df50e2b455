"""The enumerated space: which completions there are, how many, and how much memory they may take."""

import subprocess
import sys
from itertools import product

import pytest

from beyond_sharpening.exact.completions import count_completions, enumerate_completions


def by_definition(vocabulary: int, eos_ids: list[int], max_length: int) -> set[tuple[int, ...]]:
    """Cut every string of T tokens after its first EOS."""
    completions = set()
    for tokens in product(range(vocabulary), repeat=max_length):
        ends = [index for index, token in enumerate(tokens) if token in eos_ids]
        completions.add(tokens[: ends[0] + 1] if ends else tokens)
    return completions


SPACES = [
    (4, [0], 5),
    (4, [3, 1], 4),  # several EOS ids
    (3, [2], 1),  # EOS at once, or cut off
    (3, [], 4),  # fixed length
    (2, [1], 6),  # one token besides EOS
    (2, [0, 1], 3),  # nothing but EOS
    (1, [], 3),
]


@pytest.mark.parametrize(("vocabulary", "eos_ids", "max_length"), SPACES)
def test_completions_are_all_strings_cut_after_their_first_eos(vocabulary, eos_ids, max_length):
    completions = enumerate_completions(vocabulary, eos_ids, max_length)
    rows = [tuple(row[:length]) for row, length in zip(completions.tokens.tolist(), completions.lengths, strict=True)]
    assert len(rows) == len(set(rows)) == count_completions(vocabulary, len(eos_ids), max_length)
    assert set(rows) == by_definition(vocabulary, eos_ids, max_length)
    assert completions.finished.tolist() == [row[-1] in eos_ids for row in rows]
    assert rows == sorted(rows, key=lambda row: (row[-1] not in eos_ids, len(row), row[:-1]))


def test_tokens_after_the_end_are_padding():
    completions = enumerate_completions(3, [0], 3)
    assert completions.tokens[0].tolist() == [0, -1, -1]
    assert completions.tokens[1].tolist() == [1, 0, -1]


def test_the_count_is_the_geometric_sum():
    assert count_completions(4, 1, 6) == 1093  # 1 + 3 + 9 + 27 + 81 + 243, and 729 cut off
    assert count_completions(10, 0, 6) == 10**6


MILLION = """
import resource
from beyond_sharpening.exact.completions import enumerate_completions
from beyond_sharpening.exact.distributions import entropy, kl_divergence, tempered
from beyond_sharpening.exact.policy import log_probabilities, random_policy

completions = enumerate_completions(10, [], 6)
log_p = log_probabilities(random_policy(0, 10), [[1]], completions)
log_q = tempered(log_p, 2.0)
assert len(completions) == 10**6 and abs(log_p.exp().sum() - 1) < 1e-9
assert entropy(log_q) > 0 and kl_divergence(log_q, log_p) > 0
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the peak is told in other units")
def test_a_million_completions_and_their_probabilities_fit_into_two_gigabytes():
    """The peak of a process of its own, PyTorch included."""
    done = subprocess.run([sys.executable, "-c", MILLION], capture_output=True, text=True, check=True)
    assert int(done.stdout) * 1024 < 2e9


@pytest.mark.parametrize(
    ("vocabulary", "max_length", "shown"),
    [(11, 6, "1,111,111 completions"), (50_000, 100_000, "about 10^469896 completions"), (2, 100_000, "100,001")],
)
def test_a_space_too_large_is_refused_before_it_is_built(vocabulary, max_length, shown):
    with pytest.raises(ValueError, match=f"vocabulary of {vocabulary} .*max_length={max_length} ") as error:
        enumerate_completions(vocabulary, [0], max_length)
    assert shown in str(error.value)
    assert "1,000,000" in str(error.value)


@pytest.mark.parametrize(("vocabulary", "eos_ids", "max_length"), [(4, [4], 3), (4, [-1], 3), (0, [], 3), (4, [0], 0)])
def test_impossible_spaces_are_refused(vocabulary, eos_ids, max_length):
    with pytest.raises(ValueError, match="must"):
        enumerate_completions(vocabulary, eos_ids, max_length)
