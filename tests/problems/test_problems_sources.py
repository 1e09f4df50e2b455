"""Problems come from generators, local files and the hub, by one typed configuration."""

import gzip
import json
import logging
import re
from pathlib import Path
from typing import Any

import datasets
import pytest
from pydantic import TypeAdapter, ValidationError

from beyond_sharpening.parameters.sources import GeneratorSource, LocalSource, Source
from beyond_sharpening.problems import DroppedRow, Problem, load_problems


def source(**config: Any) -> Any:
    return TypeAdapter(Source).validate_python(config)


def chains(**changes: Any) -> GeneratorSource:
    return source(**{"type": "generator", "min_terms": 3, "max_terms": 5, "size": 100} | changes)


def local(path: Path, **columns: Any) -> LocalSource:
    return source(type="local", path=path, columns=columns)


def write(path: Path, *rows: Any) -> Path:
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


class TestGenerator:
    def test_chains_are_compact_and_their_gold_is_their_value(self) -> None:
        problems, dropped = load_problems("chain", chains(), seed=0, split="train")
        assert dropped == []
        for number, problem in enumerate(problems):
            terms = problem.question.removesuffix("=").replace("-", "+-").split("+")
            assert problem == Problem(
                f"chain-{number}", "chain", problem.question, str(sum(map(int, terms))), str(len(terms)), "train"
            )
        assert {problem.difficulty for problem in problems} == {"3", "4", "5"}

    def test_questions_are_unique_even_when_most_of_those_possible_are_asked_for(self) -> None:
        problems, _ = load_problems("chain", chains(min_terms=2, max_terms=2, size=180), seed=0, split="train")
        assert len({problem.question for problem in problems}) == 180  # of 10 · 2 · 10

    def test_the_seed_and_the_name_decide_what_is_made(self) -> None:
        def questions(name: str, seed: int) -> list[str]:
            return [problem.question for problem in load_problems(name, chains(), seed=seed, split="train")[0]]

        assert questions("chain", 0) == questions("chain", 0)
        # reasoning_gym draws item i from seed + i: used as they are, seeds 0 and 1 would share 99 of 100 problems.
        assert len(set(questions("chain", 0)) & set(questions("chain", 1))) < 20
        assert len(set(questions("chain", 0)) & set(questions("other", 0))) < 20

    def test_digits_are_those_of_every_term(self) -> None:
        problems, _ = load_problems("chain", chains(digits=3, size=20), seed=0, split="train")
        terms = [term for p in problems for term in p.question.removesuffix("=").replace("-", "+").split("+")]
        assert {len(term) for term in terms} == {3}

    def test_more_problems_than_there_are_is_an_error(self) -> None:
        with pytest.raises(ValueError, match=r"'chain': only 200 different chains .* size=300 wanted"):
            load_problems("chain", chains(min_terms=2, max_terms=2, size=300), seed=0, split="train")


class TestConfiguration:
    @pytest.mark.parametrize(
        ("config", "message"),
        [
            ({"type": "web"}, "'generator', 'questions', 'reasoning_gym', 'local', 'hub'"),
            ({"type": "generator", "min_terms": 5, "max_terms": 3, "size": 1}, "max_terms=3 is below min_terms=5"),
            ({"type": "generator", "min_terms": 3, "max_terms": 5, "size": 0}, "greater than or equal to 1"),
            ({"type": "local", "path": "a.jsonl", "columns": {"solution": "x"}}, "Extra inputs are not permitted"),
            ({"type": "local", "path": "a.jsonl", "columns": {"gold_reader": "last"}}, "'verbatim', 'boxed'"),
            ({"type": "hub", "path": "a/b"}, "split\n  Field required"),
        ],
    )
    def test_nonsense_is_refused(self, config: dict[str, Any], message: str) -> None:
        with pytest.raises(ValidationError) as error:
            source(**config)
        assert message in str(error.value)

    def test_every_field_is_described(self) -> None:
        schema = TypeAdapter(Source).json_schema()
        fields = {
            (model, field): text
            for model, part in schema["$defs"].items()
            for field, text in part["properties"].items()
        }
        assert [field for field, text in fields.items() if not text.get("description")] == []


