"""Multiple choice and short text: letters, words and sets, in a domain of a few lines."""

import pytest
import yaml

from beyond_sharpening.grading import choice, exact, items
from beyond_sharpening.parameters.sources import LocalSource
from beyond_sharpening.pipelines.prepare_data.nodes import prepare_problems
from beyond_sharpening.problems import load_problems


@pytest.mark.parametrize(
    ("grader", "completion", "gold", "outcome", "answer"),
    [
        (exact, "I think so.\n<answer>Paris.</answer>", "paris", "correct", "paris"),
        (exact, r"It is \boxed{the  Seine}", "The Seine", "correct", "the seine"),
        (exact, "So the answer is: **Lyon**.", "Paris", "wrong", "lyon"),
        (exact, "Paname", r"\anyof{Paris}{Paname}", "correct", "paname"),
        (exact, "Let me think.\nIt may be Paris\nor not", "Paris", "unparsable", None),
        (items, "Answer: b, A and c", '["a", "b", "c"]', "correct", "a, b, c"),
        (items, "Answer: a; d", "a, b", "wrong", "a, d"),
        (choice, "First A, then no. The answer is (B) because", "B", "correct", "B"),
        (choice, "b", "B", "correct", "B"),
        (choice, "The answer is A or B", "B", "unparsable", None),
        (choice, "<answer>C</answer>", "B", "wrong", "C"),
        (choice, "", "B", "unparsable", None),
    ],
)
def test_a_short_answer_is_found_and_held_against_the_gold(grader, completion, gold, outcome, answer):
    assert grader.states_an_answer(gold)
    (verdict,) = grader.grade([completion], [gold], workers=1)
    assert (verdict.outcome, verdict.answer) == (outcome, answer)


def test_a_set_is_scored_by_what_it_shares_with_the_gold():
    assert items.grade(["Answer: a, b, d"], ["a, b, c"])[0].score == 2 / 4


def test_golds_that_a_grader_cannot_use_are_refused():
    with pytest.raises(ValueError, match=r"'Paris' is no letter from A to Z; name the options: columns\.choices"):
        choice.states_an_answer("Paris")


CAPITALS = """question,first,second,third,answer
"Capital, of France?",Lyon,Paris,,Paris
Capital of Spain?,Madrid,Seville,Vigo,a
"""


class TestFiles:
    """A CSV of the user's, with options in columns or a list of them."""

    def problems(self, file, **columns):
        source = LocalSource.model_validate({"type": "local", "path": str(file), "columns": columns})
        return load_problems("quiz", source, seed=0, split="benchmark", has_answer=choice.states_an_answer)[0]

    def test_options_are_lettered_below_the_question_and_the_gold_is_a_letter(self, tmp_path):
        file = tmp_path / "quiz.csv"
        file.write_text(CAPITALS)
        first, second = self.problems(file, choices=["first", "second", "third"])
        assert (first.question, first.gold) == ("Capital, of France?\nA) Lyon\nB) Paris", "B")
        assert (second.question.splitlines()[-1], second.gold) == ("C) Vigo", "A")

    def test_a_list_of_options_with_the_place_of_the_right_one(self, tmp_path):
        file = tmp_path / "quiz.jsonl"
        file.write_text('{"question": "?", "options": ["x", "y"], "label": 1}')
        assert self.problems(file, choices="options", gold="label")[0].gold == "B"

    @pytest.mark.parametrize(
        ("row", "told"),
        [
            (
                '{"question": "?", "options": ["x", "y"], "answer": "z"}',
                "line 1: the gold 'z' is none of the 2 opt",
            ),
            ('{"question": "?", "options": "x", "answer": "z"}', "line 1: column 'options' holds 'x', not a list"),
            ('{"question": "?", "options": ["x"], "answer": "x"}', "line 1: 1 options; give from 2 to 26"),
            ('{"question": "?", "answer": "x"}', "line 1: there is no column 'options' for columns.choices"),
        ],
    )
    def test_what_is_no_choice_is_named_with_its_line(self, tmp_path, row, told):
        file = tmp_path / "quiz.jsonl"
        file.write_text(row)
        with pytest.raises(ValueError, match=told):
            self.problems(file, choices="options")

    def test_a_line_of_another_length_is_named(self, tmp_path):
        file = tmp_path / "quiz.csv"
        file.write_text("question,answer\nCapital, of France?,Paris\n")
        with pytest.raises(ValueError, match=r"quiz\.csv, line 2: not as many values as the 2 columns"):
            self.problems(file)


def test_a_domain_of_ones_own_is_a_few_lines(tmp_path):
    """Two files, a grader, a prompt: what docs/domains.md shows."""
    for name in ("train", "test"):
        rows = [f"{name} {row}?,yes,no,yes" for row in range(4)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["question,a,b,answer", *rows]))
    block = yaml.safe_load(
        f"""
        train: {{type: local, path: {tmp_path}/train.csv, columns: {{choices: [a, b]}}}}
        validation_size: 1
        benchmarks: {{quiz: {{type: local, path: {tmp_path}/test.csv, columns: {{choices: [a, b]}}}}}}
        """
    )
    task = {"prompt": "{question}", "max_completion_tokens": 8, "grader": "beyond_sharpening.grading.choice:grade"}
    made = prepare_problems(block, task, 0, "", None, {}, {})
    assert made["benchmarks"]["gold"].tolist() == ["A"] * 4
    assert len(made["train"]) == 3
