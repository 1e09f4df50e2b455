"""The report's tables: frames in, rows of ready-made text out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from beyond_sharpening.reporting.labels import (
    Arm,
    arm_looks,
    contrast_label,
    decoder_label,
    headline_rows,
    look,
    rank,
    side_label,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd


class Table(NamedTuple):
    """A header and rows of text; the first ``n_text`` columns are words, the others numbers."""

    header: list[str]
    rows: list[list[str]]
    n_text: int = 1


def percent(share: float) -> str:
    """0.621 as ``62.1 %``; a missing number as a dash."""
    return "–" if math.isnan(share) else f"{100 * share:.1f} %"


def percent_interval(share: float, low: float, high: float) -> str:
    """A share with its interval, ``62.1 % [58.0, 66.0]``; ``[–]`` where there is none."""
    interval = "–" if math.isnan(low) else f"{100 * low:.1f}, {100 * high:.1f}"
    return "–" if math.isnan(share) else f"{percent(share)} [{interval}]"


def points_interval(difference: float, low: float, high: float) -> str:
    """A difference of shares in percentage points, ``+4.2 [−1.0, +7.4]``; ``[–]`` where it has no interval."""
    interval = "–" if math.isnan(low) else f"{100 * low:+.1f}, {100 * high:+.1f}"
    return f"{100 * difference:+.1f} [{interval}]".replace("-", "−")


def p_value(p: float) -> str:
    """A p-value to three decimals, ``p = 0.012``."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def accuracy_table(estimates: pd.DataFrame, curves: pd.DataFrame) -> Table:
    """Pass@1 by policy and benchmark, then the base model's other decoders and its majority vote."""
    last = estimates[estimates["checkpoint"] == "last"]
    benchmarks = list(last["benchmark"].unique())
    rows = [
        [f"{label}, one sample", *_cells(part, benchmarks, _pass_at_1)] for label, part in _by_arm(headline_rows(last))
    ]
    base = last[(last["policy"] == "base") & (last["decoder"] != "temperature")]
    for decoder, part in base.groupby("decoder", sort=False):
        rows.append([side_label(f"base/{decoder}"), *_cells(part, benchmarks, _pass_at_1)])
    k = most_samples(curves)
    votes = headline_rows(curves).query("policy == 'base' and k == @k")
    if len(votes) and k > 1:
        rows.append([f"{look('base').label}, majority vote of {k}", *_cells(votes, benchmarks, _majority)])
    return Table(["policy and decoder", *benchmarks], rows)


def many_samples_table(curves: pd.DataFrame) -> Table:
    """Pass@k and maj@k of each policy at the largest k that was measured."""
    k = most_samples(curves)
    rows = headline_rows(curves).query("k == @k")
    benchmarks = list(rows["benchmark"].unique())
    measures = ((f"at least one of {k} right", _pass_at_k), (f"majority of {k} right", _majority))
    lines = [
        [label, name, *_cells(part, benchmarks, measure)] for label, part in _by_arm(rows) for name, measure in measures
    ]
    return Table(["policy", "measure", *benchmarks], lines, n_text=2)


def most_samples(curves: pd.DataFrame) -> int:
    """The largest k that every benchmark's curve reaches; 0 without curves."""
    reached = headline_rows(curves).dropna(subset=["pass_at_k"]).groupby("benchmark")["k"].max()
    return int(reached.min()) if len(reached) else 0


def contrast_table(comparisons: pd.DataFrame, family: str) -> Table | None:
    """A family's differences with interval and p (adjusted in the primary one, bold below 0.05), or None."""
    rows = comparisons[comparisons["family"] == family] if len(comparisons) else comparisons
    if rows.empty:
        return None
    cell = _adjusted_contrast if family == "primary" else _plain_contrast
    benchmarks = list(rows["benchmark"].unique())
    lines = [
        [contrast_label(*map(str, sides)), *_cells(part, benchmarks, cell)]
        for sides, part in rows.groupby(["a", "b", "variant_a", "variant_b"], sort=False)
    ]
    return Table(["difference in points", *benchmarks], lines)


