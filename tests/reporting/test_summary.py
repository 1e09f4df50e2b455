"""The machine-readable summary keeps the keys other programs rely on and is strict JSON."""

import json

import pandas as pd
import pytest

from beyond_sharpening.reporting import summary


def strict(content):
    return json.loads(json.dumps(content, allow_nan=False))


def test_promised_keys_and_values(estimates, comparisons):
    content = strict(summary(estimates, comparisons, "tiny", [0, 1]))
    assert set(content) == {"model", "seeds", "rows", "comparisons", "mechanism"}
    assert (content["model"], content["seeds"]) == ("tiny", [0, 1])
    row = content["rows"][0]
    promised = {"policy", "decoder", "benchmark", "pass@1", "ci_low", "ci_high", "pass@16", "maj@16", "mean_tokens"}
    assert promised <= set(row)
    assert (row["policy"], row["decoder"], row["benchmark"], row["pass@1"]) == (
        "base",
        "temperature",
        "chain_easy",
        0.66,
    )
    contrast = content["comparisons"][0]
    assert {"a", "b", "benchmark", "difference", "ci_low", "ci_high", "p_value", "p_adjusted"} <= set(contrast)
    assert (contrast["a"], contrast["b"]) == ("task_reward", "base")
    assert len(content["rows"]) == len(estimates)
    assert len(content["comparisons"]) == len(comparisons)


def test_what_was_not_measured_is_null(estimates, comparisons):
    content = strict(summary(estimates, comparisons, "tiny", [0]))
    greedy = next(row for row in content["rows"] if row["decoder"] == "greedy")
    assert greedy["pass@16"] is None
    assert greedy["maj@16"] is None
    assert greedy["pass@1"] is not None
    unknown = summary(estimates, comparisons.assign(p_adjusted=float("nan")), "tiny", [0])
    assert all(row["p_adjusted"] is None for row in strict(unknown)["comparisons"])


def test_small_p_values_survive(estimates, comparisons):
    content = strict(summary(estimates, comparisons.assign(p_value=1e-14), "tiny", [0]))
    assert content["comparisons"][0]["p_value"] == 1e-14


def test_other_numbers_of_samples_keep_their_own_keys(estimates, comparisons):
    few = estimates.drop(columns=["pass@16", "maj@16"])
    row = strict(summary(few, comparisons, "tiny", [0]))["rows"][0]
    assert {"pass@8", "maj@8"} <= set(row)
    assert "pass@16" not in row


def test_base_alone_has_no_comparisons(estimates):
    content = strict(summary(estimates.query("policy == 'base'"), pd.DataFrame(), "tiny", []))
    assert content["comparisons"] == []
    assert {row["policy"] for row in content["rows"]} == {"base"}


def test_a_missing_column_is_named(estimates, comparisons):
    with pytest.raises(KeyError, match="ci_low"):
        summary(estimates.drop(columns="ci_low"), comparisons, "tiny", [0])
