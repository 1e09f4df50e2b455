"""What an answer costs, and after how many answers a training has paid for itself."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from beyond_sharpening.reporting.blocks import Block, Section, Strong, Table
from beyond_sharpening.reporting.labels import Arm, arm_looks, decoder_label, side_label
from beyond_sharpening.reporting.numbers import amount, percent, points_interval

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from beyond_sharpening.reporting.results import Results

FINDINGS = {
    "less accurate": "less accurate",
    "cheaper": "at least as accurate, and no dearer",
    "pays": "at least as accurate; training pays after",
}
ALIKE = (
    "An answer's cost counts the tokens that the model processes when that answer alone is asked for: the prompt once, "
    "and every token of every draw that it was chosen from. It is counted alike for policies and decoders. A "
    "training's tokens count as often as they pass through a model: drawn, scored by the base, and three times for the "
    "gradient. Benchmarks weigh alike."
)
AGAINST = (
    "Each trained policy, one plain sample, against the ways to decode the base without training. *Less accurate*: the "
    "interval of the difference is above zero. Where decoding is at least as accurate and dearer, the training has "
    "paid for itself after so many answers; in brackets the 95 % interval over problems."
)


def section(results: Results) -> Section | None:
    if results.break_even is None or results.break_even.empty:
        return None
    blocks: list[Block] = [_price(results), ALIKE, _rivals(results.break_even), AGAINST]
    return Section("What it costs", blocks)


def advice(results: Results) -> list[str]:
    """A sentence a trained policy: what its training buys."""
    rows = results.break_even
    if rows is None or rows.empty:
        return []
    return [f"{label}: {_sentence(part, results.rates)}" for label, part in _by_policy(rows)]


def _by_policy(rows: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    parts = []
    for arm, look in arm_looks(rows).items():
        parts.append((look.label, rows[(rows["policy"] == arm.policy) & (rows["variant"] == arm.variant)]))
    return parts


def _sentence(rows: pd.DataFrame, rates: Mapping[str, float]) -> str:
    cheaper, pays = (rows[rows["finding"] == finding] for finding in ("cheaper", "pays"))
    if len(cheaper):
        best = cheaper.sort_values("rival_accuracy").iloc[-1]
        better = "more accurate" if best["ci_high"] < 0 else "as accurate"
        return (
            f"not worth its price here. The base's {_rival(best['rival'])} is {better} "
            f"({percent(best['rival_accuracy'])} against {percent(best['accuracy'])}) and costs no more at any volume."
        )
    training = amount(rows["training"].iloc[0], "tokens") + _in_other_units(rows["training"].iloc[0], rates)
    if pays.empty:
        return (
            f"no decoding of the base that was tried is as accurate ({percent(rows['accuracy'].iloc[0])}). Its "
            f"training took {training}."
        )
    least = pays.sort_values("rival_cost").to_dict("records")[0]
    return (
        f"its training ({training}) pays for itself after {_answers(least)} answers. The cheapest decoding of the base "
        f"that is at least as accurate, {_rival(least['rival'])} ({percent(least['rival_accuracy'])} against "
        f"{percent(least['accuracy'])}), processes {amount(least['rival_cost'])} tokens an answer "
        f"instead of {amount(least['cost'])}."
    )


def _answers(row: Mapping[Any, Any]) -> str:
    return f"{amount(row['answers'])} [{amount(row['answers_low'])}, {amount(row['answers_high'])}]"


def _in_other_units(tokens: float, rates: Mapping[str, float]) -> str:
    if "tokens" not in rates:
        return ""
    hours = tokens / rates["tokens"]
    others = [amount(hours, "hours"), *(amount(hours * rate, unit) for unit, rate in rates.items() if unit != "tokens")]
    return f", {', '.join(others)}"


def _rival(name: str) -> str:
    kind, _, k = str(name).partition("-")
    if kind == "vote":
        return f"majority vote of {k}"
    return "one plain sample" if name == "temperature" else decoder_label(str(name))


def _price(results: Results) -> Table:
    """Each policy: right answers, cost of an answer, of its training, and of a million answers with it."""
    rows, rates = results.break_even, results.rates
    assert rows is not None
    units = [unit for unit in rates if unit != "tokens"]
    header = ["policy", "right answers", "tokens an answer", "training, tokens", "hours", *units]
    lines = []
    for label, part in _by_policy(rows):
        row = part.iloc[0]
        hours = row["training"] / rates.get("tokens", math.nan)
        costs = [amount(row["training"]), amount(hours), *(amount(hours * rates[unit]) for unit in units)]
        lines.append([label, percent(row["accuracy"]), amount(row["cost"]), *costs])
    base = rows.drop_duplicates("rival").sort_values("rival_cost")
    for rival in base.to_dict("records"):
        nothing = ["–"] * (2 + len(units))
        label = f"{side_label('base')}, {_rival(rival['rival'])}"
        lines.append([label, percent(rival["rival_accuracy"]), amount(rival["rival_cost"]), *nothing])
    return Table(header, lines)


def _rivals(rows: pd.DataFrame) -> Table:
    looks = arm_looks(rows)
    lines = []
    for row in rows.sort_values("rival_cost").to_dict("records"):
        finding = FINDINGS[row["finding"]] + (f" {_answers(row)} answers" if row["finding"] == "pays" else "")
        difference = points_interval(row["difference"], row["ci_low"], row["ci_high"])
        label = looks[Arm(row["policy"], row["variant"])].label
        shown = finding if row["finding"] == "less accurate" else Strong(finding)
        lines.append([label, _rival(row["rival"]), difference, f"{row['cost']:.0f} / {row['rival_cost']:.0f}", shown])
    order = {look.label: place for place, look in enumerate(looks.values())}
    lines.sort(key=lambda line: order[line[0]])
    header = ["policy", "decoding of the base", "policy minus decoding, points", "tokens an answer", "decoding is"]
    return Table(header, lines, n_text=2)
