"""How a gold answer is read is part of the data: unit, tolerance, alternatives, rounding, amendments."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from beyond_sharpening.grading import any_of, grade
from beyond_sharpening.parameters.sources import Amendment, Source
from beyond_sharpening.problems import Problem, load_problems
from beyond_sharpening.problems.golds import amend, read_gold


def gold_of(row: dict[str, Any], tmp_path: Path, **columns: Any) -> str:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"question": "?", **row}))
    source: Any = TypeAdapter(Source).validate_python({"type": "local", "path": path, "columns": columns})
    return load_problems("toy", source, seed=0, split="benchmark")[0][0].gold


@pytest.mark.parametrize(
    ("row", "gold"),
    [
        ({"answer": ["4.2"], "unit": "%", "error": "1e-1"}, r"4.2\%\within{0.1}"),
        ({"answer": ["$166$"], "unit": "$cm^2$", "error": None}, r"$166$\text{ cm^2}"),
        ({"answer": ["90"], "unit": r"^{\circ}", "error": None}, r"90^{\circ}"),
        ({"answer": ["2"], "unit": None, "error": None}, "2"),
    ],
)
def test_units_and_tolerances_come_from_their_columns(row: dict[str, Any], gold: str, tmp_path: Path) -> None:
    read = gold_of(row, tmp_path, gold_reader="first_of_list", unit="unit", tolerance="error")
    assert read == gold
    assert grade([rf"\boxed{{{row['answer'][0]}}}"], [read])[0].correct  # the unit may be left out


def test_a_tolerance_that_is_no_number_is_told_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"a\.jsonl, line 1: the tolerance 'little' is not a number"):
        gold_of({"answer": "2", "error": "little"}, tmp_path, tolerance="error")


def test_alternatives_are_split_where_the_data_separate_them(tmp_path: Path) -> None:
    row = {"answer": r"\frac{8}{4} \text{ OR } 2"}
    assert gold_of(row, tmp_path, alternatives=r" \text{ OR } ") == any_of(r"\frac{8}{4}", "2")
    assert gold_of({"answer": "2"}, tmp_path, alternatives=r" \text{ OR } ") == "2"


@pytest.mark.parametrize(
    ("gold", "right", "wrong"),
    [
        ("1.6", ["1.6", "1.55", "1.64", "1.65"], ["1.66", "1.5", "2"]),
        ("4.5e33", ["4.47e33", r"4.5 \times 10^{33}"], ["4.6e33", "4.5e32"]),
        ("-0.25", ["-0.25", "-1/4", "-0.252"], ["0.25", "-0.26"]),
    ],
)
def test_a_rounded_gold_accepts_what_rounds_to_it(gold: str, right: list[str], wrong: list[str]) -> None:
    read = read_gold(gold, "verbatim", None, True)
    assert [grade([rf"\boxed{{{answer}}}"], [read])[0].outcome for answer in right] == ["correct"] * len(right)
    assert [grade([rf"\boxed{{{answer}}}"], [read])[0].outcome for answer in wrong] == ["wrong"] * len(wrong)


@pytest.mark.parametrize("gold", ["4", "1000", "5e3", r"\frac{1}{2}", "-3./2", "m"])
def test_other_golds_are_exact(gold: str) -> None:
    assert read_gold(gold, "verbatim", None, True) == gold


class TestAmendments:
    PROBLEMS = tuple(
        Problem(f"toy-{n}", "toy", question, "1", "", "train") for n, question in enumerate(("Find x.", "Find y."))
    )

    def test_the_gold_of_the_question_named_is_replaced(self) -> None:
        one, several = Amendment(question="x.", gold="2"), Amendment(question="y", any_of=["3", "-3"])
        golds = [problem.gold for problem in amend(self.PROBLEMS, [one, several], "toy")]
        assert golds == ["2", r"\anyof{3}{-3}"]

    @pytest.mark.parametrize(("text", "count"), [("Find", 2), ("z", 0)])
    def test_text_that_does_not_name_one_question_is_an_error(self, text: str, count: int) -> None:
        with pytest.raises(ValueError, match=f"Source 'toy': {count} questions hold the text '{text}'"):
            amend(self.PROBLEMS, [Amendment(question=text, gold="2")], "toy")

    @pytest.mark.parametrize("answers", [{}, {"gold": "1", "any_of": ["1", "2"]}, {"any_of": ["1"]}])
    def test_it_gives_one_gold_or_several(self, answers: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match="give gold, or two or more under any_of"):
            Amendment(question="x", **answers)
