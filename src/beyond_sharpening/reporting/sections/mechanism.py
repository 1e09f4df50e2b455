"""What did training do? Each policy's change from its base, named, with the numbers that decided."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from beyond_sharpening.reporting.blocks import Block, Section, Strong, Table, Verbatim, plain
from beyond_sharpening.reporting.charts import QUIET, Chart, Level, Panel, Series
from beyond_sharpening.reporting.frames import of_arm
from beyond_sharpening.reporting.labels import Arm, Look, arm_looks
from beyond_sharpening.reporting.numbers import percent
from beyond_sharpening.reporting.sections.details import without_dashes

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from beyond_sharpening.reporting.results import Results

PARTS = {
    "kl_tilt": Look("towards right answers", "#0072B2", ""),
    "kl_right": Look("among right answers", "#E69F00", ""),
    "kl_wrong": Look("among wrong answers", "#6B6B6B", ""),
}
HATCHES = {"kl_tilt": "", "kl_right": "/", "kl_wrong": "x"}
NOISE = ", beyond what the null control shows"
LONGEST = 1500
SHOWN = 12
BEFORE = (
    "A policy that only became surer of what the base found likely has raised the base's probabilities to a power α "
    "above 1; one that only picks out right answers has multiplied theirs by a factor, whose logarithm is β. The base "
    "itself is at α = 1, β = 0. Here is where each policy went, and what that is called:"
)
PLANE = (
    "*The further to the right, the sharper; the further up, the more it leans to right answers. Bars are 95 % "
    "intervals.{shaded}*"
)
SHADED = " Shaded: how far β strays for policies that were never told what is right, which is this run's measured zero."
SPLIT = (
    "*How far each policy moved from the base (KL, in nats a completion), by where it moved: the blue part changed how "
    "often it is right; the hatched parts only which right, or which wrong, completions it gives.*"
)
EXPLAINED = (
    "α and β with their 95 % intervals. *Elsewhere* is the share of the move that neither explains{noise}. *Gained* "
    "and *lost*: problems solved in any of the tries by the policy alone and by the base alone, beyond what a second "
    "draw of the base does by chance. *Beyond*: problems out of the base's reach that the policy solves. *Agree*: how "
    "often other problems and seeds, drawn from these, give the same name."
)


def section(results: Results) -> Section | None:
    rows = results.mechanism
    if rows is None or rows.empty:
        return None
    blocks: list[Block] = [BEFORE, _names(rows)]
    if rows["alpha"].notna().any():
        blocks += [plane(rows), PLANE.format(shaded=SHADED if rows["zero_log_odds"].max() > 0 else "")]
    if rows["kl"].notna().any():
        blocks += [split(rows), SPLIT]
    blocks += [table(rows), EXPLAINED.format(noise=NOISE if rows["zero_residual"].max() > 0 else "")]
    if absent := [text for text in rows["absent"].unique() if text]:
        blocks.append(f"Not everything could be asked of these samples: {plain('; '.join(absent))}.")
    blocks += _beyond(rows, results.samples)
    return Section("What did training do?", blocks)


def _names(rows: pd.DataFrame) -> str:
    """A line a policy: its name over all benchmarks, and what that means in one sentence."""
    meanings = dict(zip(rows["name"], rows["meaning"], strict=True))
    lines = []
    for arm, look in arm_looks(rows).items():
        own = of_arm(rows, arm)
        overall = str(own["overall"].iloc[0])
        several = [f"{name[:1].upper()}{name[1:]}: {meanings[name]}" for name in own["name"].unique()]
        meaning = meanings.get(overall) or " ".join(["It did not do the same on all benchmarks.", *several])
        lines.append(f"- **{plain(look.label)}: {plain(overall)}.** {plain(meaning)}")
    return "\n".join(lines)


def plane(rows: pd.DataFrame) -> Chart:
    """Every policy at its (α, β), a panel a benchmark."""
    looks, panels = arm_looks(rows), []
    for benchmark in rows["benchmark"].unique():
        here = rows[(rows["benchmark"] == benchmark) & rows["alpha"].notna() & rows["beta"].notna()]
        series = [Series(Look("Base", QUIET, "o"), [1.0], [0.0], kind="marks")]
        for arm, look in looks.items():
            series += [_point(row, look) for row in of_arm(here, arm).to_dict("records")]
        zero = float(here["zero_log_odds"].max()) if len(here) else 0.0
        levels = [Level(Look("zero, as measured", QUIET, "", ":"), 0.0, -zero, zero)] if zero > 0 else []
        panels.append(Panel(str(benchmark), series, "α: how much sharper", levels=levels))
    note = "Bars: 95 % intervals. Base: α = 1, β = 0."
    title = "What each training did to the base"
    return Chart("mechanism", title, panels, note, (3.6, 3.5), shared_y="β: how much it leans to right answers")


def _point(row: Mapping[Any, Any], look: Look) -> Series:
    note = f"{row['name']}: α {_interval(row, 'alpha')}, β {_interval(row, 'beta')}"
    ends = [row["beta_low"]], [row["beta_high"]], [row["alpha_low"]], [row["alpha_high"]]
    return Series(look, [row["alpha"]], [row["beta"]], *ends, kind="marks", notes=[note])


def split(rows: pd.DataFrame) -> Chart:
    """KL from the base by the chain rule, as bars that stack, a panel a benchmark."""
    looks, panels = arm_looks(rows), []
    places = {arm: place for place, arm in enumerate(looks)}
    for benchmark in rows["benchmark"].unique():
        here = rows[(rows["benchmark"] == benchmark) & rows["kl"].notna()].to_dict("records")
        y = [float(places[Arm(row["policy"], row["variant"])]) for row in here]
        series = [
            Series(look, [max(row[part], 0.0) for row in here], y, kind="bars", hatch=HATCHES[part])
            for part, look in PARTS.items()
        ]
        ticks = {float(place): looks[arm].label for arm, place in places.items()}
        down = (len(places) - 0.4, -0.6)
        panels.append(Panel(str(benchmark), series, "KL from base (nats)", ticks_y=ticks, y_range=down))
    size = (3.4, 0.42 * len(places) + 1.2)
    return Chart("divergence", "How far each policy moved, and where", panels, size=size, shared_y="")


def table(rows: pd.DataFrame) -> Table:
    """The numbers behind the names, a row a policy and benchmark."""
    looks = arm_looks(rows)
    header = ["policy", "benchmark", "what training did", "agree", "α", "β", "KL", "elsewhere"]
    header += ["gained", "lost", "beyond"]
    lines = []
    for arm, look in looks.items():
        for row in of_arm(rows, arm).to_dict("records"):
            numbers = [f"{100 * row['stability']:.0f} %", _interval(row, "alpha"), _interval(row, "beta")]
            numbers += [_two(row["kl"]), percent(row["residual_share"])]
            numbers += [percent(row["coverage_gained"]), percent(row["coverage_lost"]), _count(row["n_beyond"])]
            lines.append([look.label, str(row["benchmark"]), Strong(row["name"]), *numbers])
    return without_dashes(Table(header, lines, n_text=3))


def _interval(row: Mapping[Any, Any], name: str) -> str:
    if math.isnan(row[name]):
        return "–"
    return f"{_two(row[name])} [{_two(row[f'{name}_low'])}, {_two(row[f'{name}_high'])}]"


def _two(value: float) -> str:
    return "–" if math.isnan(value) else f"{round(value, 2) + 0:.2f}".replace("-", "−")


def _count(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.0f}"


def _beyond(rows: pd.DataFrame, samples: pd.DataFrame | None) -> list[Block]:
    """Problems out of the base's reach that a policy solves, each with one of its right completions."""
    looks, lines, total = arm_looks(rows), [], 0
    for row in rows.to_dict("records"):
        for problem in row["beyond_problems"]:
            total += 1
            if total <= SHOWN:
                look = looks[Arm(row["policy"], row["variant"])]
                shown = Verbatim(_right_completion(samples, row, str(problem)))
                lines.append([look.label, str(row["benchmark"]), str(problem), shown])
    if not lines:
        return []
    words = f"Problems that the base practically cannot solve and a policy can ({total} in all, {len(lines)} shown):"
    return [words, Table(["policy", "benchmark", "problem", "one of its right completions"], lines, n_text=4)]


def _right_completion(samples: pd.DataFrame | None, row: Mapping[Any, Any], problem: str) -> str:
    if samples is None or "completion" not in samples:
        return "not kept in this samples table"
    wanted = {"policy": row["policy"], "variant": row["variant"], "benchmark": row["benchmark"], "problem_id": problem}
    for column, value in wanted.items():
        samples = samples[samples[column] == value]
    right = samples.loc[samples["correct"].astype(bool), "completion"]
    return str(right.iloc[0])[:LONGEST] if len(right) else "none among these samples"
