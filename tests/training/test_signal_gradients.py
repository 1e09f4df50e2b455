"""The mean of the trainer's gradient under each signal is that of the estimator it claims, to the last completion.

Policies are small enough to list every *group* of completions: the mean and variance of a group's gradient, projected
on a direction, are sums over all of them, whatever its rewards depend on.
"""

from __future__ import annotations

import copy
from itertools import product

import pytest
import torch
from peft import LoraConfig
from scipy.stats import norm

from beyond_sharpening.decoding.seeds import derive_seed
from beyond_sharpening.exact.completions import Completions
from beyond_sharpening.exact.gradient import scores
from beyond_sharpening.exact.policy import log_probabilities
from beyond_sharpening.objectives import Objective
from beyond_sharpening.parameters.signals import (
    GOLD,
    Majority,
    Noisy,
    SelfCertainty,
    SequenceEntropy,
    TokenEntropy,
)
from beyond_sharpening.theory.enumerable import ONE, QUESTIONS, build_trainer, enumerable_task
from beyond_sharpening.theory.optimum import perturbed
from training.estimator import FALSE_ALARM, estimated_gradient

TASK = enumerable_task()
POLICY = perturbed(TASK.start, seed=2)
EXACT = copy.deepcopy(POLICY).double()
REWARD = Objective.named("task_reward")
COMPLETIONS = 768  # of each question
LOG_Q = log_probabilities(EXACT, TASK.prompts, TASK.completions)  # (X, Y)
SCORE = torch.stack([scores(EXACT, prompt, TASK.completions) for prompt in TASK.prompts])  # (X, Y, P)
DIRECTIONS = torch.nn.functional.normalize(SCORE.flatten(0, 1), dim=1)  # (D, P): they span all estimates
CORRECT = TASK.correct.double()


def leave_one_out(rewards):
    """Advantages of groups, (G, K)."""
    others = rewards.shape[1] - 1
    return rewards - (rewards.sum(1, keepdim=True) - rewards) / others


def of_each(table):
    """Leave-one-out advantages where R is a completion's own: ``table``, (X, Y)."""
    return lambda question, groups: leave_one_out(table[question][groups])


def compared_with(baselines):
    """R − b of the truth, whatever the others of the group are."""
    return lambda question, groups: CORRECT[question][groups] - baselines


def voted(question, groups):
    """The majority's R: parities of the completions vote, of as many votes the first given wins."""
    ones = ((TASK.completions.tokens == ONE) & BEFORE_EOS).sum(1) % 2
    answers = ones[groups]  # (G, K)
    count = answers.sum(1)
    half = groups.shape[1] / 2
    winner = torch.where(count == half, answers[:, 0], (count > half).long())
    return leave_one_out((answers == winner[:, None]).double())


BEFORE_EOS = torch.isin(TASK.completions.tokens, torch.tensor([0, 1])).cumsum(1) == 0


def moments(advantages, group_size, log_q=LOG_Q, score=SCORE):
    """Mean and variance of one group's gradient along each direction, a question in turn, (X, D) each."""
    found = []
    for question in range(len(QUESTIONS)):
        groups = torch.tensor(list(product(range(log_q.shape[1]), repeat=group_size)))  # (G, K)
        chance = log_q[question][groups].sum(1).exp()
        along = (score[question] @ DIRECTIONS.T)[groups]  # (G, K, D)
        gradient = (advantages(question, groups)[:, :, None] * along).mean(1)
        mean = chance @ gradient
        found.append((mean, chance @ gradient.square() - mean.square()))
    return map(torch.stack, zip(*found, strict=True))


def agrees(advantages, folder, *, group_size=2, log_q=LOG_Q, score=SCORE, **told) -> bool:
    """Whether a step of the trainer is within the bound of ``FALSE_ALARM`` of what is claimed, in every direction."""
    groups = COMPLETIONS // group_size
    estimate = estimated_gradient(TASK, REWARD, POLICY, folder, groups=groups, group_size=group_size, **told)
    mean, variance = moments(advantages, group_size, log_q, score)
    deviation = (variance.sum(0) / groups).sqrt() / len(QUESTIONS)
    bound = norm.isf(FALSE_ALARM / (2 * len(DIRECTIONS))) * deviation
    return bool(((DIRECTIONS @ estimate - mean.mean(0)).abs() <= bound + 1e-9).all())


