"""What trainings were told in place of the truth, and what became of the truth."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from beyond_sharpening.objectives import OBJECTIVES
from beyond_sharpening.reporting.blocks import Block, Section, Table
from beyond_sharpening.reporting.charts import Chart, Level, Panel, Series
from beyond_sharpening.reporting.frames import cells, most_samples, settling
from beyond_sharpening.reporting.labels import MARKERS, OTHERS, Look, look, words
from beyond_sharpening.reporting.numbers import percent

if TYPE_CHECKING:
    import pandas as pd

    from beyond_sharpening.reporting.results import Results

KEY = ["policy", "variant"]
UNTOLD = [name for name, row in OBJECTIVES.items() if not row.is_told]
NOTE = "Upright line: J = 0, left of which the signal is worse than none. Bars: 95 % intervals."
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
IN_NATS = ("self_certainty", "token_entropy", "sequence_entropy")
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
ENDS = (
    "*Where each of them ended: the base's probabilities raised to the power α, with right answers tilted by exp(β), "
    "and what that is called. The base is at α = 1, β = 0; level lines in the figures are where sharpening ended.*"
)
HACKED = (
    "*Each mark is a training: how far what it was told rose from its first to its last tenth, and how far the truth "
    "did. Right of the one line and below the other the signal was hacked: it rose while the truth fell.*"
)
COORDINATES = {
    "alpha": ("noise_alpha", "How much sharper a noisy signal leaves the policy", "α (1 is the base's)"),
    "beta": ("noise_beta", "How much a noisy signal makes it lean to right answers", "β (0 is the base's)"),
}
EXPLAINED = (
    "Signal and truth are means over the training's completions, of its first and last tenth. Where they *part*, the "
    "truth falls from there on while the signal rises."
)


def section(results: Results) -> Section | None:
    told = results.told
    if told is None or not ((_heard(told)["signal"] != "gold") | (told["samples"] != "all")).any():
        return None
    k, did = most_samples(results.curves), results.mechanism
    blocks: list[Block] = []
    if len(told.loc[told["signal"] == "noisy", "youden"].unique()) > 1:
        blocks += [solved_chart(told, results.curves, at) for at in dict.fromkeys((1, k)) if at]
        blocks += [] if did is None else [coordinate_chart(told, did, name) for name in COORDINATES]
        blocks.append(CAPTION)
    blocks += [table(told, results.curves, k), EXPLAINED, hacking_chart(told), HACKED]
    blocks += [] if did is None else [ends_table(told, did), ENDS]
    return Section("What it was told, and what was true", blocks)


def solved_chart(told: pd.DataFrame, curves: pd.DataFrame, k: int) -> Chart:
    """pass@k against Youden's J, a panel a benchmark, a line a kind of flips; the start model is a level."""
    rows = (
        settling(curves).query("k == @k").rename(columns={"pass_at_k": "value", "pass_low": "low", "pass_high": "high"})
    )
    shares = rows.assign(**{column: 100 * rows[column] for column in ("value", "low", "high")})
    name, title = ("noise", "Accuracy") if k == 1 else (f"noise_pass_at_{k}", f"Solved by one of {k}")
    panels = _panels(told, shares, "base")
    return Chart(name, f"{title} after training on a noisy signal", panels, NOTE, shared_y="problems solved (%)")


def coordinate_chart(told: pd.DataFrame, did: pd.DataFrame, coordinate: str) -> Chart:
    """α or β against Youden's J, as ``solved_chart``; where sharpening ended is a level."""
    columns = {coordinate: "value", f"{coordinate}_low": "low", f"{coordinate}_high": "high"}
    rows = did[[*KEY, "benchmark", *columns]].rename(columns=columns).dropna(subset=["value"])
    name, title, label = COORDINATES[coordinate]
    return Chart(name, title, _panels(told, rows, "sharpening"), NOTE, shared_y=label)


