"""Decoding without training: what it costs and how it fared, as a figure and tables."""

from __future__ import annotations

import math
from itertools import cycle
from typing import TYPE_CHECKING, Any

from beyond_sharpening.reporting.figures import QUIET, finish, notice, panel_grid
from beyond_sharpening.reporting.labels import Arm, Look, arm_looks, decoder_label, headline_rows, look, side_label
from beyond_sharpening.reporting.tables import Table, percent

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

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


def accuracy_by_cost_figure(costs: pd.DataFrame, curves: pd.DataFrame, estimates: pd.DataFrame) -> Figure:
    """Pass@1 of the base's decoders against the tokens an answer costs, trained policies as horizontal lines.

    Args:
        costs: ``benchmark, decoder, forward_tokens, pass@1, ci_low, ci_high`` (0..1).
        curves: maj@k and pass@k of the base, drawn along k times the price of a plain sample; pass@k is what a
            perfect judge would reach with as many.
        estimates: pass@1 of the trained policies, with interval.
    """
    from matplotlib.ticker import NullFormatter

    if costs.empty:
        return notice("No costs: no decoder says what its completions cost.")
    benchmarks, looks = list(costs["benchmark"].unique()), _decoder_looks(costs)
    trained = headline_rows(estimates).query("policy != 'base'")
    figure, panels = panel_grid(len(benchmarks), panel=(3.7, 3.6), sharey=True)
    for axes, benchmark in zip(panels, benchmarks, strict=True):
        _trained_lines(axes, trained[trained["benchmark"] == benchmark])
        here = costs[costs["benchmark"] == benchmark]
        _vote_curves(axes, here, headline_rows(curves).query("policy == 'base' and benchmark == @benchmark"))
        for row in here.to_dict("records"):
            _decoder(axes, row, looks[row["decoder"]])
        axes.set_xscale("log")
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set(title=str(benchmark), xlabel="tokens processed for an answer")
    figure.supylabel("right answers (%)", fontsize=10)
    shown = {Arm("base", decoder): style for decoder, style in looks.items()}
    shown[Arm("base", "vote")] = Look("majority vote", QUIET, ".")
    shown[Arm("base", "judge")] = Look("perfect judge (pass@k)", QUIET, "", ":")
    for arm, style in arm_looks(trained).items():
        shown[arm] = Look(f"{style.label} (trained)", style.colour, "", style.linestyle)
    note = "Bars and bands: 95 % intervals. A perfect judge knows the right answers: a bound, not a method."
    return finish(figure, shown, "Right answers against the cost of decoding", note)


def _decoder_looks(costs: pd.DataFrame) -> dict[str, Look]:
    styles = zip(cycle(COLOURS), cycle(MARKERS))
    return {name: Look(decoder_label(name), *next(styles), "none") for name in costs["decoder"].unique()}


def _decoder(axes: Axes, row: dict[Any, Any], style: Look) -> None:
    centre = 100 * row["pass@1"]
    bar = [[centre - 100 * row["ci_low"]], [100 * row["ci_high"] - centre]]
    options: dict[str, Any] = {"color": style.colour, "marker": style.marker, "markersize": 6, "elinewidth": 1.2}
    axes.errorbar([row["forward_tokens"]], [centre], yerr=bar, zorder=3, markeredgecolor="white", **options)


def _trained_lines(axes: Axes, rows: pd.DataFrame) -> None:
    styles = arm_looks(rows)
    for (policy, variant), part in rows.groupby(["policy", "variant"]):
        style, row = styles[(policy, variant)], part.iloc[0]  # type: ignore[index]
        axes.axhline(100 * row["pass@1"], color=style.colour, linestyle=style.linestyle, lw=1.2)
        axes.axhspan(100 * row["ci_low"], 100 * row["ci_high"], color=style.colour, alpha=0.08, lw=0)


def _vote_curves(axes: Axes, costs: pd.DataFrame, curve: pd.DataFrame) -> None:
    price = costs.loc[costs["decoder"] == "temperature", "forward_tokens"]
    if len(price) and len(curve):
        curve = curve.sort_values("k")
        tokens = curve["k"] * price.iloc[0]
        axes.plot(tokens, 100 * curve["maj_at_k"], color=QUIET, marker=".", lw=1.2)
        axes.plot(tokens, 100 * curve["pass_at_k"], color=QUIET, linestyle=":", lw=1.2)


def cost_table(costs: pd.DataFrame) -> Table | None:
    """Cost and pass@1 of each decoder, with the majority vote that the same price buys; None if there is nothing."""
    if costs.empty:
        return None
    benchmarks = list(costs["benchmark"].unique())
    rows = []
    for decoder, part in costs.groupby("decoder", sort=False):
        found = {row["benchmark"]: row for row in part.to_dict("records")}
        cells = [_against_vote(found[name]) if name in found else "–" for name in benchmarks]
        rows.append([decoder_label(str(decoder)), f"{part['forward_tokens'].mean():.0f}", *cells])
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


def mixing_warnings(diagnostics: pd.DataFrame) -> list[str]:
    """A sentence for each arm whose decoder did not reach what it aims at."""
    return [
        f"{look(row['policy']).label}, {decoder_label(row['decoder'])} on {row['benchmark']}: {row['warning']}."
        for row in diagnostics[diagnostics["warning"].ne("")].to_dict("records")
    ]
