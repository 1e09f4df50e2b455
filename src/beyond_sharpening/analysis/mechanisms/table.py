"""The mechanism table: what each training did to its base, one row a policy and benchmark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from beyond_sharpening.analysis.mechanisms.coverage import changed_problems, crossing
from beyond_sharpening.analysis.mechanisms.draws import ARM_KEY, arms
from beyond_sharpening.analysis.mechanisms.family import one_odds_ratio
from beyond_sharpening.analysis.mechanisms.measure import Measured, measure
from beyond_sharpening.analysis.mechanisms.naming import EXPLAINED, Thresholds, Zero, name_of
from beyond_sharpening.analysis.mechanisms.stability import names_under_other_thresholds, resampled_names
from beyond_sharpening.analysis.rows import Rows, Samples
from beyond_sharpening.objectives import OBJECTIVES, Objective

NULL = tuple(name for name in OBJECTIVES if Objective.named(name).is_null)
UNTOLD = tuple(name for name, row in OBJECTIVES.items() if not row.is_told)


def mechanism(
    samples: Samples,
    base_scores: pd.DataFrame | Rows | None = None,
    *,
    thresholds: Thresholds | None = None,
    null: Sequence[str] = NULL,
    untold: Sequence[str] = UNTOLD,
    seed: int = 0,
) -> pd.DataFrame:
    """What each training did to its base: sharpened, tilted, went beyond, drifted, or nothing.

    From the policies' samples at the last checkpoint under the reference decoder, and both replicates of the base's.

    Args:
        samples: a samples table; of its columns the log-probabilities, ``answer``, ``n_tokens``, ``truncated`` and
            ``token_entropy`` may be absent: the numbers that need them are NaN, and ``absent`` says so.
        base_scores: the base's completions scored under the policies (``contract.CROSS_SCORE_KEY``).
        thresholds: of the rule.
        null: policies trained to change nothing: what KL they show is numerical noise.
        untold: policies never told what is right: the β̂ they show is none.
        seed: of the resampling.

    Returns:
        One row a (``model``, ``policy``, ``variant``, ``benchmark``) that is not the base and whose base is there:

        - ``name`` (see ``naming.EXPLAINED``), ``reason`` with the numbers that decided, ``stability`` (share of
          resamples of problems and seeds with the same name), ``other_name`` (the next most frequent),
          ``threshold_sensitive`` (names that follow when one threshold moves by a fifth, in words), ``overall`` (the
          policy's name over all benchmarks);
        - numbers with ``_low`` and ``_high``, 95 % about problems like these: ``alpha`` and ``beta`` from the
          estimator ``trusted``, and by each of them (``_ratio``, ``_mixture``, ``_own``), ``beta_labels``
          (``family``); ``shift``; ``kl``, ``kl_tilt``, ``kl_right``, ``kl_wrong``, ``kl_per_token``, ``efficiency``,
          ``covered``, ``residual`` in nats and ``residual_share`` less the null control's (``divergence``);
          ``ceiling`` and ``over_ceiling`` (``ceiling``); ``coverage_gained``, ``coverage_lost``, ``cover@τ``
          (``coverage``); entropies, answers, lengths, truncation, ``rank_bias`` (``diversity``), those of the base
          under ``_base``; ``accuracy``. ``crossing`` with its own interval;
        - ``n_beyond`` and ``beyond_problems``, ``n_out_of_reach`` and ``out_of_reach_problems`` (in most seeds),
          ``n_rose``, ``n_fell`` (problems, Fisher with Benjamini–Hochberg), ``one_odds_ratio`` (p, Tarone),
          ``told_apart``, ``ceiling_power``, ``ceiling_effective_share``, ``zero_*`` (what counted as nothing);
        - ``seeds``, ``n_problems``, ``n_left_out`` and ``left_out`` (problems that not all have), ``absent``.
    """
    thresholds = thresholds or Thresholds()
    measured, counted = [], []
    for arm in arms(samples, base_scores):
        one = measure(arm, thresholds)
        counted.append(_counts(one, seed))
        measured.append(one)
    rows = []
    for one, counts in zip(measured, counted, strict=True):
        zero = _zero([other for other in measured if _same_benchmark(one, other)], null, untold)
        rows.append(_row(one, thresholds, zero, seed) | counts | _extent(one))
    table = pd.DataFrame(rows)
    return table.assign(overall=_overall(table)) if rows else pd.DataFrame(columns=[*ARM_KEY, "name"])


def _same_benchmark(one: Measured, other: Measured) -> bool:
    return (one.arm.key[0], one.arm.key[3]) == (other.arm.key[0], other.arm.key[3])


def _zero(measured: Sequence[Measured], null: Sequence[str], untold: Sequence[str]) -> Zero:
    """What the arms that should show nothing show, on one benchmark; 0 where there is none of them."""

    def largest(name: str, policies: Sequence[str]) -> float:
        shown = [abs(one.estimates[name].value) for one in measured if one.arm.key[1] in policies]
        return float(np.nanmax([0.0, *shown]))

    return Zero(largest("kl", null), largest("residual", null), largest("beta", untold))


def _row(measured: Measured, thresholds: Thresholds, zero: Zero, seed: int) -> dict[str, object]:
    arm = measured.arm
    name, reason = name_of(measured.evidence, thresholds, zero)
    resampled = resampled_names(measured, thresholds, zero, seed)
    others = [other for other, _ in resampled.most_common() if other != name]
    sensitive = names_under_other_thresholds(measured, thresholds, zero)
    row: dict[str, object] = dict(zip(ARM_KEY, arm.key, strict=True)) | {
        "name": name,
        "meaning": EXPLAINED[name],
        "reason": reason,
        "stability": resampled[name] / resampled.total(),
        "other_name": others[0] if others else "",
        "threshold_sensitive": "; ".join(f"{change}: {other}" for change, other in sensitive.items()),
        "trusted": measured.trusted,
    }
    return row | _numbers(measured, zero)


def _numbers(measured: Measured, zero: Zero) -> dict[str, object]:
    numbers: dict[str, object] = {}
    kl = measured.estimates["kl"].value
    noise = zero.residual / kl if kl else np.nan  # a policy that is its base, to the last bit
    for name, number in measured.estimates.items():
        values = np.array(number)
        if name == "residual_share" and np.isfinite(noise):
            values = np.maximum(values - noise, 0.0)
        numbers |= dict(zip((name, f"{name}_low", f"{name}_high"), values.tolist(), strict=True))
    return numbers | {f"zero_{name}": value for name, value in vars(zero).items()}


def _counts(measured: Measured, seed: int) -> dict[str, object]:
    arm = measured.arm
    rose, fell = np.median([changed_problems(pair) for pair in arm.tried], axis=0)
    crossed = crossing(arm.tried, seed)
    return {
        "n_beyond": float(most_seeds(measured.beyond).sum()) if np.isfinite(measured.beyond).all() else np.nan,
        "beyond_problems": arm.problems[most_seeds(measured.beyond)].tolist(),
        "n_out_of_reach": float(most_seeds(measured.out_of_reach).sum())
        if np.isfinite(measured.beyond).all()
        else np.nan,
        "out_of_reach_problems": arm.problems[most_seeds(measured.out_of_reach)].tolist(),
        "n_rose": float(rose),
        "n_fell": float(fell),
        "one_odds_ratio": one_odds_ratio(arm.tried),
        "crossing": crossed.k,
        "crossing_low": crossed.low,
        "crossing_high": crossed.high,
        "crossing_share": crossed.share,
        "crossing_last_k": crossed.last,
        **{name: float(np.mean(values)) for name, values in measured.scalars.items() if "spread" not in name},
    }


def most_seeds(flags: np.ndarray) -> np.ndarray:
    """The problems (P,) whose flag is set in more than half of the seeds, of flags (S, P)."""
    return np.nan_to_num(flags).mean(axis=0) > 0.5


def _extent(measured: Measured) -> dict[str, object]:
    arm = measured.arm
    return {
        "seeds": list(arm.seeds),
        "n_seeds": len(arm.seeds),
        "n_problems": len(arm.problems),
        "n_left_out": len(arm.left_out),
        "left_out": arm.left_out.tolist(),
        "absent": _absent(measured),
    }


def _absent(measured: Measured) -> str:
    """What could not be computed, and for want of what; empty where nothing is missing."""
    missing: Mapping[str, tuple[bool, str]] = {
        "logp_base": (np.isnan(measured.estimates["alpha_ratio"].value), "α, β, shift, ceiling"),
        "logp_policy": (np.isnan(measured.estimates["kl"].value), "KL and its parts, the residual, problems beyond"),
        "base_scores": (np.isnan(measured.estimates["alpha_mixture"].value), "regression on the mixture"),
        "answer": (np.isnan(measured.estimates["distinct_answers"].value), "entropy and number of answers"),
        "n_tokens": (np.isnan(measured.estimates["tokens_wrong"].value), "lengths"),
        "token_entropy": (np.isnan(measured.estimates["token_entropy"].value), "entropy of tokens"),
    }
    return "; ".join(f"no {column}: {needs}" for column, (absent, needs) in missing.items() if absent)


def _overall(table: pd.DataFrame) -> list[str]:
    """Each policy's name over its benchmarks: beyond where any is, the one that all determined ones share, or mixed."""
    names = {}
    for key, rows in table.groupby(["model", "policy", "variant"]):
        told = rows["name"][rows["name"] != "undetermined"]
        different = told.value_counts()
        if "beyond" in different.index:
            names[key] = "beyond"
        elif len(different) <= 1:
            names[key] = different.index[0] if len(different) else "undetermined"
        else:
            names[key] = "mixed: " + ", ".join(f"{name} on {count}" for name, count in different.items())
    return [names[key] for key in zip(table["model"], table["policy"], table["variant"], strict=True)]