def training_table(histories: Mapping[str, pd.DataFrame]) -> Table | None:
    """First and last tenth of training side by side, with its health; None if nothing was trained."""
    header = ["objective", "steps", "task accuracy", "validation", "KL from base", "length", "cut short", "clipped"]
    rows = []
    for objective, frame in histories.items():
        if frame.empty:
            continue
        tenth = max(1, len(frame) // 10)
        first, last = frame.head(tenth).mean(numeric_only=True), frame.tail(tenth).mean(numeric_only=True)
        validations = frame["validation_accuracy"].dropna()
        rows.append(
            [
                look(objective).label,
                str(int(frame["step"].iloc[-1])),
                f"{percent(first['task_accuracy'])} → {percent(last['task_accuracy'])}",
                percent(validations.iloc[-1] if len(validations) else math.nan),
                f"{last['kl']:.2f} nats",
                f"{first['length']:.1f} → {last['length']:.1f}",
                percent(frame["truncated"].mean()),
                percent(frame["clipped"].mean()),
            ]
        )
    return Table(header, rows) if rows else None


def detail_table(estimates: pd.DataFrame, k: int) -> Table:
    """Every row of the estimates: all policies, checkpoints and decoders."""
    looks = arm_looks(estimates)
    at_k = [f"pass@{k}", f"maj@{k}"] if k > 1 else []
    rows = [
        [
            looks[Arm(row["policy"], row["variant"])].label,
            row["checkpoint"],
            decoder_label(row["decoder"]),
            row["benchmark"],
            _pass_at_1(row),
            *(percent(row[name]) for name in at_k),
            f"{row['mean_tokens']:.1f}",
            *(percent(row[name]) for name in ("truncated_rate", "unparsable_rate", "timeout_rate")),
        ]
        for row in sorted(estimates.to_dict("records"), key=lambda row: rank(row["policy"]))
    ]
    header = ["policy", "checkpoint", "decoder", "benchmark", "pass@1", *at_k, "tokens"]
    return Table([*header, "cut short", "unreadable", "timed out"], rows, n_text=4)


def prediction_table(outcomes: pd.DataFrame) -> Table | None:
    """What the base predicted of sharpening, beside what happened to each arm that sharpens; None without any."""
    words = {"raise": "raises accuracy", "lower": "lowers accuracy", "unclear": "unclear"}
    rows = [
        [
            row["benchmark"],
            side_label(row["arm"], row["variant"]),
            words[row["predicted"]],
            words[row["observed"]],
            row["agreement"],
            points_interval(row["difference"], row["ci_low"], row["ci_high"]),
        ]
        for row in outcomes.to_dict("records")
    ]
    header = ["benchmark", "policy or decoder", "predicted", "happened", "agreement", "change in points"]
    return Table(header, rows, n_text=5) if rows else None


def theory_table(claims: pd.DataFrame) -> Table:
    """Each proposition: its statement, how many claims of it were computed, and whether all of them hold."""
    rows = [
        [
            f"{number}. {part['title'].iloc[0]}",
            part["statement"].iloc[0],
            "yes" if part["holds"].all() else f"**no**: {int((~part['holds']).sum())} do not",
            str(len(part)),
        ]
        for number, part in claims.groupby("number")
    ]
    return Table(["proposition", "statement", "holds", "claims computed"], rows, n_text=3)


def benchmark_table(cards: Mapping[str, Mapping[str, Any]]) -> Table | None:
    """Each benchmark: its version, its problems and rows dropped, where it comes from, its licence."""
    rows = []
    for name, card in sorted(cards.items()):
        source = card["source"]
        origin = " ".join(str(source[key]) for key in ("path", "generator", "name", "split") if source.get(key))
        counts = [str(card["problems"]), str(len(card["dropped"]))]
        rows.append([name, card["version"], origin, source.get("licence") or "–", *counts])
    return Table(["benchmark", "version", "source", "licence", "problems", "dropped"], rows, n_text=4) if rows else None


def _by_arm(rows: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Label and rows of every policy and variant, in reading order."""
    return [
        (style.label, rows[(rows["policy"] == arm.policy) & (rows["variant"] == arm.variant)])
        for arm, style in arm_looks(rows).items()
    ]


def _cells(part: pd.DataFrame, benchmarks: list[str], cell: Callable[[dict[Any, Any]], str]) -> list[str]:
    """One cell a benchmark; a dash where the policy was not run."""
    found = {row["benchmark"]: cell(row) for row in part.to_dict("records")}
    return [found.get(benchmark, "–") for benchmark in benchmarks]


def _pass_at_1(row: dict[Any, Any]) -> str:
    return percent_interval(row["pass@1"], row["ci_low"], row["ci_high"])


def _pass_at_k(row: dict[Any, Any]) -> str:
    return percent_interval(row["pass_at_k"], row["pass_low"], row["pass_high"])


def _majority(row: dict[Any, Any]) -> str:
    return percent_interval(row["maj_at_k"], row["maj_low"], row["maj_high"])


def _plain_contrast(row: dict[Any, Any]) -> str:
    return f"{points_interval(row['difference'], row['ci_low'], row['ci_high'])}, {p_value(row['p_value'])}"


def _adjusted_contrast(row: dict[Any, Any]) -> str:
    text = f"{points_interval(row['difference'], row['ci_low'], row['ci_high'])}, {p_value(row['p_adjusted'])}"
    return f"**{text}**" if row["p_adjusted"] < 0.05 else text
