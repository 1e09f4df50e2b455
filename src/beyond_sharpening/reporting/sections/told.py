"""What trainings were told in place of the truth, and what became of the truth."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from beyond_sharpening.reporting.blocks import Block, Section, Table
from beyond_sharpening.reporting.charts import Chart, Level, Panel, Series
from beyond_sharpening.reporting.frames import cells, most_samples, settling
from beyond_sharpening.reporting.labels import Look, look, words
from beyond_sharpening.reporting.numbers import percent

if TYPE_CHECKING:
    import pandas as pd

    from beyond_sharpening.reporting.results import Results

SIGNALS = {
    "gold": "the truth",
    "random": "a coin",
    "format": "that there is an answer",
    "inverted": "the opposite of the truth",
    "majority": "the group's majority",
    "self_certainty": "the policy's certainty of its tokens",
    "token_entropy": "low entropy of tokens",
    "sequence_entropy": "low entropy of completions",
    "judge": "a judge",
    "reward_model": "a reward model",
    "yes_no": "a model asked yes or no",
}
SAMPLES = {
    "positive": ", from right samples alone",
    "negative": ", from wrong samples alone",
    "rejection": ", from right samples of the start model alone",
}
FLIPS = {
    "drawn": Look("drawn for each completion", "#0072B2", "s"),
    "fixed": Look("fixed for each answer", "#D55E00", "^"),
}
CAPTION = (
    "*A noisy signal tells a share f⁺ of the wrong answers to be right and a share f⁻ of the right ones to be wrong; "
    "J = 1 − f⁺ − f⁻ is what is left of the truth: 1 is all of it, at 0 the signal knows nothing, below 0 it is worse "
    "than none. Flips drawn for each completion average out; fixed ones belong to an answer, as the errors of a "
    "consistent verifier do.*"
)
EXPLAINED = (
    "Signal and truth are means over the training's completions, of its first and last tenth. Where they *part*, the "
    "truth falls from there on while the signal rises."
)


def section(results: Results) -> Section | None:
    told = results.told
    if told is None or not ((told["signal"] != "gold") | (told["samples"] != "all")).any():
        return None
    k = most_samples(results.curves)
    blocks: list[Block] = []
    if len(told.loc[told["signal"] == "noisy", "youden"].unique()) > 1:
        blocks += [chart(told, results.curves, at) for at in dict.fromkeys((1, k)) if at]
        blocks.append(CAPTION)
    return Section("What it was told, and what was true", [*blocks, table(told, results.curves, k), EXPLAINED])


def chart(told: pd.DataFrame, curves: pd.DataFrame, k: int) -> Chart:
    """pass@k against Youden's J, a panel a benchmark, a line a kind of flips; the start model is a level."""
    rows = settling(curves).query("k == @k")
    variants = told[["policy", "variant", "signal", "samples", "flips", "youden"]].drop_duplicates()
    noisy = rows.merge(variants[variants["samples"] == "all"].dropna(subset=["youden"]), on=["policy", "variant"])
    noisy = noisy[noisy["policy"].isin(noisy.loc[noisy["signal"] == "noisy", "policy"])]
    panels = []
    for benchmark in rows["benchmark"].unique():
        here = noisy[noisy["benchmark"] == benchmark]
        lines = []
        for flips, style in FLIPS.items():  # the truth is the end of both lines
            part = here[(here["flips"] == flips) | (here["signal"] == "gold")].sort_values("youden")
            if (part["signal"] == "noisy").any():
                low, high = (100 * part[column].to_numpy() for column in ("pass_low", "pass_high"))
                lines.append(Series(style, part["youden"].tolist(), (100 * part["pass_at_k"]).tolist(), low, high))
        panels.append(Panel(str(benchmark), lines, "Youden's J", levels=_base(rows, benchmark), zero="x"))
    name, title = ("noise", "Accuracy") if k == 1 else (f"noise_pass_at_{k}", f"Solved by one of {k}")
    note = "Dashed at J = 0: left of it the signal is worse than none. Bars: 95 % intervals."
    return Chart(name, f"{title} after training on a noisy signal", panels, note, shared_y="problems solved (%)")


def table(told: pd.DataFrame, curves: pd.DataFrame, k: int) -> Table:
    """Every signal: what it and the truth did in training, and pass@1 and pass@k of what came out."""
    rows = settling(curves)
    benchmarks = [str(name) for name in rows["benchmark"].unique()]
    at = [1, k] if k > 1 else [1]
    header = ["trained on", "seeds", "signal", "truth", "part at step"]
    header += [f"{benchmark}, pass@{one}" for one in at for benchmark in benchmarks]
    lines = []
    for (policy, variant), part in told.groupby(["policy", "variant"], sort=False):
        here = rows[(rows["policy"] == policy) & (rows["variant"] == variant)]
        mean = part.mean(numeric_only=True)
        lines.append(
            [
                f"{look(str(policy)).label}: {label(part.iloc[0])}",
                str(len(part)),
                *(f"{mean[f'{name}_first']:.2f} → {mean[f'{name}_last']:.2f}" for name in ("signal", "truth")),
                ", ".join("–" if math.isnan(step) else f"{step:.0f}" for step in part["parts_at"]),
                *(text for one in at for text in cells(here[here["k"] == one], benchmarks, _solved)),
            ]
        )
    return Table(header, lines)


def label(row: pd.Series) -> str:
    """What a training was told, in words."""
    if row["signal"] == "noisy":
        said = f"truth with {row['flips']} flips, f⁺ {row['false_positive']:g}, f⁻ {row['false_negative']:g}"
    else:
        said = SIGNALS.get(row["signal"], words(row["signal"]))
    return said + SAMPLES.get(row["samples"], "")


def _solved(row: dict) -> str:
    return percent(row["pass_at_k"])


def _base(rows: pd.DataFrame, benchmark: str) -> list[Level]:
    base = rows[(rows["policy"] == "base") & (rows["benchmark"] == benchmark)]
    return [
        Level(look("base"), *(100 * row[column] for column in ("pass_at_k", "pass_low", "pass_high")))
        for row in base.to_dict("records")
    ]
