"""Instructions that a program can check, in the columns of IFEval: which are followed, and which golds are refused."""

import json

import pytest

from beyond_sharpening.grading import instructions
from beyond_sharpening.grading.verdict import Claim
from beyond_sharpening.parameters.sources import LocalSource
from beyond_sharpening.problems import load_problems

NO_COMMA, CAPITALS = ("punctuation:no_comma", {}), ("change_case:english_capital", {})
AT_LEAST_FIVE = ("length_constraints:number_words", {"num_words": 5, "relation": "at least", "keywords": None})
IN_GERMAN = ("language:response_language", {"language": "de"})
SENTENCES = ("length_constraints:number_sentences", {"num_sentences": 2, "relation": "at least"})


def gold(*asked: tuple[str, dict]) -> str:
    """As the rows of IFEval hold it: hub files fill the keywords that an instruction has not with nulls."""
    names, kwargs = zip(*asked, strict=True)
    return json.dumps({"prompt": "Write.", "instruction_id_list": names, "kwargs": kwargs})


@pytest.mark.parametrize(
    ("asked", "completion", "outcome", "score"),
    [
        ([NO_COMMA], "One two three", "correct", 1),
        ([NO_COMMA], "One, two", "wrong", 0),
        ([NO_COMMA, AT_LEAST_FIVE], "only three words", "wrong", 0.5),
        ([NO_COMMA, AT_LEAST_FIVE], "<think>one, two</think>now these are five words", "correct", 1),
        ([IN_GERMAN], "Das ist ein deutscher Satz über das Wetter von morgen.", "correct", 1),
        ([CAPITALS], "THE WEATHER OF TOMORROW IS GOOD", "correct", 1),
        ([CAPITALS], "The weather of tomorrow is good", "wrong", 0),
        ([NO_COMMA], "", "wrong", 0),
    ],
)
def test_a_completion_is_right_if_it_follows_all_and_scored_by_how_many_it_follows(asked, completion, outcome, score):
    assert instructions.states_an_answer(gold(*asked))
    verdict = instructions.judge(Claim(completion, gold(*asked)))
    assert (verdict.outcome, verdict.answer, verdict.score) == (outcome, None, score)


def test_completions_are_checked_in_worker_processes_and_one_text_has_one_verdict():
    verdicts = instructions.grade(["a, b", "a b", "a, b"], [gold(NO_COMMA)] * 3, workers=1)
    assert [verdict.outcome for verdict in verdicts] == ["wrong", "correct", "wrong"]
    assert instructions.grade([], []) == []


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ("[1]", r"'\[1\]' has no instructions: gold_reader: instructions reads the columns of IFEval"),
        (gold(("poetry:sonnet", {})), "the instruction 'poetry:sonnet' is unknown; known: change_case:capital"),
        (
            gold(("length_constraints:number_words", {"relation": "at least", "num_words": None})),
            "'length_constraints:number_words' lacks 'num_words' in kwargs",
        ),
    ],
)
def test_golds_that_cannot_be_checked_are_refused(broken, told):
    """A number that is missing would be drawn at random by the checks."""
    with pytest.raises(ValueError, match=told):
        instructions.states_an_answer(broken)


def test_data_that_a_check_needs_and_that_are_not_there_are_named(monkeypatch):
    def missing(*args):
        raise LookupError("Resource punkt_tab not found")

    monkeypatch.setattr(instructions, "evaluate_instructions", missing)
    with pytest.raises(ValueError, match=r"needs NLTK's data to find sentences: python -m nltk\.downloader punkt"):
        instructions.states_an_answer(gold(SENTENCES))


def test_a_file_with_ifevals_columns_is_a_benchmark(tmp_path):
    row = {"key": 1000, "prompt": "No commas.", "instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]}
    file = tmp_path / "ifeval.jsonl"
    file.write_text(json.dumps(row))
    columns = {"question": "prompt", "gold": "instruction_id_list", "gold_reader": "instructions", "id": "key"}
    source = LocalSource.model_validate({"type": "local", "path": str(file), "columns": columns})
    ((problem,), _) = load_problems(
        "ifeval", source, seed=0, split="benchmark", has_answer=instructions.states_an_answer
    )
    assert (problem.question, json.loads(problem.gold)["kwargs"]) == ("No commas.", [{}])