def _panels(told: pd.DataFrame, rows: pd.DataFrame, level: str) -> list[Panel]:
    """A value (``value, low, high``) against Youden's J, a panel a benchmark; a policy is the level."""
    variants = told[[*KEY, "signal", "samples", "flips", "youden"]].drop_duplicates()
    noisy = rows.merge(variants[variants["samples"] == "all"].dropna(subset=["youden"]), on=KEY)
    noisy = noisy[noisy["policy"].isin(noisy.loc[noisy["signal"] == "noisy", "policy"])]
    panels = []
    for benchmark in rows["benchmark"].unique():
        here = noisy[noisy["benchmark"] == benchmark]
        lines = []
        for flips, style in FLIPS.items():  # the truth is the end of both lines
            part = here[(here["flips"] == flips) | (here["signal"] == "gold")].sort_values("youden")
            if (part["signal"] == "noisy").any():
                x, y, low, high = (part[column].tolist() for column in ("youden", "value", "low", "high"))
                lines.append(Series(style, x, y, low, high))
        levels = _levels(rows[(rows["policy"] == level) & (rows["benchmark"] == benchmark)])
        panels.append(Panel(str(benchmark), lines, "Youden's J", levels=levels, zero="x"))
    return panels


def _heard(told: pd.DataFrame) -> pd.DataFrame:
    """The trainings that were told something."""
    return told[~told["policy"].isin(UNTOLD)]


def _levels(rows: pd.DataFrame) -> list[Level]:
    return [Level(look(row["policy"]), row["value"], row["low"], row["high"]) for row in rows.to_dict("records")]


def hacking_chart(told: pd.DataFrame) -> Chart:
    """The rise of truth against the rise of what was told, a mark a training."""
    series: dict[bool, list[Series]] = {False: [], True: []}
    for number, (signal, part) in enumerate(_heard(told).groupby("signal", sort=False)):
        style = Look(words(str(signal)), OTHERS[number % len(OTHERS)], MARKERS[(number + number // 7) % len(MARKERS)])
        x, y = ((part[f"{name}_last"] - part[f"{name}_first"]).tolist() for name in ("signal", "truth"))
        notes = [f"{label(row)}, seed {row['train_seed']}" for _, row in part.iterrows()]
        series[signal in IN_NATS].append(Series(style, x, y, kind="marks", notes=notes))
    panels = [
        Panel(title, series[nats], f"rise of the signal{' (nats)' if nats else ''}", zero="both")
        for nats, title in ((False, "signals from 0 to 1"), (True, "certainties"))
        if series[nats]
    ]
    title = "Where a signal rises and the truth falls"
    return Chart("hacking", title, panels, size=(4.6, 3.6), shared_y="rise of the truth")


def ends_table(told: pd.DataFrame, did: pd.DataFrame) -> Table:
    """Where every signal ended: (α, β) on each benchmark and the name of what training did."""
    benchmarks = [str(name) for name in did["benchmark"].unique()]
    lines = []
    for (policy, variant), part in told.groupby(KEY, sort=False):
        here = did[(did["policy"] == policy) & (did["variant"] == variant)]
        if len(here):
            found = cells(here, benchmarks, lambda row: f"{_two(row['alpha'])}, {_two(row['beta'])}")
            lines.append([_trained_on(str(policy), part.iloc[0]), *found, str(here["overall"].iloc[0])])
    header = ["trained on", *(f"{benchmark}: α, β" for benchmark in benchmarks), "what training did"]
    return Table(header, lines)


def table(told: pd.DataFrame, curves: pd.DataFrame, k: int) -> Table:
    """Every signal: what it and the truth did in training, and pass@1 and pass@k of what came out."""
    rows = settling(curves)
    benchmarks = [str(name) for name in rows["benchmark"].unique()]
    at = [1, k] if k > 1 else [1]
    header = ["trained on", "seeds", "signal", "truth", "part at step"]
    header += [f"{benchmark}, pass@{one}" for one in at for benchmark in benchmarks]
    lines = []
    for (policy, variant), part in told.groupby(KEY, sort=False):
        here = rows[(rows["policy"] == policy) & (rows["variant"] == variant)]
        mean = part.mean(numeric_only=True)
        lines.append(
            [
                _trained_on(str(policy), part.iloc[0]),
                str(len(part)),
                *(_course(mean[f"{name}_first"], mean[f"{name}_last"]) for name in ("signal", "truth")),
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


def _trained_on(policy: str, row: pd.Series) -> str:
    return f"{look(policy).label}, told nothing" if policy in UNTOLD else f"{look(policy).label}: {label(row)}"


def _course(first: float, last: float) -> str:
    return "–" if math.isnan(first) else f"{_two(first)} → {_two(last)}"


def _two(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.2f}".replace("-", "−")