class TestLocal:
    def test_rows_become_problems(self, tmp_path: Path) -> None:
        path = write(tmp_path / "a.jsonl", {"problem": "1+1?", "answer": 2, "level": 3, "key": "x/1"})
        config = local(path, question="problem", difficulty="level", id="key")
        assert load_problems("toy", config, seed=0, split="benchmark") == (
            [Problem("toy-x/1", "toy", "1+1?", "2", "3", "benchmark")],
            [],
        )

    def test_further_columns_are_kept_for_graders_that_ask_for_them(self, tmp_path: Path) -> None:
        path = write(tmp_path / "a.jsonl", {"question": "f?", "answer": "2", "tests": ["é", 1]})
        ((problem,), _) = load_problems("toy", local(path, others=["tests"]), seed=0, split="train")
        assert json.loads(problem.others) == {"tests": ["é", 1]}
        with pytest.raises(ValueError, match=r"line 1: there is no column 'level' for columns\.others; they are \["):
            load_problems("toy", local(path, others=["level"]), seed=0, split="train")

    def test_several_files_are_numbered_through(self, tmp_path: Path) -> None:
        first = write(tmp_path / "a.jsonl", {"question": "a", "answer": "1"}, {"question": "b", "answer": "2"})
        second = tmp_path / "b.jsonl.gz"
        second.write_bytes(gzip.compress(json.dumps({"question": "é", "answer": "3"}, ensure_ascii=False).encode()))
        problems, _ = load_problems("toy", source(type="local", path=[first, second]), seed=0, split="train")
        assert [(problem.id, problem.question) for problem in problems] == [
            ("toy-0", "a"),
            ("toy-1", "b"),
            ("toy-2", "é"),
        ]

    @pytest.mark.parametrize(
        ("reader", "value", "gold"),
        [
            ("verbatim", " 2,125 ", "2,125"),
            ("boxed", r"so \boxed{1}, thus \boxed{\frac{1}{2}}.", r"\frac{1}{2}"),
            ("boxed", r"so $\boxed 2$.", "2"),
            ("after_hashes", "#### 3 is wrong\n#### 1,200", "1,200"),
            ("after_hashes", "so it is\n####7", "7"),
            ("first_of_list", ["2", "3"], "2"),
        ],
    )
    def test_how_the_gold_is_read(self, tmp_path: Path, reader: str, value: Any, gold: str) -> None:
        path = write(tmp_path / "a.jsonl", {"question": "?", "answer": value})
        problems, _ = load_problems("toy", local(path, gold_reader=reader), seed=0, split="train")
        assert problems[0].gold == gold

    @pytest.mark.parametrize(
        ("reader", "value", "remedy"),
        [
            ("verbatim", ["2"], "; gold_reader: first_of_list takes the first of a list"),
            ("verbatim", {"value": 2}, ""),
            ("first_of_list", [["2"]], "; gold_reader: first_of_list takes the first of a list"),
        ],
    )
    def test_a_gold_that_is_no_text_is_named_with_its_place(
        self, tmp_path: Path, reader: str, value: Any, remedy: str
    ) -> None:
        path = write(tmp_path / "a.jsonl", {"question": "?", "answer": value})
        shown = value[0] if reader == "first_of_list" else value
        told = f"{path}, line 1: column 'answer' holds {shown!r}, which is neither text nor a number{remedy}."
        with pytest.raises(ValueError, match=re.escape(told)):
            load_problems("toy", local(path, gold_reader=reader), seed=0, split="train")

    def test_empty_and_repeated_rows_are_dropped_and_reported(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        path = write(
            tmp_path / "a.jsonl",
            {"question": "Find $x$.", "answer": r"\boxed{}"},
            {"question": "Find $x$.", "answer": r"\boxed{1}"},
            {"question": "  ", "answer": r"\boxed{2}"},
            {"question": "find  $ x $.", "answer": r"\boxed{1}"},
            {"question": "Find $y$.", "answer": "no box"},
            {"question": "Find $z$.", "answer": None},
        )
        with caplog.at_level(logging.WARNING):
            problems, dropped = load_problems("toy", local(path, gold_reader="boxed"), seed=0, split="train")
        assert [problem.id for problem in problems] == ["toy-1"]  # an unreadable row does not shadow its good copy
        no_gold = "no gold answer in column 'answer' (read as boxed)"
        assert dropped == [
            DroppedRow(0, f"{path}, line 1", no_gold),
            DroppedRow(2, f"{path}, line 3", "empty question in column 'question'"),
            DroppedRow(3, f"{path}, line 4", f"same question as {path}, line 2"),
            DroppedRow(4, f"{path}, line 5", no_gold),
            DroppedRow(5, f"{path}, line 6", no_gold),
        ]
        assert "'toy': dropped 5 rows: row 0" in caplog.text

    @pytest.mark.parametrize(
        ("line", "message"),
        [
            ("{", r"line 2: not JSON"),
            ("[1]", r"line 2: a JSON list, not an object"),
            ({"question": "b", "solution": "2"}, r"line 2: there is no column 'answer'; .* \['question', 'solution'\]"),
            ({"answer": "2"}, r"line 2: there is no column 'question'"),
            ({"question": "b"}, r".* Name the one with the gold as columns\.gold of its block"),
        ],
    )
    def test_a_bad_line_is_an_error_that_names_it(self, tmp_path: Path, line: Any, message: str) -> None:
        path = write(tmp_path / "bad.jsonl", {"question": "a", "answer": "1"}, line)
        with pytest.raises(ValueError, match=rf"bad\.jsonl, {message}"):
            load_problems("toy", local(path), seed=0, split="train")

    @pytest.mark.parametrize(("mark", "ending"), [(b"\xef\xbb\xbf", b"\n"), (b"", b"\r\n")])
    def test_the_marks_of_other_systems_make_no_difference(self, tmp_path: Path, mark: bytes, ending: bytes) -> None:
        path = tmp_path / "a.jsonl"
        rows = [{"question": "a", "answer": "1"}, {"question": "b", "answer": "2"}]
        path.write_bytes(mark + b"".join(json.dumps(row).encode() + ending for row in rows))
        problems, _ = load_problems("toy", local(path), seed=0, split="train")
        assert [(problem.question, problem.gold) for problem in problems] == [("a", "1"), ("b", "2")]

    def test_two_golds_of_one_question_are_both_told(self, tmp_path: Path) -> None:
        rows = [{"question": "Find $x$.", "answer": gold} for gold in (r"\frac12", "0.5", r"\frac{\sqrt2}{2}")]
        path = write(tmp_path / "a.jsonl", *rows)
        problems, dropped = load_problems("toy", local(path), seed=0, split="train")
        assert [problem.gold for problem in problems] == [r"\frac12"]
        assert [row.reason for row in dropped] == [
            f"same question as {path}, line 1",
            f"same question as {path}, line 1, but gold {rows[2]['answer']!r} where that has {rows[0]['answer']!r}",
        ]

    @pytest.mark.parametrize(
        ("gold", "why"),
        [
            (r"\frac{1}{2}}", "The brackets of the gold answer"),
            ("(1,2", r"The brackets of the gold answer '\(1,2' do not close"),
            ("x =", "The gold answer 'x =' is an equation with one side"),
        ],
    )
    def test_a_gold_that_nothing_can_equal_is_named_with_its_row(self, tmp_path: Path, gold: str, why: str) -> None:
        path = write(tmp_path / "a.jsonl", {"question": "a", "answer": "1"}, {"question": "b", "answer": gold})
        with pytest.raises(ValueError, match=rf"a\.jsonl, line 2: {why}"):
            load_problems("toy", local(path), seed=0, split="train")

    @pytest.mark.parametrize("gold", ["$$", r"\text{ }", r"\,."])
    def test_typesetting_alone_is_no_gold_answer(self, tmp_path: Path, gold: str) -> None:
        path = write(tmp_path / "a.jsonl", {"question": "a", "answer": "1"}, {"question": "b", "answer": gold})
        problems, dropped = load_problems("toy", local(path), seed=0, split="train")
        assert ([problem.gold for problem in problems], [row.row for row in dropped]) == (["1"], [1])

    @pytest.mark.parametrize("gold", [r"\anyof{1", r"x\within{1}"])
    def test_a_gold_answer_that_the_grader_would_refuse_is_named_at_once(self, tmp_path: Path, gold: str) -> None:
        path = write(tmp_path / "a.jsonl", {"question": "a", "answer": "1"}, {"question": "b", "answer": gold})
        with pytest.raises(ValueError, match=rf"a\.jsonl, line 2: The gold answer {re.escape(repr(gold))}"):
            load_problems("toy", local(path), seed=0, split="train")

    @pytest.mark.parametrize(
        ("key", "message"),
        [
            (None, "column 'key' holds None: give every row an id, or set columns.id to null to number the rows."),
            ([1], "column 'key' holds [1], which is neither text nor a number."),
        ],
    )
    def test_a_row_without_an_id_is_an_error(self, tmp_path: Path, key: Any, message: str) -> None:
        path = write(tmp_path / "a.jsonl", {"question": "a", "answer": "1", "key": key})
        with pytest.raises(ValueError, match=re.escape(f"a.jsonl, line 1: {message}")):
            load_problems("toy", local(path, id="key"), seed=0, split="train")

    def test_half_a_character_is_named_before_a_file_refuses_it(self, tmp_path: Path) -> None:
        path = write(tmp_path / "a.jsonl", r'{"question": "half \ud83d", "answer": "1"}')
        with pytest.raises(ValueError, match=r"line 1: column 'question' holds half a character"):
            load_problems("toy", local(path), seed=0, split="train")

    def test_nan_is_no_gold_answer(self, tmp_path: Path) -> None:
        path = write(tmp_path / "a.jsonl", {"question": "a", "answer": "1"}, {"question": "b", "answer": float("nan")})
        problems, dropped = load_problems("toy", local(path), seed=0, split="train")
        assert [problem.gold for problem in problems] == ["1"]
        assert [row.reason for row in dropped] == ["no gold answer in column 'answer' (read as verbatim)"]

    def test_a_gold_that_the_grader_does_not_take_is_shown(self, tmp_path: Path) -> None:
        path = write(tmp_path / "a.jsonl", {"question": "a", "answer": "1"}, {"question": "b", "answer": "one"})
        _, dropped = load_problems("toy", local(path), seed=0, split="train", has_answer=str.isdigit)
        told = "the grader takes no answer from the gold 'one' in column 'answer' (read as verbatim)"
        assert [row.reason for row in dropped] == [told]

    @pytest.mark.parametrize(("name", "content"), [("latin.jsonl", b'{"question": "\xe9"}'), ("plain.jsonl.gz", b"{}")])
    def test_a_file_that_cannot_be_read_as_text_is_named(self, tmp_path: Path, name: str, content: bytes) -> None:
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(ValueError, match=f"{re.escape(str(path))}: not (gzip-packed )?UTF-8 text"):
            load_problems("toy", local(path), seed=0, split="train")

    def test_a_gold_that_is_no_list_is_an_error(self, tmp_path: Path) -> None:
        path = write(tmp_path / "a.jsonl", {"question": "a", "answer": "1"})
        with pytest.raises(ValueError, match=r"line 1: column 'answer' holds '1', not a list"):
            load_problems("toy", local(path, gold_reader="first_of_list"), seed=0, split="train")

    def test_a_repeated_id_is_an_error(self, tmp_path: Path) -> None:
        path = write(tmp_path / "a.jsonl", *({"question": q, "answer": "1", "key": 7} for q in "ab"))
        with pytest.raises(ValueError, match=r"line 2: the id 'toy-7' already stands at .*line 1"):
            load_problems("toy", local(path, id="key"), seed=0, split="train")

    def test_no_problem_left_is_an_error_that_says_why(self, tmp_path: Path) -> None:
        path = write(tmp_path / "a.jsonl", {"question": "a", "answer": "1"})
        with pytest.raises(ValueError, match=r"'toy' .* all 1 rows were dropped, .*read as after_hashes"):
            load_problems("toy", local(path, gold_reader="after_hashes"), seed=0, split="train")
        with pytest.raises(
            ValueError, match=r"'toy' .* there is no row in .*empty\.jsonl. Give it one JSON object a line"
        ):
            load_problems("toy", local(write(tmp_path / "empty.jsonl")), seed=0, split="train")

    def test_a_missing_file_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError, match=r"nowhere\.jsonl"):
            load_problems("toy", local(tmp_path / "nowhere.jsonl"), seed=0, split="train")


