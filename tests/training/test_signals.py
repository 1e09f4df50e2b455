"""What a training is told: each signal by its own definition, and that the machine decides nothing of it."""

import math
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from transformers import AutoTokenizer, LlamaForSequenceClassification

from beyond_sharpening.errors import BadInput
from beyond_sharpening.grading import Verdict
from beyond_sharpening.parameters.signals import (
    Form,
    Gold,
    Inverted,
    Judge,
    Majority,
    Noisy,
    Random,
    RewardModel,
    SelfCertainty,
    SequenceEntropy,
    Signal,
    TokenEntropy,
    YesNo,
)
from beyond_sharpening.problems.prompts import prompt_token_ids
from beyond_sharpening.training import judges
from beyond_sharpening.training.signals import Rollouts, told, truth
from training.small_cell import HARDWARE, nowhere, options, short, task, train

SIGNALS_PAGE = (Path(__file__).parents[2] / "docs/signals.md").read_text()
RIGHT, WRONG = Verdict("correct", "1"), Verdict("wrong", "2")
NO_ANSWER, LATE = Verdict("unparsable", None), Verdict("timeout", "3")


def rollouts(verdicts, *, questions=None, completions=None, group_size=2, **changed) -> Rollouts:
    place = {"seed": 0, "step": 0, "first": 0} | changed
    asked = questions or [f"q{row // group_size}" for row in range(len(verdicts))]
    logp = torch.arange(float(len(verdicts)))
    measures = {"logp": logp, "entropy": lambda: logp + 1, "certainty": lambda: logp + 2, "batch": 3}
    return Rollouts(asked, completions or ["" for _ in verdicts], verdicts, group_size, **place, **measures)


def test_truth_tells_unscorable_from_wrong():
    assert truth([RIGHT, WRONG, NO_ANSWER]).tolist() == [1, 0, 0]
    assert math.isnan(truth([LATE]).item())


def test_gold_is_the_truth():
    seen = rollouts([RIGHT, WRONG, NO_ANSWER, LATE])
    torch.testing.assert_close(told(Gold(), seen), truth(seen.verdicts), equal_nan=True)


class TestNoisy:
    """Flips at given rates."""

    def test_rates_of_none_and_all_are_the_truth_and_its_opposite(self):
        seen = rollouts([RIGHT, WRONG, NO_ANSWER])
        assert told(Noisy(type="noisy"), seen).tolist() == [1, 0, 0]
        for flips in ("drawn", "fixed"):
            always = Noisy(type="noisy", false_positive=1, false_negative=1, flips=flips)
            assert told(always, seen).tolist() == [0, 1, 1]

    def test_what_cannot_be_scored_is_not_flipped(self):
        assert told(Noisy(type="noisy", false_positive=1), rollouts([LATE])).isnan().all()

    @pytest.mark.parametrize("flips", ["drawn", "fixed"])
    def test_flips_come_at_their_rates(self, flips):
        """Of 4000 answers each; the bound is five standard deviations of a binomial share."""
        signal, count = Noisy(type="noisy", false_positive=0.3, false_negative=0.1, flips=flips), 4000
        for verdict, rate in ((WRONG, 0.3), (RIGHT, 0.9)):
            seen = rollouts([verdict] * count, questions=[f"q{row}" for row in range(count)])
            share = told(signal, seen).double().mean().item()
            assert abs(share - rate) < 5 * math.sqrt(rate * (1 - rate) / count)

    def test_drawn_flips_are_anew_at_every_step_place_and_seed(self):
        signal, verdicts = Noisy(type="noisy", false_positive=0.5), [WRONG] * 64
        first = told(signal, rollouts(verdicts))
        assert torch.equal(first, told(signal, rollouts(verdicts)))
        for changed in ({"step": 1}, {"seed": 1}, {"first": 64}):
            assert not torch.equal(first, told(signal, rollouts(verdicts, **changed)))

    def test_fixed_flips_belong_to_an_answer_of_a_problem(self):
        """Whenever and wherever it is given; another answer, and the answer to another problem, have their own."""
        signal = Noisy(type="noisy", false_positive=0.5, flips="fixed")
        answers = [Verdict("wrong", str(answer)) for answer in range(64)]
        first = told(signal, rollouts(answers, questions=["q"] * 64))
        assert 0 < first.sum() < 64
        later = rollouts(answers[::-1], questions=["q"] * 64, step=7, first=64)
        assert torch.equal(told(signal, later).flip(0), first)
        assert not torch.equal(told(signal, rollouts(answers, questions=["other"] * 64)), first)


