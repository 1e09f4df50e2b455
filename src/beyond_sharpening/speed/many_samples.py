"""Samples tables of any length, drawn by chance, to see what `compare` and `report` take.

    python -m beyond_sharpening.speed.many_samples FOLDER PROBLEMS SAMPLES
    kedro run --pipelines=report --params=data=FOLDER

Five policies (the base with two replicates, the others with three training seeds) on one benchmark: 14 rows a problem
and sample. The policies are exact tilts and powers of the base with numerical noise, so that every estimator has work.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from beyond_sharpening.storage import ROWS_OF_A_GROUP

MODEL, BENCHMARK = "tiny", "chain_sums"
SEEDS = (0, 1, 2)
PLACES = {"task_reward": (1.0, 1.0), "sharpening": (1.5, 0.0), "tempered": (2.0, 0.0), "tilted": (1.5, 1.0)}
"""α and β of each policy."""

VARIANTS = {"task_reward": "default", "sharpening": "alpha2", "tempered": "alpha2", "tilted": "alpha2-beta100"}
CHOICES = 32
"""Completions that a problem has."""

LENGTH = 100
"""Characters of a completion."""


def write_samples(folder: Path, n_problems: int, n_samples: int) -> int:
    """Write a samples table a policy and seed, and the base's scores under it; how many samples there are."""
    rng = np.random.default_rng(0)
    log_p = np.log(rng.dirichlet(np.full(CHOICES, 0.3), n_problems) + 1e-12)
    right = rng.random((n_problems, CHOICES)) < 0.3
    outputs, base = folder / "07_model_output" / MODEL, {"policy": "base", "variant": "default", "train_seed": 0}
    drawn = [_draw(log_p, n_samples, rng) for _ in (0, 1)]
    tables = [_table(base, replicate, choice, log_p, log_p, right, rng) for replicate, choice in enumerate(drawn)]
    count = _write(pd.concat(tables, ignore_index=True), outputs / "base/samples.parquet")
    for policy, (alpha, beta) in PLACES.items():
        for seed in SEEDS:
            log_q = alpha * log_p + beta * right + 0.05 * rng.standard_normal(log_p.shape)
            log_q -= np.logaddexp.reduce(log_q, axis=1, keepdims=True)
            arm = {"policy": policy, "variant": VARIANTS[policy], "train_seed": seed}
            place = outputs / policy / VARIANTS[policy] / f"seed-{seed}"
            table = _table(arm, 0, _draw(log_q, n_samples, rng), log_p, log_q, right, rng)
            count += _write(table, place / "samples.parquet")
            _write(_scores(arm, drawn, log_q), place / "base_scores.parquet")
    return count


def _draw(log_q: np.ndarray, n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """Which completion each sample is, (P, n)."""
    return np.stack([rng.choice(len(row), n_samples, p=np.exp(row) / np.exp(row).sum()) for row in log_q])


def _table(
    arm: dict[str, object],
    replicate: int,
    choice: np.ndarray,
    log_p: np.ndarray,
    log_q: np.ndarray,
    right: np.ndarray,
    rng: np.random.Generator,
) -> pd.DataFrame:
    problem = np.repeat(np.arange(len(choice)), choice.shape[1])
    place = (problem, choice.ravel())
    correct, n_tokens = right[place], 4 + place[1]
    return pd.DataFrame(
        {"model": MODEL, **arm, "checkpoint": "last", "decoder": "temperature", "decoder_parameters": "{}"}
        | {"sample_seed": 0, "replicate": replicate, "benchmark": BENCHMARK, "problem_id": _names(problem)}
        | {"difficulty": 3 + problem % 3, "sample_id": np.tile(np.arange(choice.shape[1]), len(choice))}
        | {"completion": _texts(len(problem), rng), "answer": np.char.mod("%d", place[1]), "gold": "5"}
        | {"outcome": np.where(correct, "correct", "wrong"), "correct": correct, "n_tokens": n_tokens}
        | {"truncated": False, "logp_policy": log_q[place], "logp_base": log_p[place]}
        | {"token_entropy": rng.random(len(problem)), "forward_tokens": n_tokens + 6, "diagnostics": "{}"}
    )


def _names(problem: np.ndarray) -> np.ndarray:
    return np.char.mod(f"{BENCHMARK}-%05d", problem)


def _texts(n: int, rng: np.random.Generator) -> np.ndarray:
    return rng.integers(97, 123, (n, LENGTH), dtype=np.uint8).view(f"S{LENGTH}").ravel().astype(str)


def _scores(arm: dict[str, object], drawn: list[np.ndarray], log_q: np.ndarray) -> pd.DataFrame:
    tables = []
    for replicate, choice in enumerate(drawn):
        problem = np.repeat(np.arange(len(choice)), choice.shape[1])
        names = {"model": MODEL, **arm, "checkpoint": "last", "benchmark": BENCHMARK, "problem_id": _names(problem)}
        sample_id = np.tile(np.arange(choice.shape[1]), len(choice))
        numbers = {"replicate": replicate, "sample_id": sample_id, "logp_policy": log_q[problem, choice.ravel()]}
        tables.append(pd.DataFrame(names | numbers))
    return pd.concat(tables, ignore_index=True)


def _write(table: pd.DataFrame, file: Path) -> int:
    file.parent.mkdir(parents=True, exist_ok=True)
    table.to_parquet(file, row_group_size=ROWS_OF_A_GROUP)
    return len(table)


if __name__ == "__main__":
    print(write_samples(Path(sys.argv[1]), *map(int, sys.argv[2:4])), "samples")
