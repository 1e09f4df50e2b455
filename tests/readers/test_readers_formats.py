"""Every format is known by its files alone, and the samples that come out are those that went in."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from foreign import (
    GOLDS,
    RIGHT,
    STRONG,
    WEAK,
    csv,
    inspect_eval,
    inspect_log,
    lighteval,
    lighteval_before_structs,
    limit_of_rlvr,
    lm_eval,
    lm_eval_choices,
    trl,
    verl,
    write_lines,
)

from beyond_sharpening.errors import BadInput
from beyond_sharpening.readers import Wishes, read_samples
from beyond_sharpening.readers.prompts import Prompt
from synthetic_samples import synthetic_samples


def verdicts(table: pd.DataFrame) -> dict[str, list[bool]]:
    """Of each policy, what is right, by problem and sample."""
    ordered = table.sort_values(["policy", "problem_id", "sample_id"])
    return {str(policy): rows["correct"].tolist() for policy, rows in ordered.groupby("policy")}


def test_a_csv_of_two_policies_needs_a_problem_and_a_verdict_alone(tmp_path):
    table, notes = read_samples([str(csv(tmp_path / "two.csv", weak=WEAK, strong=STRONG))])
    assert verdicts(table) == RIGHT
    assert list(table) == ["policy", "benchmark", "problem_id", "sample_id", "correct"]
    assert notes == ["1 file read as plain table: weak, strong", "what is correct is what the files say"]


@pytest.mark.parametrize("suffix", ["jsonl", "json", "parquet", "tsv"])
def test_completions_and_golds_are_graded_here_whatever_the_kind_of_table(tmp_path, suffix):
    rows = [
        {"id": int(problem), "model": f"lab/{name}", "response": answer, "ground_truth": f"#### {GOLDS[problem]}"}
        for name, answers in (("weak", WEAK), ("strong", STRONG))
        for problem, given in answers.items()
        for answer in given
    ]
    path = tmp_path / f"samples.{suffix}"
    if suffix == "jsonl":
        write_lines(path, rows)
    elif suffix == "json":
        path.write_text(json.dumps(rows))
    elif suffix == "parquet":
        pd.DataFrame(rows).to_parquet(path)
    else:
        pd.DataFrame(rows).to_csv(path, sep="\t", index=False)
    table, notes = read_samples([str(path)])
    assert verdicts(table) == RIGHT
    assert set(table["outcome"]) == {"correct", "wrong"}
    assert table["answer"].tolist()[:2] == ["5", "4"]
    assert "read as ours: `id` = problem_id, `response` = completion, `ground_truth` = gold, `model` = policy" in notes


def test_a_row_a_problem_with_lists_is_a_row_a_sample(tmp_path):
    for name, answers in (("weak", WEAK), ("strong", STRONG)):
        lines = [
            {"question": f"what is {problem}?", "answer": GOLDS[problem], "responses": list(given)}
            for problem, given in answers.items()
        ]
        write_lines(tmp_path / name / "out.jsonl", lines)
    table, _ = read_samples([str(tmp_path)])
    assert {policy: sorted(found) for policy, found in verdicts(table).items()} == {
        policy: sorted(found) for policy, found in RIGHT.items()
    }
    assert table["problem_id"].nunique() == 2


def test_columns_of_any_name_by_a_mapping(tmp_path):
    path = tmp_path / "odd.csv"
    path.write_text("who;what;ok;label\nweak;a;1;9\nstrong;a;0;9\n")
    wishes = Wishes({"policy": "who", "problem_id": "what", "correct": "ok"})
    table, _ = read_samples([str(path)], wishes)
    assert verdicts(table) == {"strong": [False], "weak": [True]}


def test_graded_scores_stay_beside_the_verdict(tmp_path):
    path = write_lines(tmp_path / "x.jsonl", [{"id": i, "reward": value} for i, value in enumerate([0, 0.5, 1.0])])
    table, notes = read_samples([f"mine={path}"])
    assert table["score"].tolist() == [0, 0.5, 1]
    assert table["correct"].tolist() == [False, False, True]
    assert "33% of the scores lie between 0 and 1: only 1 counts as right" in notes


def test_our_own_tables_are_read_as_they_are(tmp_path):
    ours = synthetic_samples({"base": 0.3, "task_reward": 0.6}, n_problems=3, n_samples=2, base_decoders={"greedy": 1})
    ours.to_parquet(tmp_path / "samples.parquet")
    table, _ = read_samples([str(tmp_path)])
    pd.testing.assert_frame_equal(table[list(ours)], ours, check_dtype=False)


class TestLmEval:
    def test_the_metric_is_the_verdict_and_the_folder_the_policy(self, tmp_path):
        lm_eval(tmp_path / "lab__weak", {"0": [r"\boxed{5}"], "1": [r"\boxed{6}"]})
        lm_eval(tmp_path / "lab__strong", {"0": [r"\boxed{5}"], "1": [r"\boxed{7}"]})
        table, notes = read_samples([str(tmp_path)])
        assert verdicts(table) == {"strong": [True, True], "weak": [True, False]}
        assert set(table["benchmark"]) == {"gsm8k"}
        assert set(table["gold"]) == {"5", "7"}
        assert notes[0] == "2 files read as lm-evaluation-harness samples: strong, weak"
        assert "results_2026-01-05T10-11-12.131415.json" in notes[-2] + notes[-1], "what was left out is told"

    def test_repeats_are_graded_one_by_one(self, tmp_path):
        """The metric speaks of what the filter took, here the first."""
        lm_eval(tmp_path / "weak", WEAK)
        lm_eval(tmp_path / "strong", STRONG, ["take_first_k-2"])
        table, notes = read_samples([str(tmp_path / "weak"), str(tmp_path / "strong")])
        assert verdicts(table) == RIGHT
        assert "documents were answered several times, and a metric speaks of one answer: all are graded here" in notes

    def test_of_several_filters_one_is_believed(self, tmp_path):
        path = lm_eval(tmp_path / "m", {"0": ["5"], "1": [r"\boxed{7}"]}, ["strict-match", "flexible-extract"])
        table, notes = read_samples([str(path)])
        assert verdicts(table) == {"m": [False, True]}
        assert any(note.startswith("the filter `flexible-extract` of strict-match, flexible-extract") for note in notes)
        strict, _ = read_samples([str(path)], Wishes(filter="strict-match"))
        assert verdicts(strict) == {"m": [False, False]}
        with pytest.raises(BadInput, match="has no filter 'loose'; it has: strict-match, flexible-extract"):
            read_samples([str(path)], Wishes(filter="loose"))

    def test_multiple_choice_has_verdicts_and_no_completions(self, tmp_path):
        path = lm_eval_choices(tmp_path / "m")
        table, notes = read_samples([str(path)])
        assert verdicts(table) == {"m": [True, False]}
        assert "completion" not in table
        assert "`acc` of acc, acc_norm says what is right" in notes
        assert verdicts(read_samples([str(path)], Wishes({"correct": "acc_norm"})).table) == {"m": [False, True]}


class TestLighteval:
    def test_several_samples_are_graded_one_by_one(self, tmp_path):
        lighteval(tmp_path, "lab/weak", WEAK)
        lighteval(tmp_path, "lab/strong", STRONG)
        table, notes = read_samples([str(tmp_path)])
        assert verdicts(table) == RIGHT
        assert set(table["benchmark"]) == {"math_500"}
        assert table["n_tokens"].tolist() == [3, 4] * 4
        assert notes[0] == "2 files read as lighteval details: strong, weak"

    def test_one_sample_has_the_metric_for_a_verdict(self, tmp_path):
        lighteval(tmp_path, "lab/m", {"0": ["five"], "1": [r"\boxed{7}"]})
        table, notes = read_samples([str(tmp_path)])
        assert verdicts(table) == {"m": [False, True]}
        assert notes[-1] == "what is correct is what the files say"

    def test_the_older_layout(self, tmp_path):
        path = lighteval_before_structs(tmp_path / "details" / "weak" / "old.parquet", WEAK)
        other = lighteval_before_structs(tmp_path / "details" / "strong" / "old.parquet", STRONG)
        table, _ = read_samples([str(path), str(other)])
        assert {policy: sum(found) for policy, found in verdicts(table).items()} == {"strong": 3, "weak": 1}


class TestInspect:
    def test_epochs_are_samples_in_json_and_in_a_zip(self, tmp_path):
        (tmp_path / "a.json").write_text(json.dumps(inspect_log("openai/weak", WEAK)))
        inspect_eval(tmp_path / "b.eval", inspect_log("hf/lab/strong", STRONG))
        table, notes = read_samples([str(tmp_path)])
        assert verdicts(table) == RIGHT
        assert notes[0] == "2 files read as inspect_ai log: weak, strong"
        assert set(table["benchmark"]) == {"gsm8k"}
        assert table["completion"].tolist()[0] == r"\boxed{5}", "what was thought is no answer"
        assert table["truncated"].tolist() == [False, True] * 4
        assert table["n_tokens"].tolist() == [5, 6] * 4

    def test_samples_without_a_score_are_left_out_and_counted(self, tmp_path):
        log = inspect_log("m", STRONG)
        log["samples"][3] |= {"scores": None, "error": {"message": "out of time"}}
        (tmp_path / "a.json").write_text(json.dumps(log))
        table, notes = read_samples([str(tmp_path)])
        assert verdicts(table) == {"m": [True, True, True]}
        assert "1 of 4 samples have no score (an error, a limit) and are left out" in notes

    def test_an_evaluation_that_was_cut_short_says_so(self, tmp_path):
        inspect_eval(tmp_path / "a.eval", inspect_log("m", STRONG) | {"status": "cancelled"})
        _, notes = read_samples([str(tmp_path)])
        assert "the evaluation a.eval ended with the status 'cancelled': samples may be missing" in notes

    def test_what_python_cannot_unpack_is_told_with_two_ways_out(self, tmp_path):
        path = inspect_eval(tmp_path / "b.eval", inspect_log("m", STRONG), 0)
        path.write_bytes(
            path.read_bytes().replace(
                b"PK\x01\x02\x14\x03\x14\x00\x00\x00\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x00\x00\x5d\x00"
            )
        )
        with pytest.raises(BadInput, match=r"(?s)b.eval is packed with Zstandard: .*inspect log convert --to json"):
            read_samples([str(path)])


class TestVerl:
    def test_every_step_is_a_policy(self, tmp_path):
        verl(tmp_path / "validation", 0, WEAK)
        verl(tmp_path / "validation", 100, STRONG)
        table, notes = read_samples([str(tmp_path / "validation")])
        assert verdicts(table).keys() == {"step-0", "step-100"}
        assert {policy: sum(found) for policy, found in verdicts(table).items()} == {"step-0": 1, "step-100": 3}
        assert "`score` is -1 or 1: read as wrong or right" in notes

    def test_a_name_makes_one_policy_of_several_steps(self, tmp_path):
        verl(tmp_path / "run", 99, WEAK)
        verl(tmp_path / "run", 100, STRONG)
        table, _ = read_samples([f"grpo={tmp_path / 'run'}"])
        assert set(table["policy"]) == {"grpo"}
        assert sorted(table["sample_id"].unique()) == [0, 1, 2, 3]


def test_limit_of_rlvr_has_a_list_a_problem(tmp_path):
    limit_of_rlvr(tmp_path / "weak", WEAK)
    limit_of_rlvr(tmp_path / "strong", STRONG)
    table, _ = read_samples([str(tmp_path)])
    assert verdicts(table) == RIGHT
    assert set(table["benchmark"]) == {"math500"}
    assert table["truncated"].tolist() == [True, False] * 4
    assert set(table["difficulty"]) == {3}
    assert table["answer"].tolist()[:2] == ["5", "5"]


class TestTrl:
    def test_a_reward_of_a_step_is_the_verdict(self, tmp_path):
        trl(tmp_path / "grpo", 1, WEAK)
        trl(tmp_path / "grpo", 50, STRONG)
        table, _ = read_samples([str(tmp_path / "grpo")])
        assert {policy: sum(found) for policy, found in verdicts(table).items()} == {"step-1": 1, "step-50": 3}
        assert set(table["gold"]) == {"5", "7"}
        assert set(table["completion"]) == {rf"\boxed{{{answer}}}" for answer in (4, 5, 6, 7)}

    def test_the_reward_to_believe_can_be_said(self, tmp_path):
        trl(tmp_path, 1, WEAK, format_reward=1.0)
        table, notes = read_samples([str(tmp_path)])
        assert sum(table["correct"]) == 1
        assert "`accuracy_reward` of accuracy_reward, format_reward says what is right" in notes
        told, _ = read_samples([str(tmp_path)], Wishes({"correct": "format_reward"}))
        assert told["correct"].all()


def asked(*paths: Path) -> Prompt:
    """What the first sample answers."""
    return read_samples([str(path) for path in paths], prompts=True).table["prompt"].iloc[0]


class TestWhatWasAsked:
    """Kept where it is asked for, with what its format says of it."""

    def test_the_model_read_it_as_it_stands(self, tmp_path):
        assert asked(lm_eval(tmp_path / "m", STRONG)) == ("text", "Q: ?")
        assert asked(lighteval_before_structs(tmp_path / "details/m/old.parquet", STRONG)) == ("text", "problem 0")

    def test_its_special_tokens_were_left_out(self, tmp_path):
        assert asked(verl(tmp_path, 0, STRONG)) == ("stripped", "user\nproblem 0\nassistant\n")

    def test_it_was_a_chat(self, tmp_path):
        chat = asked(trl(tmp_path, 1, STRONG))
        assert chat.messages() == [{"role": "user", "content": "problem 0"}]
        log = inspect_log("m", {"0": [r"\boxed{5}"]})
        assert "prompt" not in read_samples([str(write_json(tmp_path, log))], prompts=True).table, "it reasoned before"
        log["samples"][0]["output"]["choices"][0]["message"]["content"] = r"\boxed{5}"
        log["samples"][0]["messages"] = [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "2 + 3?"}]},
            {"role": "assistant", "content": r"\boxed{5}"},
        ]
        assert asked(write_json(tmp_path, log)).messages() == [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "2 + 3?"},
        ]

    def test_the_question_alone_is_known(self, tmp_path):
        assert asked(limit_of_rlvr(tmp_path / "m", STRONG)) == ("question", "?")
        line = {"id": 1, "question": "2 + 3?", "response": "5", "gold": "5"}
        assert asked(write_lines(tmp_path / "x.jsonl", [line])) == ("question", "2 + 3?")
        said = {**line, "prompt": "Q: 2 + 3?"}
        assert asked(write_lines(tmp_path / "x.jsonl", [said])) == ("unsaid", "Q: 2 + 3?"), "what was read comes first"

    def test_a_comparison_reads_it_not(self, tmp_path):
        assert "prompt" not in read_samples([str(lm_eval(tmp_path / "m", STRONG))]).table


def write_json(folder: Path, log: dict[str, Any]) -> Path:
    (folder / "log.json").write_text(json.dumps(log))
    return folder / "log.json"