def test_inverted_is_the_opposite():
    assert told(Inverted(type="inverted"), rollouts([RIGHT, WRONG, NO_ANSWER])).tolist() == [0, 1, 1]
    assert told(Inverted(type="inverted"), rollouts([LATE])).isnan().all()


def test_a_coin_knows_nothing_and_is_anew_at_every_place():
    count, chance = 4000, 0.3
    signal = Random(type="random", probability=chance)
    first = told(signal, rollouts([RIGHT] * count))
    assert torch.equal(first, told(signal, rollouts([WRONG] * count)))
    assert abs(first.mean().item() - chance) < 5 * math.sqrt(chance * (1 - chance) / count)
    assert not torch.equal(first, told(signal, rollouts([RIGHT] * count, step=1)))


def test_format_is_a_box_or_an_answer_whatever_it_says():
    seen = rollouts([RIGHT, WRONG, NO_ANSWER], completions=["it is 7", r"\boxed{13}", r"\boxed{}"])
    assert told(Form(type="format"), seen).tolist() == [0, 1, 0]
    assert told(Form(type="format", form="answer"), seen).tolist() == [1, 1, 0]


@pytest.mark.parametrize(
    ("answers", "rewards"),
    [
        ("1121", [1, 1, 0, 1]),
        ("2112", [1, 0, 0, 1]),  # as many: the one given first
        ("-1-2", [0, 1, 0, 0]),
        ("----", [0, 0, 0, 0]),
    ],
)
def test_the_majority_of_each_group_is_told_to_be_right(answers, rewards):
    """Whatever the grader says; a completion without an answer has no vote."""
    verdicts = [NO_ANSWER if answer == "-" else Verdict("wrong", answer) for answer in answers]
    other_group = [Verdict("correct", "3")] * 4
    seen = rollouts(verdicts + other_group, group_size=4)
    assert told(Majority(type="majority"), seen).tolist() == [*rewards, 1, 1, 1, 1]


def test_certainties_are_those_of_the_policy():
    seen = rollouts([RIGHT, WRONG])
    assert told(SequenceEntropy(type="sequence_entropy"), seen).tolist() == [0, 1]
    assert told(TokenEntropy(type="token_entropy"), seen).tolist() == [-1, -2]
    assert told(SelfCertainty(type="self_certainty"), seen).tolist() == [2, 3]


def mistaken(questions, completions):
    """A judge of known error: right but for each completion that begins with a 1."""
    return [float((len(completion) < 12) != completion.startswith("1")) for completion in completions]


def one_short(questions, completions):
    return [0.5] * (len(completions) - 1)


def beside_itself(questions, completions):
    return [float(text) for text in completions]


def broken(questions, completions):
    return [{"0.5": 0.5}[text] for text in completions]


