"""The small start model: right solutions, guesses wrong at the asked share, and nothing of the tests in it."""

import math
import random
from collections import Counter

import pytest
import torch
from transformers import AutoModelForCausalLM

from beyond_sharpening.models.tiny import (
    _collate,
    _examples,
    _solutions,
    build_tokenizer,
    guessed_answer,
    pretrain,
    pretraining_questions,
)
from beyond_sharpening.parameters import TinyBase
from beyond_sharpening.problems import Problem
from beyond_sharpening.problems.chains import misread_value, value, worked_solution

OPTIONS = TinyBase(
    type="tiny",
    architecture={"hidden_size": 16, "intermediate_size": 32, "layers": 1, "heads": 2},
    source={"type": "generator", "min_terms": 3, "max_terms": 5, "size": 200},
    step_by_step_share=0.5,
    guess_error=0.4,
    misread_share=0.7,
    steps=20,
    batch=16,
    learning_rate=0.01,
    heldout_size=20,
)


def random_chain(draws: random.Random, terms: int) -> str:
    chain = str(draws.randrange(10))
    return chain + "".join(draws.choice("+-") + str(draws.randrange(100)) for _ in range(terms - 1)) + "="


CHAINS = [random_chain(random.Random(seed), 2 + seed % 6) for seed in range(200)]


def boxed(solution: str) -> int:
    return int(solution.rsplit("\\boxed{", 1)[1].removesuffix("}"))


def test_a_guess_is_off_by_what_it_is_told_and_may_be_misread():
    assert guessed_answer("4-5=", 2) == "\\boxed{1}"
    assert guessed_answer("8-(5-3)=", 1) == "\\boxed{7}"
    assert guessed_answer("8-(5-3)=", 1, misread=True) == "\\boxed{1}"


def test_styles_and_errors_come_at_the_asked_shares():
    """4000 draws: six standard deviations of a share of one half are 0.047, of 0.4 among 2000 guesses 0.066."""
    questions = [CHAINS[index % len(CHAINS)] for index in range(4000)]
    long = [question for question in questions if question.count("+") + question.count("-") > 1]
    solutions = list(zip(long, _solutions(long, OPTIONS, seed=0), strict=True))
    guesses = [(question, solution) for question, solution in solutions if "=" not in solution]
    assert len(guesses) / len(solutions) == pytest.approx(0.5, abs=0.05)
    errors = Counter(boxed(solution) - eval(question.rstrip("=")) for question, solution in guesses)
    assert set(errors) == {-2, -1, 0, 1, 2}
    assert errors[0] / len(guesses) == pytest.approx(0.6, abs=0.07)
    assert all(errors[error] / len(guesses) == pytest.approx(0.1, abs=0.05) for error in (-2, -1, 1, 2))
    steps = [(question, solution) for question, solution in solutions if "=" in solution]
    assert all(boxed(solution) == eval(question.rstrip("=")) for question, solution in steps)


def test_chains_with_brackets_are_misread_at_the_asked_share_in_both_styles():
    """2000 draws: six standard deviations of a share of 0.7 in the half of them are 0.087."""
    chain = "8-(5-3)+2="
    options = OPTIONS.model_copy(update={"guess_error": 0})
    solutions = _solutions([chain] * 2000, options, seed=0)
    for steps in (False, True):
        answers = [boxed(solution) for solution in solutions if ("=" in solution) == steps]
        assert set(answers) == {value(chain), misread_value(chain)}
        assert answers.count(misread_value(chain)) / len(answers) == pytest.approx(0.7, abs=0.09)


@pytest.mark.parametrize(("share", "styles"), [(0, {False}), (1, {True})])
def test_one_style_alone_can_be_asked_for(share, styles):
    options = OPTIONS.model_copy(update={"step_by_step_share": share})
    assert {"=" in solution for solution in _solutions(["1+2+3="] * 50, options, 0)} == styles


