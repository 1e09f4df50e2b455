"""From a policy to its samples table: whose log-probabilities, which draws, and what the grader is shown."""

import dataclasses

import pandas as pd
import pytest
import torch

from beyond_sharpening.analysis import validate_samples
from beyond_sharpening.decoding import score
from beyond_sharpening.errors import BadInput, Damaged
from beyond_sharpening.evaluation import BASE_COMPLETION, Arm, Exam, evaluate, score_base
from beyond_sharpening.evaluation.examiner import Examiner
from beyond_sharpening.evaluation.parts import Part
from beyond_sharpening.grading import Grader, Verdict
from beyond_sharpening.models.policy import Policy, save_policy
from beyond_sharpening.models.tiny import build_tokenizer
from beyond_sharpening.parameters import Evaluation, Hardware, Task
from beyond_sharpening.problems import Problem, prompt_token_ids
from decoding.tiny_models import tiny_model

HARDWARE = Hardware(
    device="cpu", dtype="float32", train_batch=4, generation_batch=64, grading_workers=1, gradient_checkpointing=False
)
DECODERS = {
    "temperature": {"type": "temperature", "temperature": 1.0, "samples": 4},
    "greedy": {"type": "greedy"},
    "low_temperature": {"type": "temperature", "temperature": 0.5, "samples": 3},
}
PROBLEMS = [Problem(f"sums-{row}", "sums", f"{row}+{row}=", str(2 * row), "2", "benchmark") for row in range(1, 6)]
KEY = ["problem_id", "sample_id"]
BASE = Arm("tiny", "base", "default", "last", 0)
CROSS_SCORE = [
    *["model", "policy", "variant", "checkpoint", "train_seed"],
    *["benchmark", "problem_id", "replicate", "sample_id", "logp_policy"],
]


def ends_with_an_even_digit(completions, golds, workers=1):
    return [Verdict("correct" if text[-1:] in {*"02468"} else "wrong", text[-1:] or None) for text in completions]


@pytest.fixture(scope="module")
def policies(tmp_path_factory) -> tuple[Policy, Policy]:
    """A start model and one that has moved away from it."""
    tokenizer, folder = build_tokenizer(), tmp_path_factory.mktemp("policies")
    base = tiny_model(vocabulary=len(tokenizer))
    moved = tiny_model(vocabulary=len(tokenizer))
    with torch.no_grad():
        moved.lm_head.weight.mul_(1.5)
    base.generation_config.eos_token_id = moved.generation_config.eos_token_id = tokenizer.eos_token_id
    return save_policy(base, tokenizer, folder / "base"), save_policy(moved, tokenizer, folder / "moved")


@pytest.fixture
def exam() -> Exam:
    decoders = Evaluation(decoders=DECODERS, checkpoints=["last"]).decoders
    task = Task(prompt="{question}", max_completion_tokens=8, grader="test_evaluation:ends_with_an_even_digit")
    return Exam(PROBLEMS, task, decoders, 0, HARDWARE)


def test_a_table_keeps_the_contract_with_one_row_a_completion(policies, exam):
    table = evaluate(BASE, policies[0], policies[0], exam)
    validate_samples(table)
    assert table.groupby("decoder")["sample_id"].agg(["count", "max"]).T.to_dict("list") == {
        "greedy": [5, 0],
        "low_temperature": [15, 2],
        "temperature": [20, 3],
    }
    assert not table.duplicated(["decoder", "problem_id", "sample_id"]).any()


