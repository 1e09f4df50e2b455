"""Who is the base and what is compared: said, or guessed and told; problems that differ are named."""

import pandas as pd
import pytest

from beyond_sharpening.errors import BadInput
from beyond_sharpening.readers import (
    as_samples,
    one_policy_a_variant,
    read_base_scores,
    read_samples,
    roles,
    same_problems,
    start_of,
    under_names,
)


@pytest.mark.parametrize(
    ("policies", "base", "family"),
    [
        (["grpo", "base"], "base", [("grpo", "base")]),
        (["Qwen2.5-7B-GRPO", "Qwen2.5-7B"], "Qwen2.5-7B", [("Qwen2.5-7B-GRPO", "Qwen2.5-7B")]),
        (["L3-Base", "dpo", "ppo"], "L3-Base", [("dpo", "L3-Base"), ("ppo", "L3-Base")]),
        (["step-100", "step-20", "step-0"], "step-0", [("step-100", "step-0")]),
    ],
)  # fmt: skip
def test_the_base_is_guessed_from_the_names_and_the_guess_is_told(policies, base, family):
    found = roles(policies)
    assert (found.base, found.family) == (base, family)
    assert found.notes[0].startswith(f"the base is taken to be {base}, ")
    assert found.notes[1].startswith(f"primary contrasts are {family[0][0]}:{base}")


def test_what_is_said_is_not_guessed():
    found = roles(["a", "b", "c"], base="b", primary="a:b, c:a")
    assert found == ("b", [("a", "b"), ("c", "a")], [])


def test_a_first_step_that_is_trained_already_is_told():
    assert "step-20, the first step, though it is trained already" in roles(["step-40", "step-20"]).notes[0]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"policies": ["a"]}, "there is one policy alone, a: name the files of its base too, as base=FILE"),
        ({"policies": ["a", "b"]}, "which policy is the base, .* Say --base=NAME; the policies are a, b"),
        ({"policies": ["a", "b"], "base": "c"}, "--base=c: unknown; the policies are a, b"),
        ({"policies": ["a", "b"], "base": "a", "primary": "b"}, "--primary: 'b' is not A:B with two policies; the pol"),
        ({"policies": ["a", "b"], "base": "a", "primary": "b:x"}, "--primary: 'b:x' is not A:B with two policies"),
    ],
)
def test_roles_that_cannot_be(arguments, told):
    with pytest.raises(BadInput, match=told):
        roles(**arguments)


def rows(**problems: str) -> pd.DataFrame:
    found = [(policy, "math", problem) for policy, text in problems.items() for problem in text]
    return pd.DataFrame(found, columns=["policy", "benchmark", "problem_id"])


def test_problems_that_not_all_have_are_left_out_counted_and_named():
    table, family = rows(base="abcd", grpo="abce", other="z"), [("grpo", "base")]
    kept, notes = same_problems(table, family)
    assert set(kept.loc[kept["policy"] != "other", "problem_id"]) == set("abc")
    assert notes == ["math: compared on the 3 problems that all have, of 5 (base 4, grpo 4); left out: d, e"]
    with pytest.raises(BadInput, match="math: no problem has samples of all policies: base 1, grpo 1"):
        same_problems(rows(base="a", grpo="b"), family)


def test_what_is_not_known_is_null_and_the_base_is_called_base():
    table = pd.DataFrame({"policy": ["x", "y"], "benchmark": "m", "problem_id": "1", "sample_id": 0, "correct": True})
    samples, notes = as_samples(table, "x")
    assert samples["policy"].tolist() == ["base", "y"]
    assert set(samples["model"]) == {"x"}
    assert samples[["n_tokens", "truncated", "logp_base", "answer", "completion"]].isna().all(axis=None)
    assert (set(samples["decoder"]), set(samples["checkpoint"]), notes) == ({"temperature"}, {"last"}, [])


def test_samples_of_one_other_decoder_are_compared_as_they_are_and_of_several_not():
    table = pd.DataFrame({"policy": ["x", "y"], "correct": True, "decoder": "top_p"})
    samples, notes = as_samples(table, "x")
    assert set(samples["decoder"]) == {"temperature"}
    assert notes == ["all samples were drawn by top_p, and are compared so"]
    with pytest.raises(
        BadInput, match="column `decoder` has greedy, top_p: call the one to compare policies on 'temper"
    ):
        as_samples(table.assign(decoder=["greedy", "top_p"]), "x")
    with pytest.raises(BadInput, match="a policy is called 'base', but --base=x: give it another name, as NAME=FILE"):
        as_samples(table.assign(policy=["x", "base"]), "x")


def test_variants_of_a_policy_are_policies():
    table = pd.DataFrame({"policy": ["base", "tilted", "tilted"], "variant": ["base", "alpha2", "alpha4"]})
    assert one_policy_a_variant(table)["policy"].tolist() == ["base", "tilted-alpha2", "tilted-alpha4"]


@pytest.mark.parametrize(
    ("policies", "base", "trained", "start"),
    [
        (["Qwen", "grpo"], None, ["grpo"], "Qwen"),
        (["Qwen", "grpo", "dpo"], "Qwen", ["grpo"], "Qwen"),
        (["base", "grpo", "dpo"], None, ["grpo"], "base"),
        (["grpo"], None, ["grpo"], None),
        (["Qwen"], None, [], "Qwen"),
    ],
)
def test_the_start_model_is_the_one_that_has_no_model_of_its_own(policies, base, trained, start):
    assert start_of(policies, base, trained) == start


@pytest.mark.parametrize(
    ("base", "trained", "told"),
    [
        (None, ["sft"], r"policies\.sft: no samples are of a policy of that name; the policies are a, b, c"),
        ("c", ["c"], r"score\.base=c: unknown, or a policy with a model of its own"),
        (None, ["c"], r"which policy is the base.*--params=score\.base=NAME"),
    ],
)
def test_a_start_model_that_cannot_be_told_is_asked_for(base, trained, told):
    with pytest.raises(BadInput, match=told):
        start_of(["a", "b", "c"], base, trained)


def test_the_bases_scores_lie_beside_samples_and_follow_their_names(tmp_path):
    samples = pd.DataFrame({"policy": ["tilted", "tilted"], "variant": ["a", "b"], "problem_id": "1", "correct": True})
    samples.to_parquet(tmp_path / "samples.parquet")
    key = {"checkpoint": "last", "train_seed": 0, "benchmark": "x", "problem_id": "1", "replicate": 0, "sample_id": 0}
    scores = pd.DataFrame([{"policy": "tilted", "variant": name, **key, "logp_policy": -1.0} for name in "ab"])
    scores.to_parquet(tmp_path / "base_scores.parquet")
    read, notes = read_samples([str(tmp_path)])
    assert len(read) == 2
    assert notes[0] == "1 file read as plain table: tilted"
    found = read_base_scores([str(tmp_path)])
    assert found is not None
    named = under_names(found, read, one_policy_a_variant(read))
    assert named["policy"].tolist() == ["tilted-a", "tilted-b"]
    assert named["variant"].tolist() == ["", ""], "which their names have now"
    with pytest.raises(BadInput, match="scores of the base's completions alone: name samples"):
        read_samples([str(tmp_path / "base_scores.parquet")])
    assert read_base_scores([str(tmp_path / "samples.parquet")]) is None
