"""Divergence as a result: what a training's rows say of it, by rules that are documented and can be set."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from beyond_sharpening.models.callbacks import Track
from beyond_sharpening.parameters import Training
from beyond_sharpening.parameters.divergence import Divergence

logger = logging.getLogger(__name__)

FINDING = "divergence"
"""The key of a step's row under which it says what was found there."""

NUMBERS = ("reward", "entropy", "kl", "log_policy", "log_reference", "grad_norm", "loss")
OF_THE_POLICY = ("entropy", "kl", "log_policy")
"""Numbers that are none where the weights are of no use any more."""

TOLERANCE = 1e-3
"""Of a reward above the attainable one, relative to its terms: float32 sums of thousands of tokens differ less."""

Row = Mapping[str, Any]


class Monitor(TrainerCallback):
    """Looks at every step's row; writes what it finds into the row, into the log and to the tracker, once a rule."""

    def __init__(self, options: Training, track: Track) -> None:
        self.options, self.track = options, track
        self.found: set[str] = set()

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """What was found before an interruption is not found again."""
        rows: list[dict[str, Any]] = state.log_history
        found = (row[FINDING] for row in rows if FINDING in row)
        self.found = {text.partition(":")[0] for texts in found for text in texts.split("; ")}

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        rows: list[dict[str, Any]] = state.log_history
        if not rows or "reward" not in rows[-1]:
            return
        new = {rule: why for rule, why in findings(rows, self.options) if rule not in self.found}
        if not new:
            return
        self.found |= {*new}
        rows[-1][FINDING] = "; ".join(f"{rule}: {why}" for rule, why in new.items())
        ends = NON_FINITE in new or self.options.divergence.action == "stop"
        told = "the training stops here" if ends else "the training goes on (divergence.action)"
        logger.warning("step %d: the training diverges (%s); %s", state.global_step, rows[-1][FINDING], told)
        if state.is_world_process_zero:
            self.track({f"diverged/{rule}": 1.0 for rule in new}, state.global_step)
        if ends:
            control.should_training_stop, control.should_save = True, False  # nothing goes on from here


NON_FINITE = "non_finite"


def findings(rows: Sequence[Row], options: Training) -> Iterator[tuple[str, str]]:
    """The rules that are true of the last step of a log, each with the numbers that say so."""
    last, rules = rows[-1], options.divergence
    unscored = {"reward"} if last.get("unscored") == 1 else set()  # nothing was told: R is no number, and need not be
    watched = [name for name in NUMBERS if name in last and name not in unscored]
    if broken := [f"{name} = {last[name]}" for name in watched if not _is_number(last[name])]:
        yield NON_FINITE, ", ".join(broken)
        return
    recent = list(islice((row for row in reversed(rows) if "reward" in row), rules.steps))
    if len(recent) == rules.steps:
        first = next(row for row in rows if "reward" in row)
        yield from _lasting(recent, first, rules)
    if rules.above_attainable and _is_number(last["reward"]) and (above := _above_attainable(last, options)):
        yield "above_attainable", above


def is_usable(rows: Sequence[Row]) -> bool:
    """Whether the policy that a training ended with has probabilities."""
    steps = (row for row in reversed(rows) if "reward" in row)
    return all(_is_number(row.get(name, 0.0)) for row in islice(steps, 1) for name in OF_THE_POLICY)


def _lasting(recent: Sequence[Row], first: Row, rules: Divergence) -> Iterator[tuple[str, str]]:
    during = f"for {rules.steps} steps"
    low, high = rules.min_entropy, rules.max_kl
    if low is not None and (most := max(row["entropy"] for row in recent)) < low:
        yield "entropy_collapse", f"entropy at most {most:.2g} nats a token {during}, limit {low:g}"
    cut, share = rules.max_truncated, rules.min_length_share
    least = min(row["completions/clipped_ratio"] for row in recent)
    if cut is not None and least > cut and first["completions/clipped_ratio"] < cut / 2:
        yield "length_explosion", f"at least {least:.0%} of completions cut short {during}, limit {cut:.0%}"
    longest = max(row["completions/mean_length"] for row in recent)
    if share is not None and longest < share * first["completions/mean_length"]:
        began = first["completions/mean_length"]
        yield "length_collapse", f"at most {longest:.3g} tokens {during}, {began:.3g} at first"
    if high is not None and (nearest := min(row["kl"] for row in recent)) > high:
        yield "kl_limit", f"KL at least {nearest:.3g} nats a completion {during}, limit {high:g}"


def _above_attainable(row: Row, options: Training) -> str | None:
    """A mean reward of more than a·1, once its penalties, which are known to the last digit, are taken off.

    r = a·R + (b − c)·log π_ref + c·(log π_ref − log π_θ), where R ≤ 1; sums of log-probabilities only.
    """
    objective = options.build_objective()
    if objective.normalisation != "sum" or objective.task == 0 or options.signal.type not in WITHIN_ONE:
        return None
    rest = (objective.reference - objective.policy) * row["log_reference"] - objective.policy * row["kl"]
    terms = abs(row["log_reference"]) * abs(objective.reference) + abs(objective.policy * row["kl"])
    told = row["reward"] / options.reward_scale - rest
    if told > objective.task + TOLERANCE * (objective.task + terms):
        return f"R is {told / objective.task:.3g} in the mean, and at most 1 can be had"
    return None


WITHIN_ONE = ("gold", "noisy", "inverted", "majority", "random", "format")
"""The signals whose R is at most 1."""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