def test_log_probabilities_are_at_temperature_one_under_both_models_whatever_drew(policies, exam):
    base, moved = policies
    table = evaluate(Arm("tiny", "tilted", "alpha2-beta100", "last", 0), moved, base, exam)
    assert (table["logp_policy"] - table["logp_base"]).abs().max() > 0.1
    tokenizer = base.tokenizer()
    questions = {problem.id: problem.question for problem in PROBLEMS}
    texts = [[*ids, tokenizer.eos_token_id] for ids in tokenizer(table["completion"].tolist())["input_ids"]]
    # Where a completion ended with EOS and held no other special token, its text says all of it.
    whole = ~table["truncated"] & (table["n_tokens"] == [len(ids) for ids in texts])
    assert whole.sum() >= 3
    prompts = prompt_token_ids(tokenizer, [questions[row] for row in table["problem_id"]], "{question}")
    for column, policy in (("logp_policy", moved), ("logp_base", base)):
        expected = score(policy.model(), prompts, texts, 16).numpy()
        assert table[column][whole].tolist() == pytest.approx(expected[whole].tolist(), abs=1e-4)


@pytest.mark.parametrize("change", [{"policy": "tilted"}, {"variant": "alpha4"}, {"train_seed": 1}, {"replicate": 1}])
def test_no_two_arms_share_their_draws(policies, exam, change):
    """Even of one and the same policy: shared draws would make a difference look surer than it is."""
    base = policies[0]
    first = evaluate(BASE, base, base, exam)
    other = evaluate(dataclasses.replace(BASE, **change), base, base, exam)
    drawn = first["decoder"] == "temperature"
    assert (
        first[drawn]["completion"].to_numpy() != other[other["decoder"] == "temperature"]["completion"]
    ).mean() > 0.5
    greedy = [table[table["decoder"] == "greedy"]["completion"].tolist() for table in (first, other)]
    assert change.get("replicate") or greedy[0] == greedy[1]


def test_the_base_is_scored_under_a_policy_token_for_token(policies, exam):
    base, moved = policies
    drawn = evaluate(BASE, base, base, exam)
    completions = drawn.loc[drawn["decoder"] == "temperature", BASE_COMPLETION]
    arm = Arm("tiny", "tilted", "alpha2-beta100", "last", 3)
    scores = score_base(arm, moved, base, completions, exam)
    assert set(CROSS_SCORE) == set(scores.columns)
    assert len(scores) == len(completions)
    tokenizer, questions = base.tokenizer(), {problem.id: problem.question for problem in PROBLEMS}
    prompts = prompt_token_ids(tokenizer, [questions[row] for row in completions["problem_id"]], "{question}")
    expected = score(moved.model(), prompts, completions["tokens"].tolist(), 16)
    assert scores["logp_policy"].tolist() == pytest.approx(expected.tolist(), abs=1e-4)
    assert scores[KEY].to_numpy().tolist() == completions[KEY].to_numpy().tolist()
    themselves = score_base(BASE, base, base, completions, exam)["logp_policy"]
    of_the_draws = drawn.loc[drawn["decoder"] == "temperature", "logp_policy"]
    assert themselves.tolist() == pytest.approx(of_the_draws.tolist(), abs=1e-4)


def test_what_is_there_is_not_drawn_again_and_what_is_new_is(policies, exam, tmp_path, monkeypatch):
    base, small = policies[0], dataclasses.replace(exam, decoders={"temperature": exam.decoders["temperature"]})
    first = evaluate(BASE, base, base, small, tmp_path)
    made: list[tuple[str, str]] = []
    make = Examiner.make

    def watched(self, part):
        made.append((part.name, part.problems[0].source))
        return make(self, part)

    monkeypatch.setattr(Examiner, "make", watched)
    pd.testing.assert_frame_equal(evaluate(BASE, base, base, small, tmp_path), first)
    assert made == []
    harder = [Problem("more-1", "more", "7+8=", "15", "2", "benchmark")]
    grown = evaluate(BASE, base, base, dataclasses.replace(exam, problems=[*PROBLEMS, *harder]), tmp_path)
    assert made == [("greedy", "sums"), ("low_temperature", "sums"), *((name, "more") for name in DECODERS)]
    kept = grown[(grown["decoder"] == "temperature") & (grown["benchmark"] == "sums")].reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, first)
    made.clear()
    evaluate(BASE, policies[1], base, small, tmp_path)
    assert made == [("temperature", "sums")], "other weights under the same name"