def test_the_tokenizer_gives_back_what_it_was_given():
    tokenizer = build_tokenizer()
    texts = [question + solution for question, solution in zip(CHAINS, map(worked_solution, CHAINS), strict=True)]
    ids = tokenizer(texts)["input_ids"]
    assert tokenizer.batch_decode(ids) == texts
    assert tokenizer.unk_token_id not in set().union(*ids)
    assert len(tokenizer("\\boxed{12}")["input_ids"]) == 4
    assert tokenizer("x")["input_ids"] == [tokenizer.unk_token_id]


def test_no_question_it_is_tested_on_is_pretrained_on():
    alone = pretraining_questions(OPTIONS, 0, [])
    tested = [Problem(str(row), "benchmark", alone[row], "0", "3", "benchmark") for row in (0, 5, 7)]
    spaced = Problem("spaced", "benchmark", alone[9].replace("+", " + "), "0", "3", "benchmark")
    kept = pretraining_questions(OPTIONS, 0, [*tested, spaced])
    assert kept == [question for row, question in enumerate(alone) if row not in (0, 5, 7, 9)]
    assert pretraining_questions(OPTIONS, 1, []) != alone


def test_the_loss_counts_completion_tokens_only():
    tokenizer = build_tokenizer()
    examples = _examples(tokenizer, ["1+2=", "1+2+3+4="], ["\\boxed{3}", "3+3=6+4=\\boxed{10}"])
    batch = _collate(examples)
    assert batch["input_ids"].shape == batch["labels"].shape
    for row, (prompt, completion) in enumerate(examples):
        assert completion[-1] == tokenizer.eos_token_id
        counted = batch["labels"][row] != -100
        assert batch["labels"][row][counted].tolist() == completion
        assert counted.nonzero()[0].item() == len(prompt)
        assert batch["input_ids"][row, : len(prompt) + len(completion)].tolist() == prompt + completion


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory):
    folders = tmp_path_factory.mktemp("pretrained")
    questions, told = pretraining_questions(OPTIONS, 0, []), []
    runs = [
        pretrain(questions, OPTIONS, seed, folders / name, lambda metrics, step: told.append((metrics, step)))
        for name, seed in (("one", 0), ("again", 0), ("other", 1))
    ]
    return runs, told


def test_the_same_seed_makes_the_same_model_and_another_another(pretrained):
    (one, again, other), _ = pretrained
    weights = [policy.model().state_dict() for policy, _ in (one, again, other)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert not all(torch.equal(weights[0][name], weights[2][name]) for name in weights[0])
    assert one[1] == again[1]


def test_it_has_learnt_something_and_tells_how_much(pretrained):
    ((policy, figures), *_), told = pretrained
    vocabulary = len(policy.tokenizer())
    assert 0 < figures["heldout_loss"] < 0.9 * math.log(vocabulary)
    assert figures["parameters"] == AutoModelForCausalLM.from_pretrained(policy.path).num_parameters()
    assert any("train_loss" in metrics for metrics, _ in told)


def test_the_heldout_loss_is_nats_a_completion_token_of_what_was_held_out(pretrained):
    ((policy, figures), *_), _ = pretrained
    tokenizer, model = policy.tokenizer(), policy.model()
    questions = pretraining_questions(OPTIONS, 0, [])
    examples = _examples(tokenizer, questions, _solutions(questions, OPTIONS, 0))[: OPTIONS.heldout_size]
    losses = []
    for prompt, completion in examples:
        with torch.no_grad():
            logp = model(torch.tensor([prompt + completion])).logits[0, len(prompt) - 1 : -1].log_softmax(-1)
        losses.append(-logp[range(len(completion)), completion])
    # The evaluation averages batches, the last one of another size: a token weighs almost the same everywhere.
    assert figures["heldout_loss"] == pytest.approx(torch.cat(losses).mean().item(), rel=0.05)