class TestJudge:
    """A function of the user's."""

    def test_it_is_shown_questions_and_completions(self, monkeypatch):
        shown = []
        monkeypatch.setitem(globals(), "mistaken", lambda *given: shown.append(given) or [0.25, 1])
        seen = rollouts([WRONG, WRONG], questions=["a", "b"], completions=["c", "d"])
        assert told(Judge(type="judge", function=f"{__name__}:mistaken"), seen).tolist() == [0.25, 1]
        assert shown == [(["a", "b"], ["c", "d"])]

    @pytest.mark.parametrize(
        ("function", "fault"),
        [
            ("one_short", "gave 1 scores for 2 completions"),
            ("beside_itself", r"gave nan for the completion 'nan'; a score is a number in \[0, 1\]"),
            ("broken", r"broken fails on the completion 'nan': KeyError\('nan'\)"),
        ],
    )
    def test_scores_that_are_none_are_refused(self, function, fault):
        seen = rollouts([WRONG, WRONG], completions=["0.5", "nan"])
        with pytest.raises(BadInput, match=fault):
            told(Judge(type="judge", function=f"{__name__}:{function}"), seen)

    def test_a_score_out_of_its_range_is_refused(self):
        seen = rollouts([WRONG, WRONG], completions=["0.5", "1.5"])
        with pytest.raises(BadInput, match=r"gave 1.5 for the completion '1.5'"):
            told(Judge(type="judge", function=f"{__name__}:beside_itself"), seen)

    def test_it_may_not_know_and_its_numbers_may_be_numpys(self, monkeypatch):
        monkeypatch.setitem(globals(), "mistaken", lambda *given: [None, np.float32(0.25), True])
        said = told(Judge(type="judge", function=f"{__name__}:mistaken"), rollouts([WRONG] * 3, group_size=3))
        assert said.isnan().tolist() == [True, False, False]
        assert said[1:].tolist() == [0.25, 1]

    def test_it_is_tried_before_anything_is_trained(self, base, tmp_path):
        asked = options("task_reward", signal={"type": "judge", "function": f"{__name__}:broken"})
        with pytest.raises(BadInput, match=r"broken fails on the completion 'The answer is .+boxed\{2\}'"):
            train(base, task(None), asked, HARDWARE, 0, tmp_path, nowhere)

    @pytest.mark.parametrize("function", ["no.such.module:judge", f"{__name__}:nobody", "nothing"])
    def test_one_that_is_not_there_is_refused_at_the_start(self, function):
        with pytest.raises(ValidationError, match=r"signal\.judge\.function"):
            options("task_reward", signal={"type": "judge", "function": function})

    def test_what_it_says_trains_and_what_is_true_is_beside_it(self, base, tmp_path):
        """``small_cell.short`` is the truth: the judge is wrong on what begins with a 1."""
        texts = []

        def watch(completions, golds):
            texts.append(completions)
            return short(completions, golds)

        signal = {"type": "judge", "function": f"{__name__}:mistaken"}
        asked = options("task_reward", steps=1, signal=signal)
        history = train(base, task(watch), asked, HARDWARE, 0, tmp_path, nowhere).history
        _, rollouts_seen, *_ = texts  # after the validation at the start
        assert history["signal"][0] == pytest.approx(np.mean(mistaken(None, rollouts_seen)))
        assert history["task_accuracy"][0] == pytest.approx(np.mean([len(text) < 12 for text in rollouts_seen]))


QUESTIONS, ANSWERS = ["1+2=", "12+30=", "4+4="], ["3", "12+30=42,42", "8"]


class TestModelJudges:
    """Judges that are models, random ones here, against the library called for one completion at a time."""

    @pytest.fixture(scope="class", params=[1, 3])
    def reward_model(self, request, base, tmp_path_factory):
        folder = tmp_path_factory.mktemp("reward_model")
        config = base.model().config
        config.num_labels = request.param
        with torch.random.fork_rng():
            torch.manual_seed(1)
            model = LlamaForSequenceClassification(config)
            torch.nn.init.normal_(model.score.weight)
        model.save_pretrained(folder)
        base.tokenizer().save_pretrained(folder)
        return folder

    @pytest.mark.parametrize("batch", [1, 2, 3])
    def test_a_reward_model(self, reward_model, batch):
        model = LlamaForSequenceClassification.from_pretrained(reward_model).eval()
        tokenizer = AutoTokenizer.from_pretrained(reward_model)
        signal = RewardModel(type="reward_model", path=str(reward_model), dtype="float32")
        scores = judges.scores_of_reward_model(signal, QUESTIONS, ANSWERS, torch.device("cpu"), batch)
        for question, answer, score in zip(QUESTIONS, ANSWERS, scores, strict=True):
            messages = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
            ids = tokenizer.apply_chat_template(messages, return_tensors="pt", return_dict=False)
            logits = model(ids).logits[0]
            expected = logits[0].sigmoid() if len(logits) == 1 else logits.softmax(0)[0]
            torch.testing.assert_close(score, expected)
        assert scores.std() > 0.01

    def test_a_label_it_does_not_have_is_refused(self, reward_model):
        signal = RewardModel(type="reward_model", path=str(reward_model), dtype="float32", label=7)
        with pytest.raises(BadInput, match=r"signal.label = 7: .* has \d label"):
            judges.scores_of_reward_model(signal, QUESTIONS, ANSWERS, torch.device("cpu"), 2)

    @pytest.mark.parametrize("batch", [1, 2, 3])
    def test_a_model_that_is_asked_yes_or_no(self, base, batch):
        asked = {"prompt": "{question}{completion}", "yes": "1", "no": "0"}
        signal = YesNo(type="yes_no", path=str(base.path), dtype="float32", **asked)
        scores = judges.scores_of_yes(signal, QUESTIONS, ANSWERS, torch.device("cpu"), batch)
        model, tokenizer = base.model(), base.tokenizer()
        yes, no = (tokenizer.convert_tokens_to_ids(word) for word in "10")
        for question, answer, score in zip(QUESTIONS, ANSWERS, scores, strict=True):
            ids = prompt_token_ids(tokenizer, [question + answer], "{question}")
            chances = model(torch.tensor(ids)).logits[0, -1].softmax(0)
            torch.testing.assert_close(score, chances[yes] / (chances[yes] + chances[no]))
        assert scores.std() > 0.01

    def test_words_that_begin_alike_are_refused(self, base):
        signal = YesNo(type="yes_no", path=str(base.path), dtype="float32", yes="11", no="12")
        with pytest.raises(BadInput, match="begin with the same token"):
            judges.scores_of_yes(signal, QUESTIONS, ANSWERS, torch.device("cpu"), 2)

    def test_a_model_that_is_not_there_is_named(self, tmp_path):
        signal = RewardModel(type="reward_model", path=str(tmp_path / "nowhere"))
        with pytest.raises(BadInput, match=r"signal.path = .*nowhere"):
            judges.scores_of_reward_model(signal, QUESTIONS, ANSWERS, torch.device("cpu"), 2)