def next_token_distributions(completion):
    """log π of every token at each of a completion's places, (X, T, V)."""
    tokens = TASK.completions.tokens[completion, : TASK.completions.lengths[completion]].tolist()
    rows = []
    for prompt in TASK.prompts:
        logits = EXACT(torch.tensor([[*prompt, *tokens]])).logits[0, len(prompt) - 1 : -1]
        rows.append(logits.log_softmax(1))
    return torch.stack(rows)


@torch.no_grad()
def token_means(measure):
    """The mean over its tokens of a measure of π, for every completion, (X, Y)."""
    return torch.stack([measure(next_token_distributions(y)).mean(1) for y in range(LOG_Q.shape[1])], dim=1)


def negative_entropy(log_pi):
    return (log_pi.exp() * log_pi).sum(-1)


def divergence_from_uniform(log_pi):
    """KL(U ‖ π) as it is defined."""
    uniform = 1 / log_pi.shape[-1]
    return (uniform * (torch.tensor(uniform).log() - log_pi)).sum(-1)


DRAWN = Noisy(type="noisy", false_positive=0.3, false_negative=0.2)
FIXED = Noisy(type="noisy", false_positive=0.5, false_negative=0.5, flips="fixed")


def with_flips(share_told_right):
    """The space of completions with what is told of them: log q and scores of (told right, told wrong), (X, 2Y)."""
    log_q = torch.cat([LOG_Q + share_told_right.log(), LOG_Q + (1 - share_told_right).log()], dim=1)
    return {"log_q": log_q, "score": torch.cat([SCORE, SCORE], dim=1)}


def flips(question, groups):
    return leave_one_out((groups < LOG_Q.shape[1]).double())


def test_drawn_flips_are_those_of_their_rates(tmp_path):
    space = with_flips(0.3 + 0.5 * CORRECT)
    assert agrees(flips, tmp_path / "told", signal=DRAWN, **space)
    mean, _ = moments(flips, 2, **space)
    accuracy, _ = moments(of_each(CORRECT), 2)
    torch.testing.assert_close(mean, 0.5 * accuracy)  # J = 1 − 0.3 − 0.2


def test_rates_that_are_not_those_are_caught(tmp_path):
    assert not agrees(flips, tmp_path, signal=DRAWN, **with_flips(0.8 - 0.5 * CORRECT))


def test_fixed_flips_pay_an_answer_in_full(tmp_path):
    """A completion answers its parity: two answers to each question, and what is told of each, by their seeds."""
    seed = 42  # of ``RLOOConfig``
    parity = ((TASK.completions.tokens == ONE) & BEFORE_EOS).sum(1) % 2
    flipped = torch.tensor(
        [[derive_seed(seed, "flip", question, str(answer)) < 2**62 for answer in (0, 1)] for question in QUESTIONS]
    )
    table = torch.where(flipped[:, parity], 1 - CORRECT, CORRECT)
    assert not table.equal(CORRECT)
    assert agrees(of_each(table), tmp_path, signal=FIXED)


@pytest.mark.parametrize("group_size", [2, 3])
def test_the_majority_of_a_group(group_size, tmp_path):
    assert agrees(voted, tmp_path, group_size=group_size, signal=Majority(type="majority"))


TABLES = {
    "self_certainty": (SelfCertainty(type="self_certainty"), divergence_from_uniform),
    "token_entropy": (TokenEntropy(type="token_entropy"), negative_entropy),
}


@pytest.mark.parametrize(("signal", "measure"), TABLES.values(), ids=TABLES)
def test_certainty_of_tokens(signal, measure, tmp_path):
    """R is a completion's own, held fixed at the policy that drew it."""
    assert agrees(of_each(token_means(measure)), tmp_path, signal=signal)


def test_an_engine_that_knows_no_entropies_gives_those_of_the_loop_that_does(tmp_path):
    """After one pass of the policy over what was drawn; prompts and completions are of several lengths."""
    sizes = {"groups": 4, "group_size": 2, "per_device_train_batch_size": 6, "gradient_accumulation_steps": 4}
    built = build_trainer(TASK, REWARD, POLICY, tmp_path, learning_rate=0.0, max_steps=1, **sizes)
    built.train()
    known = built._token_entropy()
    assert len(known) == 24
    assert known.std() > 0.01
    built.engine.has_own_weights = True
    torch.testing.assert_close(built._token_entropy(), known)


