"""What an answer costs, and after how many answers a training has paid for itself.

An answer's cost counts the tokens that the model processes when that answer alone is asked for: the prompt read once,
and every token of every draw it was chosen from. It is counted alike for every policy and decoder.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from beyond_sharpening.analysis.contract import BASE, REFERENCE_DECODER
from beyond_sharpening.analysis.families import told_what_is_right
from beyond_sharpening.analysis.intervals import LEVEL
from beyond_sharpening.analysis.rows import Samples, count_samples
from beyond_sharpening.analysis.solve_rates import problem_table

RESAMPLES = 1000
PASSES = 5
"""Forward passes that a token of a training's completions is worth: drawn once, scored once by the base, and three for
the gradient."""

COLUMNS = [
    *["model", "policy", "variant", "rival", "accuracy", "rival_accuracy", "difference", "ci_low", "ci_high"],
    *["cost", "rival_cost", "training", "answers", "answers_low", "answers_high", "finding"],
]


def training_tokens(history: pd.DataFrame, completions: int, prompt: float) -> float:
    """Tokens processed by a training, prompts and completions, each as often as ``PASSES`` says.

    Args:
        history: ``length``, the mean length of completions, one row a step.
        completions: drawn in a step.
        prompt: mean length of a prompt.
    """
    return float(PASSES * completions * (history["length"] + prompt).sum())


def prompt_tokens(samples: Samples) -> float:
    """Mean length of a prompt, as the cost of plain samples tells: all that is processed but the last token drawn."""
    counts = count_samples(samples)
    plain = counts[counts["decoder"] == REFERENCE_DECODER].dropna(subset=["forward_tokens", "n_tokens"])
    return float((plain["forward_tokens"] - plain["n_tokens"]).sum() / plain["n_samples"].sum() + 1)


def break_even(
    samples: Samples, training: Mapping[tuple[str, str], float], ks: Sequence[int], seed: int
) -> pd.DataFrame:
    """Each trained policy's plain samples against every way to decode the base, benchmarks weighing alike.

    Training costs T once; after N = T / (c' − c) answers it has cost no more than a rival whose answer costs c' where
    the policy's costs c. Intervals are 95 % percentile bootstraps over problems, within benchmarks, seeds averaged.

    Args:
        samples: a samples table that passes ``validate_samples``, or its counts; the last checkpoint, replicate 0.
            Problems of which the cost of a sample is not known are left out.
        training: tokens processed by the training of each (policy, variant).
        ks: majority votes of so many plain samples of the base are rivals too.
        seed: of the bootstrap.

    Returns:
        One row a (model, policy, variant, rival): ``rival`` is a decoder, or ``vote-k``; ``difference`` is policy
        minus rival, in accuracy; ``answers`` N with its interval (infinite where an answer of the rival costs no
        more); ``finding``: ``less accurate`` (the rival's accuracy is below the policy's: the interval of the
        difference is above 0), ``cheaper`` (as accurate, and its answer costs no more), ``pays`` (as accurate,
        and dearer: N answers pay for the training).
    """
    rows = []
    counts = count_samples(samples)
    used = counts[(counts["checkpoint"] == "last") & counts["forward_tokens"].notna()]
    for model, part in used.groupby("model", observed=True):
        base = part[part["policy"] == BASE]
        rivals = {str(name): problem_table(cell) for name, cell in base.groupby("decoder") if not _told(cell)}
        rivals |= _votes(base[base["decoder"] == REFERENCE_DECODER], ks)
        trained = part[(part["policy"] != BASE) & (part["decoder"] == REFERENCE_DECODER)]
        for (policy, variant), cell in trained.groupby(["policy", "variant"], observed=True):
            if (key := (str(policy), str(variant))) in training:
                names = {"model": model, "policy": policy, "variant": variant}
                found = _against(problem_table(cell), rivals, training[key], seed)
                rows += [names | row for row in found]
    return pd.DataFrame(rows, columns=COLUMNS)


def _told(cell: pd.DataFrame) -> bool:
    """A decoder with an oracle is a bound, not a method to compare with."""
    return bool(told_what_is_right(cell).any())


def _votes(plain: pd.DataFrame, ks: Sequence[int]) -> dict[str, pd.DataFrame]:
    if plain.empty:
        return {}
    ks = [k for k in ks if k > 2]  # a vote of two is one sample
    table = problem_table(plain, ks)
    return {
        f"vote-{k}": table.assign(
            **{
                "pass@1": table[f"maj@{k}"],
                "mean_forward_tokens": table["mean_forward_tokens"] + (k - 1) * table["mean_tokens"],
            }
        )
        for k in ks
        if table[f"maj@{k}"].notna().all()
    }


def _against(
    own: pd.DataFrame, rivals: Mapping[str, pd.DataFrame], training: float, seed: int
) -> Iterator[dict[str, object]]:
    ours = _by_problem(own)
    for name, table in rivals.items():
        theirs = _by_problem(table).reindex(ours.index)
        if theirs.isna().any(axis=None):
            continue  # decoded on other problems: nothing can be said
        values = np.column_stack([ours, theirs])  # accuracy and cost of both, (P, 4)
        accuracy, cost, rival_accuracy, rival_cost = _means(values, ours.index, None)[0]
        resampled = _means(values, ours.index, np.random.default_rng(seed))
        low, high = np.quantile(resampled[:, 0] - resampled[:, 2], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        # Of 1/N, which passes through 0 where N passes through infinity.
        slopes = np.quantile((resampled[:, 3] - resampled[:, 1]) / training, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        first, last = (_answers(slope) for slope in slopes[::-1])
        finding = "less accurate" if low > 0 else "pays" if rival_cost > cost else "cheaper"
        yield {
            "rival": name,
            "accuracy": accuracy,
            "rival_accuracy": rival_accuracy,
            "difference": accuracy - rival_accuracy,
            "ci_low": low,
            "ci_high": high,
            "cost": cost,
            "rival_cost": rival_cost,
            "training": training,
            "answers": _answers((rival_cost - cost) / training),
            "answers_low": first,
            "answers_high": last,
            "finding": finding,
        }


def _answers(slope: float) -> float:
    return 1 / slope if slope > 0 else np.inf


def _by_problem(table: pd.DataFrame) -> pd.DataFrame:
    return table.groupby(["benchmark", "problem_id"], observed=True)[["pass@1", "mean_forward_tokens"]].mean()


def _means(values: np.ndarray, index: pd.Index, rng: np.random.Generator | None) -> np.ndarray:
    """Means of the columns over problems, then over benchmarks: (1, C), or of resampled problems (B, C)."""
    benchmarks = index.get_level_values("benchmark")
    means = []
    for benchmark in benchmarks.unique():
        part = values[benchmarks == benchmark]
        n = len(part)
        weights = np.full((1, n), 1 / n) if rng is None else rng.multinomial(n, np.full(n, 1 / n), RESAMPLES) / n
        means.append(weights @ part)
    return np.mean(means, axis=0)
