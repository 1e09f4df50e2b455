"""Could cheaper decoding do it? What decoders cost, how they fared, and the secondary contrasts."""

from __future__ import annotations

import math
import re
from itertools import cycle
from typing import TYPE_CHECKING, Any

from beyond_sharpening.reporting.blocks import Block, Section, Table, plain, warned
from beyond_sharpening.reporting.charts import QUIET, Chart, Level, Panel, Series, log_ticks
from beyond_sharpening.reporting.frames import cells, most_samples, of_arm, settling
from beyond_sharpening.reporting.labels import (
    LINESTYLES,
    Look,
    arm_looks,
    contrast_label,
    decoder_label,
    look,
    side_label,
)
from beyond_sharpening.reporting.numbers import percent
from beyond_sharpening.reporting.sections.contrasts import DAGGER, SIDES, difference, family

if TYPE_CHECKING:
    import pandas as pd

    from beyond_sharpening.reporting.results import Results

# Other than the policies'; Tol's muted palette, told apart with any colour vision.
COLOURS = ("#222222", "#882255", "#332288", "#117733", "#AA4499", "#999933", "#88CCEE")
MARKERS = ("s", "^", "D", "v", "P", "X", "*", "<", ">")
DIAGNOSTICS = {
    "ess": "effective sample",
    "acceptance": "accepted",
    "acceptance_1": "cut in 1st quarter",
    "acceptance_2": "in 2nd",
    "acceptance_3": "in 3rd",
    "acceptance_4": "in 4th",
    "stayed": "not moved",
    "rhat": "split-R̂",
    "unfinished": "unfinished",
    "duplicates": "duplicates",
}
SECONDARY = (
    "Differences in percentage points, with interval and p-value. They are secondary: their p-values are adjusted so "
    "that of those below 0.05 one in twenty is expected to be chance (Benjamini and Hochberg); each interval is for "
    f"that question alone. Bold: p below 0.05. {DAGGER}"
)
CAPTION = (
    "*A decoder may think longer instead of being trained. To the right, an answer costs more; the horizontal lines "
    "are the right answers of trained policies, whatever theirs cost.*"
)
FARED = (
    "Each cell: the median over answers. *Effective sample* is the share of the draws that the weights leave standing, "
    "*accepted* and *not moved* are shares of the steps of a chain (*cut in 1st quarter* and so on: accepted of those "
    "that redraw an answer from there, in quarters of the length limit), *split-R̂* is 1 where chains have mixed, "
    "*unfinished* and *duplicates* are shares of the draws."
)


def section(results: Results) -> Section | None:
    secondary = family(results.comparisons, "secondary")
    blocks: list[Block] = []
    if results.verdict.decoding_lines:
        blocks.append("\n".join(f"- {plain(_in_words(line))}" for line in results.verdict.decoding_lines))
    if len(secondary):
        blocks += [secondary_table(secondary), SECONDARY]
    if results.costs is not None and len(results.costs):
        most = most_samples(results.curves)
        words = (
            "The cost counts tokens that the model processes for one answer, all draws that it was chosen from "
            "included and the prompt read once, as if that answer alone were asked for; it is counted alike for all. "
            f"In brackets: the majority vote of as many plain samples as the same price buys ({most} at most)."
        )
        blocks += [chart(results.costs, results.curves, results.estimates), CAPTION, cost_table(results.costs), words]
    if results.diagnostics is not None:
        blocks += warned(warnings(results.diagnostics))
        if (fared := diagnostics_table(results.diagnostics)) is not None:
            blocks += [fared, FARED]
    return Section("Could cheaper decoding do it?", blocks) if blocks else None


def _in_words(line: str) -> str:
    return re.sub(r"\bby (\S+)(?= at )", lambda named: f"by {decoder_label(named[1])}", line)


def secondary_table(rows: pd.DataFrame) -> Table:
    """Differences with interval and p-value, a row a contrast."""
    benchmarks = list(rows["benchmark"].unique())
    lines = [
        [contrast_label(*map(str, sides)), *cells(part, benchmarks, difference)]
        for sides, part in rows.groupby(SIDES, sort=False)
    ]
    return Table(["difference in points", *benchmarks], lines)