def test_sequence_entropy_is_the_gradient_of_the_entropy_downhill(tmp_path):
    assert agrees(of_each(LOG_Q), tmp_path, signal=SequenceEntropy(type="sequence_entropy"))
    log_q = log_probabilities(EXACT, TASK.prompts, TASK.completions, differentiable=True)
    minus_entropy = (log_q.exp() * log_q).sum(1).mean()
    exact = torch.cat([part.flatten() for part in torch.autograd.grad(minus_entropy, [*EXACT.parameters()])])
    mean, _ = moments(of_each(LOG_Q), 2)
    torch.testing.assert_close(mean.mean(0), DIRECTIONS @ exact)


@pytest.mark.parametrize(("samples", "baseline"), [("positive", 0.0), ("negative", 1.0)])
def test_one_kind_of_samples_has_the_gradient_of_accuracy(samples, baseline, tmp_path):
    assert agrees(compared_with(baseline), tmp_path, signal=GOLD, samples=samples)
    mean, variance = moments(compared_with(baseline), 2)
    accuracy, least = moments(of_each(CORRECT), 2)
    torch.testing.assert_close(mean, accuracy, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(variance, least), "and another noise"


def test_right_ones_of_the_start_model_have_the_gradient_of_their_likelihood(tmp_path):
    """Rejection-sampling fine-tuning: E_{π_ref}[R · ∇log π_θ], which is not the gradient of accuracy."""
    start = {"log_q": TASK.log_p.double()}
    assert agrees(compared_with(0.0), tmp_path / "rejection", samples="rejection", **start)
    assert not agrees(compared_with(0.0), tmp_path / "positive", samples="positive", **start)
    log_q = log_probabilities(EXACT, TASK.prompts, TASK.completions, differentiable=True)
    likelihood = (start["log_q"].exp() * CORRECT * log_q).sum(1).mean()
    exact = torch.cat([part.flatten() for part in torch.autograd.grad(likelihood, [*EXACT.parameters()])])
    mean, _ = moments(compared_with(0.0), 2, **start)
    torch.testing.assert_close(mean.mean(0), DIRECTIONS @ exact, rtol=1e-4, atol=1e-5)


def test_with_an_adapter_the_start_model_draws_without_it(tmp_path):
    sizes = {"groups": 8, "group_size": 2, "learning_rate": 0.0, "max_steps": 1}
    adapter = LoraConfig(r=2, target_modules=["q_proj"])
    built = build_trainer(TASK, REWARD, POLICY, tmp_path, peft_config=adapter, samples="rejection", **sizes)
    for name, weight in built.model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight)
    built.train()
    drawn = built._of_rollouts("logp")
    torch.testing.assert_close(drawn, built._logp_reference, rtol=1e-4, atol=1e-4)
    assert (drawn - built._logp_policy).abs().max() > 0.01


def test_of_what_the_start_model_drew_the_divergence_is_that_of_the_policy(tmp_path):
    built = build_trainer(
        TASK, REWARD, POLICY, tmp_path, groups=384, group_size=2, learning_rate=0.0, max_steps=1, samples="rejection"
    )
    built.train()
    ratio = LOG_Q - TASK.log_p.double()
    exact = (LOG_Q.exp() * ratio).sum(1)
    deviation = ((TASK.log_p.double().exp() * (ratio.exp() * ratio).square()).sum(1) - exact.square()).clamp(0).sqrt()
    bound = norm.isf(FALSE_ALARM / 2) * (deviation.square().sum() / COMPLETIONS).sqrt() / len(QUESTIONS)
    (logged,) = (row["kl"] for row in built.state.log_history if "kl" in row)
    assert abs(logged - exact.mean()) <= bound


def test_wrong_ones_alone_are_not_right_ones_alone(tmp_path):
    """The two have one mean: a step tells them apart by which completions it moves."""
    one_sided = {
        kind: estimated_gradient(TASK, REWARD, POLICY, tmp_path / kind, groups=8, group_size=2, samples=kind)
        for kind in ("positive", "negative")
    }
    assert not torch.allclose(one_sided["positive"], one_sided["negative"])


def test_the_space_is_what_it_is_taken_for():
    assert isinstance(TASK.completions, Completions)
    torch.testing.assert_close(LOG_Q.exp().sum(1), torch.ones(len(QUESTIONS), dtype=torch.float64))
