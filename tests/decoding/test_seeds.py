"""Seeds depend on what they are for, and on nothing else."""

import subprocess
import sys

from beyond_sharpening.decoding.seeds import derive_seed


def test_a_seed_is_the_same_in_another_process():
    code = "from beyond_sharpening.decoding.seeds import derive_seed; print(derive_seed(0, 'rollout', 'π', 3))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert int(told) == derive_seed(0, "rollout", "π", 3)


def test_other_parts_another_order_or_other_borders_give_other_seeds():
    parts = [(0, "a", 1), (1, "a", 0), ("a", 0, 1), (0, "a1"), ("0a", 1), (0, "a", 1, ""), (0, "a", 2)]
    assert len({derive_seed(*each) for each in parts}) == len(parts)


def test_seeds_fit_every_generator_and_fill_their_range():
    seeds = [derive_seed("range", part) for part in range(1000)]
    assert all(0 <= seed < 2**63 for seed in seeds)
    # Each of the 63 bits is one in about half of 1000 seeds: six standard deviations are 95.
    assert all(abs(sum(seed >> bit & 1 for seed in seeds) - 500) < 95 for bit in range(63))