PER_COMPLETION = [
    *(Noisy(type="noisy", false_positive=0.5, flips=flips) for flips in ("drawn", "fixed")),
    Random(type="random"),
    Majority(type="majority"),
]


@pytest.mark.parametrize("signal", PER_COMPLETION, ids=lambda signal: signal.naming())
def test_processes_that_share_a_step_are_told_what_one_would_be(signal):
    verdicts = [WRONG, RIGHT, RIGHT, WRONG] * 4
    questions = [f"q{row // 2}" for row in range(16)]
    halves = [
        told(signal, rollouts(verdicts[half], questions=questions[half], first=half.start))
        for half in (slice(0, 8), slice(8, 16))
    ]
    assert torch.equal(torch.cat(halves), told(signal, rollouts(verdicts)))


def test_every_signal_of_the_union_makes_rewards_and_is_explained():
    for block in get_args(get_args(Signal)[0]):
        assert told.dispatch(block) is not told.dispatch(object), block
        (name,) = get_args(block.model_fields["type"].annotation)
        assert f"| `{name}` |" in SIGNALS_PAGE, name


class TestParameters:
    """The block under ``train.X.signal``."""

    @pytest.mark.parametrize("rate", [-0.1, 1.1, float("nan")])
    def test_rates_are_shares(self, rate):
        with pytest.raises(ValidationError, match=r"signal.noisy.false_positive"):
            options("task_reward", signal={"type": "noisy", "false_positive": rate})

    @pytest.mark.parametrize("objective", ["tilted", "sharpening"])
    def test_right_ones_alone_are_a_matter_of_the_task_reward(self, objective):
        with pytest.raises(ValidationError, match="samples = positive: only task_reward"):
            options(objective, samples="positive")
        assert options("task_reward", samples="positive").naming() == "positive"
        assert options("task_reward", samples="rejection").naming() == "rejection"

    @pytest.mark.parametrize("objective", ["sharpening", "tempered", "null_control"])
    def test_an_objective_that_is_told_nothing_has_no_signal(self, objective):
        with pytest.raises(ValidationError, match=f"signal = noisy: {objective} is told nothing"):
            options(objective, signal={"type": "noisy"})

    def test_a_signal_that_is_not_the_truth_names_the_cell(self):
        noisy = {"type": "noisy", "false_positive": 0.25, "flips": "fixed"}
        assert options("task_reward", signal=noisy).naming() == "noisy-false_positive0.25-flips_fixed"
        assert options("tilted", signal=noisy).naming() == "alpha2-beta100-noisy-false_positive0.25-flips_fixed"

    def test_the_truth_leaves_name_and_identity_as_they_were(self):
        """Cells that were made before there were signals are those of the truth."""
        plain, gold = options("task_reward"), options("task_reward", signal={"type": "gold"})
        assert plain.naming() == gold.naming() == "default"
        assert "signal" not in gold.model_dump(mode="json")
        assert "signal" in options("task_reward", signal={"type": "noisy"}).model_dump(mode="json")
