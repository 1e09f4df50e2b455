"""Was each objective trained to its goal?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from beyond_sharpening.reporting.blocks import Section, Strong, Table
from beyond_sharpening.reporting.frames import of_arm
from beyond_sharpening.reporting.labels import Arm, arm_looks, decoder_label, rank
from beyond_sharpening.reporting.numbers import percent

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from beyond_sharpening.reporting.results import Results

BEFORE = (
    "A comparison of objectives is one of their trainings, and says something about the objectives where each training "
    "reached its own goal. Here is each policy's own reward on the benchmarks, beside that of the base and what is at "
    "least attainable: for an objective with an entropy term the value of its exact optimum, estimated from samples of "
    "base and policy; without one the best completion that anyone has drawn. "
    "What is unlike the problems trained on is farther from the goal; a training that is short of it everywhere is "
    "named beside the headline."
)
AFTER = (
    "*Share of the way*: from the base's reward to the attainable one, with its 95 % interval over problems; bold "
    "where the training stopped short, its interval ending below 90 %. *Target reached by decoding*: the right answers "
    "of the base's best decoder that aims at the same optimum. *Clipped*: steps whose gradient was scaled down."
)


def section(results: Results) -> Section | None:
    if results.goals is None or results.goals.empty:
        return None
    return Section("Was each objective trained to its goal?", [BEFORE, table(results.goals, results.histories), AFTER])


def stopped_short(results: Results) -> list[str]:
    """The trainings that stopped short on every benchmark, each with how far it came where it came furthest."""
    if results.goals is None or results.goals.empty:
        return []
    lines = []
    for arm, look in arm_looks(results.goals).items():
        rows = of_arm(results.goals, arm).dropna(subset=["share"])
        if len(rows) and rows["short"].all():
            best = rows.sort_values("share").iloc[-1]
            lines.append(
                f"{look.label} ({100 * best['share']:.0f} % of the way on {best['benchmark']})".replace("(-", "(−")
            )
    return lines


def table(goals: pd.DataFrame, histories: Mapping[str, pd.DataFrame]) -> Table:
    """A row a policy and benchmark."""
    looks = arm_looks(goals)
    header = ["policy", "benchmark", "own reward: base → policy (attainable)", "share of the way", "right answers"]
    header += ["target reached by decoding", "clipped", "KL from base"]
    rows = []
    for row in sorted(goals.to_dict("records"), key=lambda row: rank(row["policy"])):
        history = histories.get(row["policy"])
        trained = history is not None and len(history) > 0
        rows.append(
            [
                looks[Arm(row["policy"], row["variant"])].label,
                str(row["benchmark"]),
                f"{row['start']:.2f} → {row['reached']:.2f} ({row['attainable']:.2f})".replace("-", "−"),
                _share(row),
                percent(row["accuracy"]),
                _target(row),
                percent(history["clipped"].mean()) if trained else "–",  # type: ignore[index]
                f"{history['kl'].tail(max(1, len(history) // 10)).mean():.2f} nats" if trained else "–",  # type: ignore
            ]
        )
    return Table(header, rows, n_text=2)


def _share(row: dict[Any, Any]) -> str:
    if math.isnan(row["share"]):
        return "nothing to gain"
    share, low, high = (round(100 * row[name]) for name in ("share", "share_low", "share_high"))
    text = f"{share} % [{low}, {high}]".replace("-", "−")
    return Strong(text) if row["short"] else text


def _target(row: dict[Any, Any]) -> str:
    if not row["target_decoder"]:
        return "–"
    return f"{percent(row['target_accuracy'])}, {decoder_label(row['target_decoder'])}"