def test_an_evaluation_that_is_cut_off_goes_on_with_the_next_part(policies, exam, tmp_path, monkeypatch):
    base, keep = policies[0], Part.keep

    def cut_off(self, rows, folder):
        if self.name == "greedy":
            raise KeyboardInterrupt
        keep(self, rows, folder)

    monkeypatch.setattr(Part, "keep", cut_off)
    with pytest.raises(KeyboardInterrupt):
        evaluate(BASE, base, base, exam, tmp_path)
    assert [file.name.partition("-")[0] for file in tmp_path.iterdir()] == ["temperature"]
    monkeypatch.setattr(Part, "keep", keep)
    pd.testing.assert_frame_equal(evaluate(BASE, base, base, exam, tmp_path), evaluate(BASE, base, base, exam))
    (part,) = tmp_path.glob("greedy-*")
    part.write_bytes(part.read_bytes()[:40])
    with pytest.raises(Damaged, match=rf"{part} cannot be read; .* remove it, and the same command makes it anew"):
        evaluate(BASE, base, base, exam, tmp_path)


def test_draws_depend_on_seed_replicate_and_decoder_and_not_on_batches(policies, exam):
    base = policies[0]

    def drawn(arm: Arm, exam: Exam) -> list[str]:
        table = evaluate(arm, base, base, exam)
        return table[table["decoder"] == "temperature"]["completion"].tolist()

    first = drawn(BASE, exam)
    small = dataclasses.replace(exam, hardware=HARDWARE.model_copy(update={"generation_batch": 4}))
    assert drawn(BASE, small) == first
    assert drawn(BASE, dataclasses.replace(exam, problems=PROBLEMS[::-1]))[:4] == first[-4:]
    assert drawn(dataclasses.replace(BASE, replicate=1), exam) != first
    assert drawn(BASE, dataclasses.replace(exam, sample_seed=1)) != first


def test_the_grader_decides_and_its_answers_are_kept(policies, exam):
    table = evaluate(BASE, policies[0], policies[0], exam)
    even = table["completion"].str[-1:].isin([*"02468"])
    assert (table["correct"] == even).all()
    assert even.any()
    assert not even.all()
    assert (table["outcome"] == even.map({True: "correct", False: "wrong"})).all()
    assert (table["gold"] == table["problem_id"].map({problem.id: problem.gold for problem in PROBLEMS})).all()


def holds_the_first_digit(completions, golds, question):
    return [asked[0] in text for text, asked in zip(completions, question, strict=True)]


def test_a_grader_that_asks_for_the_question_gets_that_of_each_completion(policies, exam):
    task = exam.task.model_copy(update={"grader": "test_evaluation:holds_the_first_digit"})
    table = evaluate(BASE, policies[0], policies[0], dataclasses.replace(exam, task=task))
    questions = table["problem_id"].map({problem.id: problem.question for problem in PROBLEMS})
    expected = [asked[0] in text for asked, text in zip(questions, table["completion"], strict=True)]
    assert table["correct"].tolist() == expected
    assert len({*expected}) == 2


def test_processes_that_share_the_problems_leave_what_one_leaves(policies, exam):
    """Row for row, but for rounding in batches of other shapes."""
    shared = dataclasses.replace(exam, hardware=exam.hardware.model_copy(update={"processes": 2}))
    pd.testing.assert_frame_equal(evaluate(BASE, *policies[::-1], shared), evaluate(BASE, *policies[::-1], exam))


@pytest.mark.parametrize("name", ["no_such_module:grade", "beyond_sharpening.grading:no_such_function"])
def test_a_grader_that_cannot_be_imported_is_named(name):
    with pytest.raises(BadInput, match=rf"task.grader = '{name}' cannot be imported .* expected module:function"):
        Grader(name, 1)
