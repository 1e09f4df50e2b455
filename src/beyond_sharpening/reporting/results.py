"""What a report is written from: the results of an experiment, as far as they are there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import pandas as pd


class Verdict(Protocol):
    """What was decided: a headline, a few short lines, a note on what is uncertain.

    ``decoding_lines`` say by benchmark whether decoding would have done; ``rule`` are the numbers that decided.
    """

    @property
    def headline(self) -> str: ...
    @property
    def lines(self) -> Sequence[str]: ...
    @property
    def note(self) -> str: ...
    @property
    def decoding_lines(self) -> Sequence[str]: ...
    @property
    def rule(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True)
class Run:
    """What was run, and by what.

    Attributes:
        model: the start model's name.
        seeds: name of a seed -> its values.
        parameters: block -> name -> value, or name -> value.
        versions: package -> version.
        differing: settings in which what is compared differs though it should not, a line each.
        unknown: samples tables of which nothing is known.
        base: the parameters the start model was made by; empty where it is not known.
        made: what else is known of the making: name -> text, such as date, hardware and commit.
        read: of samples that another system drew, what was recognised and guessed in reading them, a line each; empty
            for an experiment of this project.
        absent: what is not known of them for want of a column, a line each.
    """

    model: str
    seeds: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, Any] = field(default_factory=dict)
    differing: Sequence[str] = ()
    unknown: Sequence[str] = ()
    base: Mapping[str, Any] = field(default_factory=dict)
    made: Mapping[str, str] = field(default_factory=dict)
    read: Sequence[str] = ()
    absent: Sequence[str] = ()


@dataclass(frozen=True)
class Results:
    """The frames of ``beyond_sharpening.analysis`` and what stands beside them; None for what is not there.

    Attributes:
        verdict: what was decided.
        run: what was run.
        estimates, curves, by_difficulty, comparisons, costs, diagnostics, outcomes: from the functions of the same
            name in ``analysis`` (``outcomes``: ``prediction_outcomes``).
        histories: objective -> one row a step, with columns ``step``, ``task_accuracy`` (0..1), ``entropy`` (nats a
            token), ``kl`` (nats a completion), ``length`` (tokens) and ``validation_accuracy`` (0..1, NaN between).
        told: from ``told_and_true``, one row a trained cell.
        claims, series: the theory, one row a claim and one row a point of its figures.
        cards: benchmark -> what it is.
        samples: the samples table, or of a long one those of its rows that are shown, for completions to read.
        counts: what is counted of all samples (``analysis.count_samples``); None: of ``samples``.
        goals, break_even: from the functions of the same name in ``analysis``.
        trainings: ``policy, variant, tokens, hours``: what each training took.
        mechanism: from ``analysis.mechanism``, one row a policy and benchmark.
        at_k, designs, opinions, transitions: from ``compare_at_k``, ``designs``, ``second_opinions`` and
            ``solve_rate_transitions``.
        rates: unit -> what an hour costs in it, such as kWh or EUR; ``tokens``: processed in an hour.
    """

    verdict: Verdict
    run: Run
    estimates: pd.DataFrame
    curves: pd.DataFrame
    by_difficulty: pd.DataFrame
    comparisons: pd.DataFrame
    histories: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    costs: pd.DataFrame | None = None
    diagnostics: pd.DataFrame | None = None
    outcomes: pd.DataFrame | None = None
    told: pd.DataFrame | None = None
    claims: pd.DataFrame | None = None
    series: pd.DataFrame | None = None
    cards: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    samples: pd.DataFrame | None = None
    counts: pd.DataFrame | None = None
    goals: pd.DataFrame | None = None
    break_even: pd.DataFrame | None = None
    trainings: pd.DataFrame | None = None
    mechanism: pd.DataFrame | None = None
    at_k: pd.DataFrame | None = None
    designs: pd.DataFrame | None = None
    opinions: pd.DataFrame | None = None
    transitions: pd.DataFrame | None = None
    rates: Mapping[str, float] = field(default_factory=dict)

    @property
    def policies(self) -> set[str]:
        """Names of all policies that were evaluated."""
        return set(self.estimates["policy"])