def chart(costs: pd.DataFrame, curves: pd.DataFrame, estimates: pd.DataFrame) -> Chart:
    """Pass@1 of the base's decoders against the tokens an answer costs, trained policies as horizontal lines.

    Args:
        costs: ``benchmark, decoder, forward_tokens, tokens, pass@1, ci_low, ci_high`` (0..1).
        curves: maj@k and pass@k of the base, drawn along the price of k plain samples; pass@k is what a
            perfect judge would reach with as many.
        estimates: pass@1 of the trained policies, with interval.
    """
    styles = zip(cycle(COLOURS), cycle(MARKERS))
    looks = {name: Look(decoder_label(name), *next(styles)) for name in costs["decoder"].unique()}
    trained, base = settling(estimates).query("policy != 'base'"), settling(curves).query("policy == 'base'")
    panels = []
    for benchmark in costs["benchmark"].unique():
        here = costs[costs["benchmark"] == benchmark]
        series = [_decoder(row, looks[row["decoder"]]) for row in here.to_dict("records")]
        series += _votes(here, base[base["benchmark"] == benchmark])
        levels = _trained(trained[trained["benchmark"] == benchmark])
        ticks = log_ticks([tokens for part in series for tokens in part.x])
        axis = "tokens processed for an answer"
        panels.append(Panel(str(benchmark), series, axis, x_scale="log", levels=levels, ticks_x=ticks))
    note = "Bars and bands: 95 % intervals. A perfect judge knows the right answers: a bound, not a method."
    title, unit = "Right answers against the cost of decoding", "right answers (%)"
    return Chart("accuracy_by_cost", title, panels, note, (3.7, 3.6), shared_y=unit)


def _decoder(row: dict[Any, Any], style: Look) -> Series:
    ends = [100 * row["ci_low"]], [100 * row["ci_high"]]
    return Series(style, [row["forward_tokens"]], [100 * row["pass@1"]], *ends, kind="marks")


def _votes(costs: pd.DataFrame, curve: pd.DataFrame) -> list[Series]:
    plain = costs[costs["decoder"] == "temperature"]
    if plain.empty or curve.empty:
        return []
    curve = curve.sort_values("k")
    tokens = (plain["forward_tokens"].iloc[0] + (curve["k"] - 1) * plain["tokens"].iloc[0]).tolist()
    return [
        Series(Look("majority vote", QUIET, "."), tokens, 100 * curve["maj_at_k"], width=1.2),
        Series(Look("perfect judge (pass@k)", QUIET, "", ":"), tokens, 100 * curve["pass_at_k"], width=1.2),
    ]


def _trained(rows: pd.DataFrame) -> list[Level]:
    levels = []
    for (arm, style), dashes in zip(arm_looks(rows).items(), cycle(LINESTYLES)):
        row = of_arm(rows, arm).iloc[0]
        named = Look(f"{style.label} (trained)", style.colour, "", dashes)
        levels.append(Level(named, *(100 * float(row[name]) for name in ("pass@1", "ci_low", "ci_high"))))
    return levels


def cost_table(costs: pd.DataFrame) -> Table:
    """Cost and pass@1 of each decoder, with the majority vote that the same price buys."""
    benchmarks = list(costs["benchmark"].unique())
    rows = []
    for decoder, part in costs.groupby("decoder", sort=False):
        mean = f"{part['forward_tokens'].mean():.0f}"
        rows.append([decoder_label(str(decoder)), mean, *cells(part, benchmarks, _against_vote)])
    return Table(["the base model's decoder", "tokens an answer", *benchmarks], rows)


def _against_vote(row: dict[Any, Any]) -> str:
    return f"{percent(row['pass@1'])} ({percent(row['vote'])})"


def diagnostics_table(diagnostics: pd.DataFrame) -> Table | None:
    """How each arm's decoder fared, benchmarks averaged; None if no decoder told anything."""
    shown = diagnostics[diagnostics["diagnostic"].isin(DIAGNOSTICS)]
    if shown.empty:
        return None
    names = [name for name in DIAGNOSTICS if (shown["diagnostic"] == name).any()]
    table = shown.pivot_table("median", ["policy", "decoder"], "diagnostic", "mean", sort=False).reindex(columns=names)
    rows = [
        [side_label(f"{policy}/{decoder}"), *("–" if math.isnan(value) else f"{value:.2f}" for value in values)]
        for (policy, decoder), values in zip(table.index, table.to_numpy(), strict=True)
    ]
    return Table(["policy and decoder", *(DIAGNOSTICS[name] for name in names)], rows)


def warnings(diagnostics: pd.DataFrame) -> list[str]:
    """A line for each arm whose decoder did not reach what it aims at."""
    return [
        f"{look(row['policy']).label}, {decoder_label(row['decoder'])} on {row['benchmark']}: {row['warning']}"
        for row in diagnostics[diagnostics["warning"].ne("")].to_dict("records")
    ]
