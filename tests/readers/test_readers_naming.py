"""Policies and benchmarks are called what tells their files apart, where the files do not say."""

import pytest

from beyond_sharpening.readers import read_samples


def names(tmp_path, *paths: str, named: tuple[str, ...] = ()) -> set[tuple[str, str]]:
    for number, path in enumerate(paths):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(f"problem_id,correct\n1,1\n{number},0\n")
    table, _ = read_samples([text.format(tmp_path) for text in named or ("{}",)])
    return {(row.policy, row.benchmark) for row in table.itertuples()}


@pytest.mark.parametrize(
    ("paths", "found"),
    [
        (["base.csv", "grpo.csv"], {("base", "problems"), ("grpo", "problems")}),
        (["base/samples.csv", "grpo/samples.csv"], {("base", "problems"), ("grpo", "problems")}),
        (["base/run/1/x.csv", "grpo/run/1/x.csv"], {("base", "problems"), ("grpo", "problems")}),
        (
            ["base/aime.csv", "base/math.csv", "grpo/aime.csv", "grpo/math.csv"],
            {("base", "aime"), ("base", "math"), ("grpo", "aime"), ("grpo", "math")},
        ),
        (["base/part1.csv", "base/part2.csv", "grpo/all.csv"], {("base", "problems"), ("grpo", "problems")}),
    ],
)
def test_what_tells_the_paths_apart_names_the_policy(tmp_path, paths, found):
    assert names(tmp_path, *paths) == found


def test_the_command_line_has_the_last_word(tmp_path):
    found = names(tmp_path, "a.csv", "b.csv", named=("start={}/a.csv", "trained={}/b.csv"))
    assert found == {("start", "problems"), ("trained", "problems")}


def test_a_slash_would_name_a_decoder(tmp_path):
    (tmp_path / "a.csv").write_text("model,problem_id,correct\nlab/one,1,1\nlab/two,1,1\nother/two,1,1\n")
    table, _ = read_samples([str(tmp_path)])
    assert set(table["policy"]) == {"one", "lab__two", "other__two"}
