"""A file that cannot be used is told once: which file, row and column, what stands there, and what to do."""

import json
import re

import pandas as pd
import pytest
from foreign import STRONG, WEAK, csv, inspect_eval, inspect_log, lm_eval, write_lines

from beyond_sharpening.errors import BadInput
from beyond_sharpening.readers import Wishes, read_samples


def message(*named: object, **wishes: str) -> str:
    with pytest.raises(BadInput) as caught:
        read_samples([str(each) for each in named], Wishes(**wishes))
    return str(caught.value)


def table(tmp_path, text: str):
    path = tmp_path / "t.csv"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("problem_id,correct\n1,1\n2,NaN\n3,\n", "row 2 (and 1 more): column `correct` is 'NaN': true, false, 1 or 0"),
        ("problem_id,correct\n1,1\n2,\n", "row 2: column `correct` is empty: true, false, 1 or 0 is needed; grade it"),
        ("problem_id,correct\n1,1\n2,maybe\n", "row 2: column `correct` is 'maybe'"),
        ("problem_id,correct\n1,1\n2,0.5\n", "row 2: column `correct` is '0.5': a share is a score; say so: --col"),
        ("problem_id,correct\n,1\n", "row 1: column `problem_id` is empty: every row needs one; fill it in, or drop"),
        ("problem_id,score\n1,7\n", "row 1: column `score` is '7': a number from 0 to 1 is needed"),
        ("problem_id,correct,n_tokens\n1,1,many\n", "row 1: column `n_tokens` is 'many': a number is needed"),
        ("problem_id,correct,train_seed\n1,1,0\n1,1,\n", "row 2: column `train_seed` is empty: a whole number from 0"),
        ("problem_id,completion,gold\n1,so 5,\n2,6,6\n", "row 1: column `gold` is empty: no answer can be read in it"),
        ("correct\n1\n", "no column says which problem a row is of (its columns: correct); say which: --columns"),
        ("problem_id,tokens\n1,5\n", "`correct` is needed, or `completion` and `gold` (its columns: problem_id, tok"),
        ("problem_id,correct\n", "has no rows: it was cut off, or nothing was drawn"),
        ("", "cannot be read as csv (No columns to parse from file): was it cut off, or is its name wrong?"),
        ("problem_id,correct\n1,1\n2,1,1\n", "cannot be read as csv (Error tokenizing data. C error: Expected 2"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be(tmp_path, text, told):
    path = table(tmp_path, text)
    assert message(path).startswith(f"{path}")
    assert told in message(path)
    assert "\n" not in message(path)


@pytest.mark.parametrize("values", [["1", "0"], ["true", "False"], ["1.0", "0.0"], ["yes", "no"], ["correct", "wrong"]])
def test_verdicts_are_written_in_many_ways_and_ids_are_numbers_or_not(tmp_path, values):
    found, _ = read_samples([str(table(tmp_path, "id,correct\n" + "".join(f"7,{each}\n" for each in values)))])
    assert found["correct"].tolist() == [True, False]
    assert found["problem_id"].tolist() == ["7", "7"]


def test_an_empty_column_is_an_absent_one(tmp_path):
    found, _ = read_samples([str(table(tmp_path, "id,correct,n_tokens,truncated\n1,1,,\n"))])
    assert list(found) == ["policy", "benchmark", "problem_id", "sample_id", "correct"]


def test_ids_that_a_gap_made_floats_are_whole_again(tmp_path):
    pd.DataFrame({"id": [1.0, 2.0], "correct": [True, False]}).to_parquet(tmp_path / "a.parquet")
    assert read_samples([str(tmp_path / "a.parquet")]).table["problem_id"].tolist() == ["1", "2"]


class TestFiles:
    def test_each_broken_file_is_told_and_the_whole_ones_are_not(self, tmp_path):
        csv(tmp_path / "fine.csv", m=WEAK)
        (tmp_path / "cut.parquet").write_bytes(b"PAR1 and no more")
        (tmp_path / "cut.jsonl").write_text('{"problem_id": 1, "correct": true}\n{"problem_id": 2, "cor')
        (tmp_path / "wide.csv").write_text("problem_id,correct\n1,1\n", encoding="utf-16")
        (tmp_path / "cut.eval").write_bytes(b"PK\x03\x04")
        lines = message(tmp_path).splitlines()
        assert len(lines) == 4
        assert re.search(r"cut.eval cannot be read as eval \(File is not a zip file\): was it cut off", lines[0])
        assert "cut.jsonl, row 2: this line is not JSON (Unterminated string" in lines[1]
        assert re.search(
            r"cut.parquet cannot be read as parquet \(.*\): was it cut off, or is its name wrong", lines[2]
        )
        assert "wide.csv is not text in UTF-8 (" in lines[3]

    def test_a_path_that_is_not_there(self, tmp_path):
        assert message(tmp_path / "none") == f"{tmp_path / 'none'} is not there: name a file or a folder with samples"
        assert message(f"=x{tmp_path}").endswith("write NAME=PATH, as base=runs/base.csv")

    def test_a_folder_without_samples(self, tmp_path):
        (tmp_path / "notes.txt").write_text("?")
        assert message(tmp_path).startswith(f"{tmp_path} has no file that could hold samples: .csv, .tsv,")
        (tmp_path / "config.json").write_text("{}")
        assert message(tmp_path) == "left out, since they hold no samples: config.json"
        assert "config.json holds no samples in a form that is known: lm-eval" in message(tmp_path / "config.json")
        (tmp_path / "x.xlsx").write_text("?")
        assert "x.xlsx holds no samples in a form that is known" in message(tmp_path / "x.xlsx")

    def test_the_same_file_twice(self, tmp_path):
        first, second = csv(tmp_path / "a.csv", m=WEAK), csv(tmp_path / "b.csv", m=WEAK)
        assert message(first, second) == f"{second} holds the same as {first}: name one of them"

    def test_a_line_of_another_kind(self, tmp_path):
        path = lm_eval(tmp_path / "m", {"0": ["5"]})
        with path.open("a") as lines:
            lines.write('{"filter": "none", "resps": [["5"]], "metrics": ["exact_match"]}\n[1]\n')
        assert message(path) == f"{path}, row 3: a JSON object with named values is needed, not [1]"
        path.write_text("\n".join(path.read_text().splitlines()[:2]))
        assert message(path) == f"{path}, row 2: has no 'doc_id': is the file whole, and of one kind?"

    def test_lists_of_different_lengths(self, tmp_path):
        path = write_lines(tmp_path / "a.jsonl", [{"id": 1, "correct": [1, 0], "completion": ["a"]}])
        assert message(path).startswith(f"{path}, row 1: lists of one length are needed, one value a sample, not {{'")

    def test_a_log_with_a_damaged_sample_or_none(self, tmp_path):
        log = inspect_log("m", STRONG)
        path = inspect_eval(tmp_path / "a.eval", log | {"samples": []})
        assert message(path).endswith("has no scored sample: was the evaluation cut off? `inspect score` scores a log")
        path = inspect_eval(tmp_path / "b.eval", log)
        path.write_bytes(
            path.read_bytes().replace(b"header.json", b"hEAder.json").replace(b"_journal/s", b"_jOurnal/s")
        )
        assert "b.eval is no log of inspect_ai: it has no header.json" in message(path)

    def test_several_metrics_and_none_that_is_known(self, tmp_path):
        log = inspect_log("m", STRONG)
        for sample in log["samples"]:
            sample["scores"] = {"style": {"value": 1}, "judge": {"value": "C"}}
        (tmp_path / "a.json").write_text(json.dumps(log))
        assert (
            "has several metrics (style, judge): say which tells what is right, as --columns style=correct"
            in message(tmp_path)
        )
        table, _ = read_samples([str(tmp_path)], Wishes({"correct": "judge"}))
        assert table["correct"].all()


class TestTogether:
    def test_a_sample_that_is_there_twice(self, tmp_path):
        path = table(tmp_path, "policy,problem_id,sample_id,correct\nm,1,0,1\nm,1,0,0\n")
        assert message(path) == (
            f"{path}, row 2: sample 0 of problem '1' of m is in {path}, row 1, already: drop one of them, or give the "
            "files policies of their own (NAME=FILE)"
        )

    def test_policies_are_compared_by_one_grader(self, tmp_path):
        """Of one file only the verdicts are known, of the other only what is to be graded."""
        (tmp_path / "a.csv").write_text("problem_id,correct\n1,1\n")
        (tmp_path / "b.csv").write_text("problem_id,completion,gold\n1,so 5,5\n")
        assert "a.csv has no completions with golds to grade, and other files do not say what is correct" in message(
            tmp_path
        )
        (tmp_path / "a.csv").write_text("problem_id,correct,completion,gold\n1,0,so 5,5\n")
        table, notes = read_samples([str(tmp_path)])
        assert table["correct"].tolist() == [True, True], "both are graded here"
        assert "completions were graded here against the golds (docs/grading.md)" in notes

    def test_grading_anew(self, tmp_path):
        (tmp_path / "a.csv").write_text("problem_id,correct,completion,gold\n1,0,so 5,5\n")
        assert read_samples([str(tmp_path)]).table["correct"].tolist() == [False]
        assert read_samples([str(tmp_path)], anew=True).table["correct"].tolist() == [True]

    def test_a_mapping_of_what_is_not_there(self, tmp_path):
        path = csv(tmp_path / "a.csv", m=WEAK)
        assert message(path, theirs={"correct": "verdict"}) == (
            "--columns verdict=correct: no file has a column 'verdict'; there are: correct, policy, problem_id"
        )
        assert message(path, theirs={"right": "correct"}).startswith(
            "--columns correct=right: there is no column 'right'"
        )

    def test_an_answer_that_is_judged_both_ways_takes_no_part_in_a_vote(self, tmp_path):
        (tmp_path / "a.csv").write_text("problem_id,answer,correct\n1,5,1\n1,5,0\n2,,0\n")
        found, notes = read_samples([str(tmp_path)])
        assert "answer" not in found
        assert any("1 answers are judged both ways; --grade judges all anew" in note for note in notes)
