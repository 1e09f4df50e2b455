"""The report, its figures, the summary, and the lines on the terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure  # Kedro reads the types of nodes

from beyond_sharpening.analysis import Rows, Samples, Verdict, count_samples, told_and_true
from beyond_sharpening.cells.compared import what_was_run
from beyond_sharpening.cells.place import place
from beyond_sharpening.objectives import OBJECTIVES
from beyond_sharpening.parameters import Rates, Reporting
from beyond_sharpening.reporting import Results, Run, read_shown, report, summary
from beyond_sharpening.wiring.tracking import tracked_at

Tables = dict[str, Callable[[], pd.DataFrame]]
Records = dict[str, Callable[[], dict[str, Any]]]


def select_histories(histories: Tables, variants: dict[str, str], seed: int) -> dict[str, pd.DataFrame]:
    """The training histories of the variants compared, by objective; those not trained with this seed are left out."""
    cells = {name: place(name, variants[name], seed) for name in OBJECTIVES if name in variants}
    return {name: histories[cell]() for name, cell in cells.items() if cell in histories}


def describe_run(model: str, tables: Tables, manifests: Records) -> Run:
    """What was run, as the manifests beside the samples tables tell."""
    known = {cell: manifests[cell]() for cell in sorted(tables) if cell in manifests}
    bases = [manifest["identity"]["base"] for manifest in known.values()]
    return Run(
        model,
        **what_was_run(known),
        unknown=sorted(tables.keys() - known),
        base=bases[0] if bases else {},
        made=_making(list(known.values())),
    )


def _making(manifests: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """When and where, and where it is tracked."""
    now = datetime.now(UTC)
    made = {"report written": f"{now:%Y-%m-%d %H:%M} UTC"}
    if manifests:
        first, last = (extreme(manifest["created"] for manifest in manifests) for extreme in (min, max))
        made["samples drawn"] = f"{first} to {last}"
        made["commit"] = ", ".join(sorted({manifest["commit"] for manifest in manifests}))
        made["hardware"] = "; ".join(dict.fromkeys(_machine(manifest["hardware"]) for manifest in manifests))
    if (run := tracked_at()) is not None:
        made["MLflow run"] = run
    return made


def _machine(hardware: Mapping[str, Any]) -> str:
    shown = {
        name: hardware[name] for name in ("device", "processes", "threads", "dtype", "engine") if hardware.get(name)
    }
    return ", ".join(f"{name} {value}" for name, value in shown.items())


def compare_told(histories: Tables, manifests: Records) -> tuple[pd.DataFrame, dict[str, Any]]:
    """What every trained cell was told beside what was true, where its history and its manifest are there.

    To track: the steps from which the two part.
    """
    made = {cell: load()["identity"].get("train", {}) for cell, load in manifests.items()}
    table = told_and_true(histories, {cell: next(iter(train.values())) for cell, train in made.items() if train})
    parting = table.dropna(subset="parts_at").to_dict("records")
    return table, {
        place(row["policy"], row["variant"], row["train_seed"]): {"value": row["parts_at"], "step": 0}
        for row in parting
    }


def read_completions(samples: Rows, did: pd.DataFrame) -> pd.DataFrame:
    """The samples whose completions the report shows; problems beyond the base are among them."""
    return read_shown(samples, did)


def gather_results(
    decided: dict[str, Any],
    trainings: pd.DataFrame,
    options: dict[str, Any],
    theory: Tables,
    cards: Records,
    counted: Rows,
    **results: Any,
) -> Results:
    """All that the report is written from, in one."""
    return Results(
        verdict=Verdict(**decided),
        trainings=trainings,
        rates=_rates(Reporting.model_validate(options).rates, trainings),
        claims=theory["checks"]() if theory else None,
        series=theory["series"]() if theory else None,
        cards=next(iter(cards.values()))() if cards else {},
        counts=counted.counts,
        **results,
    )


def _rates(asked: Rates, trainings: pd.DataFrame) -> dict[str, float]:
    """Tokens an hour, as asked or as the trainings reached; then what an hour costs in each unit that is known."""
    hours = trainings["hours"].sum()
    measured = {"tokens": trainings["tokens"].sum() / hours} if hours > 0 else {}
    given = {"tokens": asked.tokens_per_hour, "kWh": asked.kilowatts, asked.currency: asked.price_per_hour}
    return measured | {unit: rate for unit, rate in given.items() if rate is not None}


def write_report(results: Results, samples: Samples) -> dict[str, str | dict[str, Any] | dict[str, Figure]]:
    """The report as Markdown and as one HTML page, its figures by file, the summary, what to announce."""
    written = report(results)
    counts = count_samples(samples)
    seeds = sorted(int(seed) for seed in counts.loc[counts["policy"] != "base", "train_seed"].unique())
    return {
        "markdown": written.markdown,
        "html": written.html,
        "figures": {f"{name}.png": figure for name, figure in written.figures.items()},
        "summary": summary(results.estimates, results.comparisons, results.run.model, seeds, results.mechanism),
        "announcement": "\n".join([results.verdict.headline, *results.verdict.lines[:2]]),
    }


def announce(lines: str, project: str, data: str) -> None:
    """Print the verdict, where the report is, and what to do with it."""
    folder = Path(project) / data / "08_reporting"
    print(
        f"\n{lines}\nThe report: {folder / 'report.html'}\n"
        "Next: open it, or notebooks/01_read_the_results.ipynb; `make mlflow` shows the runs.\n"
    )