HUB = {"type": "hub", "path": "org/toy", "name": "main", "split": "test", "revision": "abc123"}


class TestHub:
    def test_rows_are_mapped_like_local_ones(self, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[Any] = []

        def load_dataset(*args: Any, **keywords: Any) -> datasets.Dataset:
            asked.append((args, keywords))
            return datasets.Dataset.from_dict({"question": ["a", "a"], "answer": ["#### 1", "#### 1"]})

        monkeypatch.setattr(datasets, "load_dataset", load_dataset)
        config = source(**HUB, columns={"gold_reader": "after_hashes"})
        assert load_problems("toy", config, seed=0, split="benchmark") == (
            [Problem("toy-0", "toy", "a", "1", "", "benchmark")],
            [DroppedRow(1, "org/toy test, row 1", "same question as org/toy test, row 0")],
        )
        assert asked == [(("org/toy", "main"), {"split": "test", "revision": "abc123"})]

    def test_a_hub_out_of_reach_is_told_with_the_way_out(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def load_dataset(*_: Any, **__: Any) -> None:
            raise ConnectionError("offline")

        monkeypatch.setattr(datasets, "load_dataset", load_dataset)
        with pytest.raises(ValueError, match=r"org/toy .* offline\. Without network, use a source of type 'local'"):
            load_problems("toy", source(**HUB), seed=0, split="benchmark")
