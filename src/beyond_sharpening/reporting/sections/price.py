"""What an answer costs, and after how many answers a training has paid for itself."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from beyond_sharpening.reporting.blocks import Block, Section, Strong, Table
from beyond_sharpening.reporting.labels import Arm, arm_looks, decoder_label, side_label
from beyond_sharpening.reporting.numbers import amount, duration, percent, points_interval

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from beyond_sharpening.reporting.results import Results

MILLION = 1_000_000
ALIKE = (
    "An answer's cost counts the tokens that the model processes when that answer alone is asked for: the prompt once, "
    "and every token of every draw that it was chosen from. It is counted alike for policies and decoders. A "
    "training's tokens count as often as they pass through a model: drawn, scored by the base, and three times for the "
    "gradient. A million answers include the training. Benchmarks weigh alike.{time}"
)
TIME = " Times are those of one process, such as one with a GPU of its own, at {rate} tokens an hour."
AGAINST = (
    "Each trained policy, one plain sample, against the ways to decode the base without training; a decoder that is "
    "dearer than another of the base's and no more accurate is left out. *Less* and *more accurate*: the interval of "
    "the difference lies on one side of zero. Where decoding is dearer, the training has paid for itself after so many "
    "answers; in brackets the 95 % interval over problems."
)


def section(results: Results) -> Section | None:
    if results.break_even is None or results.break_even.empty:
        return None
    rates = results.rates
    time = TIME.format(rate=amount(rates["tokens"])) if "tokens" in rates else ""
    blocks: list[Block] = [_price(results), ALIKE.format(time=time), _rivals(results.break_even), AGAINST]
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
        better = "is more accurate" if best["ci_high"] < 0 else "is not seen to be less accurate"
        return (
            f"decode instead; the training is not worth its price here. The base's {_rival(best['rival'])} {better} "
            f"({percent(best['rival_accuracy'])} against {percent(best['accuracy'])}) and costs no more at any volume."
        )
    training = _cost(rows["training"].iloc[0], rates)
    if pays.empty:
        return (
            f"train; no decoding of the base that was tried is as accurate ({percent(rows['accuracy'].iloc[0])}). The "
            f"training took {training}."
        )
    least = pays.sort_values("rival_cost").to_dict("records")[0]
    return (
        f"train for many answers, decode for few; the training ({training}) pays for itself after {_answers(least)} "
        f"answers. The cheapest decoding of the base that is not seen to be less accurate, {_rival(least['rival'])} "
        f"({percent(least['rival_accuracy'])} against {percent(least['accuracy'])}), processes "
        f"{amount(least['rival_cost'])} tokens an answer instead of {amount(least['cost'])}."
    )


def _answers(row: Mapping[Any, Any]) -> str:
    return f"{amount(row['answers'])} [{amount(row['answers_low'])}, {amount(row['answers_high'])}]"


def _cost(tokens: float, rates: Mapping[str, float]) -> str:
    """Tokens, and what they are in time, energy and money, as far as the rates are known."""
    told = [amount(tokens, "tokens")]
    if "tokens" in rates:
        hours = tokens / rates["tokens"]
        told.append(duration(hours))
        told += [amount(hours * rate, unit) for unit, rate in rates.items() if unit != "tokens"]
    return ", ".join(told)


def _rival(name: str) -> str:
    kind, _, k = str(name).partition("-")
    if kind == "vote":
        return f"majority vote of {k}"
    return "one plain sample" if name == "temperature" else decoder_label(str(name))


def _price(results: Results) -> Table:
    """Each policy: right answers, cost of an answer, of its training, and of a million answers with it."""
    rows, rates = results.break_even, results.rates
    assert rows is not None
    header = ["policy", "right answers", "tokens an answer", "training", "a million answers"]
    lines = []
    for label, part in _by_policy(rows):
        row = part.iloc[0]
        costs = [_cost(tokens, rates) for tokens in (row["training"], row["training"] + MILLION * row["cost"])]
        lines.append([label, percent(row["accuracy"]), amount(row["cost"]), *costs])
    base = rows.drop_duplicates("rival").sort_values("rival_cost")
    for rival in base.to_dict("records"):
        label, cost = f"{side_label('base')}, {_rival(rival['rival'])}", rival["rival_cost"]
        lines.append([label, percent(rival["rival_accuracy"]), amount(cost), "–", _cost(MILLION * cost, rates)])
    return Table(header, lines)


def _rivals(rows: pd.DataFrame) -> Table:
    looks = arm_looks(rows)
    lines = []
    for row in _undominated(rows).to_dict("records"):
        difference = points_interval(row["difference"], row["ci_low"], row["ci_high"])
        label, tokens = looks[Arm(row["policy"], row["variant"])].label, f"{row['cost']:.0f} / {row['rival_cost']:.0f}"
        lines.append([label, _rival(row["rival"]), difference, tokens, _finding(row)])
    order = {look.label: place for place, look in enumerate(looks.values())}
    lines.sort(key=lambda line: order[line[0]])
    header = ["policy", "decoding of the base", "policy minus decoding, points", "tokens an answer", "decoding is"]
    return Table(header, lines, n_text=2)


def _undominated(rows: pd.DataFrame) -> pd.DataFrame:
    """Rivals by their cost, each more accurate than all that are cheaper."""
    rows = rows.sort_values(["rival_cost", "rival_accuracy"], ascending=[True, False])
    best = rows.groupby(["policy", "variant"], sort=False, observed=True)["rival_accuracy"].transform(
        lambda accuracy: accuracy.shift().cummax().fillna(-math.inf)
    )
    return rows[rows["rival_accuracy"] > best]


def _finding(row: Mapping[Any, Any]) -> str:
    if row["finding"] == "less accurate":
        return "less accurate"
    accuracy = "more accurate" if row["ci_high"] < 0 else "not seen to be less accurate"
    if row["finding"] == "cheaper":
        return Strong(f"{accuracy}, and no dearer")
    return f"{accuracy}, but dearer: training pays after {_answers(row)} answers"
