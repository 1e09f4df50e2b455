"""Both losses by enumeration: the gradient of each in expectation, whether or not sampler and policy differ."""

import pytest
import torch

from beyond_sharpening.exact.completions import enumerate_completions
from beyond_sharpening.training.loss import IMPORTANCE_CAP, effective_share, moments, policy_loss

EOS, VOCABULARY = 0, 3
SPACE = enumerate_completions(VOCABULARY, [EOS], 4)
TAKEN = SPACE.tokens >= 0  # (Y, T)
ADVANTAGES = torch.randn(len(SPACE.lengths), generator=torch.Generator().manual_seed(5), dtype=torch.float64)


def parameters(seed: int) -> torch.Tensor:
    """Logits of the next token, given the last one (or none), (V + 1, V)."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(VOCABULARY + 1, VOCABULARY, generator=generator, dtype=torch.float64)


def token_logp(logits: torch.Tensor) -> torch.Tensor:
    """log-probability of every token of every completion, one after the other, (S,)."""
    tokens = SPACE.tokens.long().clamp(min=0)
    last = torch.cat([torch.full((len(tokens), 1), VOCABULARY), tokens[:, :-1]], dim=1)
    return logits.log_softmax(-1)[last, tokens][TAKEN]


def mass(logits: torch.Tensor) -> torch.Tensor:
    """Probability of every completion, (Y,)."""
    return torch.stack([part.sum() for part in token_logp(logits).split(SPACE.lengths.tolist())]).exp()


def expected_gradient(level: str, policy: torch.Tensor, sampler: torch.Tensor, count: float) -> torch.Tensor:
    """−∇ of the loss, summed over all completions with the sampler's mass in place of a sample."""
    policy = policy.clone().requires_grad_()
    advantages = ADVANTAGES * mass(sampler)
    loss, _ = policy_loss(level, token_logp(policy), token_logp(sampler), SPACE.lengths.long(), advantages, count)
    return -torch.autograd.grad(loss, policy)[0]


def exact_gradient(policy: torch.Tensor) -> torch.Tensor:
    """∇E_π[A]."""
    policy = policy.clone().requires_grad_()
    return torch.autograd.grad((mass(policy) * ADVANTAGES).sum(), policy)[0]


POLICY, SAMPLER = parameters(0), parameters(0) + 0.3 * parameters(1)


def test_weights_of_completions_give_the_gradient_under_the_policy_whatever_sampled():
    assert (mass(POLICY) / mass(SAMPLER)).max() < IMPORTANCE_CAP, "nothing is truncated"
    torch.testing.assert_close(expected_gradient("sequences", POLICY, SAMPLER, 1), exact_gradient(POLICY))
    assert not torch.allclose(exact_gradient(SAMPLER), exact_gradient(POLICY), rtol=0.1)


def test_averaged_over_tokens_it_is_the_same_gradient_over_the_mean_length():
    mean_length = (mass(POLICY) * SPACE.lengths).sum().item()
    found = expected_gradient("tokens", POLICY, POLICY, mean_length)
    torch.testing.assert_close(found, exact_gradient(POLICY) / mean_length)


def test_weights_of_tokens_correct_each_token_alone():
    """Σ_y μ(y)·A(y)·Σ_t (π/μ)(y_t|…)·∇log π(y_t|…), token by token."""
    policy = POLICY.clone().requires_grad_()
    logp, sampler = token_logp(policy), token_logp(SAMPLER)
    owners = torch.arange(len(SPACE.lengths)).repeat_interleave(SPACE.lengths)
    expected = torch.zeros_like(POLICY)
    for token, owner in enumerate(owners):
        (score,) = torch.autograd.grad(logp[token], policy, retain_graph=True)
        ratio = (logp[token] - sampler[token]).exp()
        expected += (mass(SAMPLER)[owner] * ADVANTAGES[owner] * ratio).detach() * score
    torch.testing.assert_close(expected_gradient("tokens", POLICY, SAMPLER, 1), expected)
    assert not torch.allclose(expected, exact_gradient(POLICY), rtol=1e-2), "which is not quite the policy's gradient"


@pytest.mark.parametrize(("level", "weights"), [("tokens", [20.0, 0.5, 20.0]), ("sequences", [20.0, 20.0])])
def test_weights_are_truncated_and_carry_no_gradient(level, weights):
    logp = torch.tensor([5.0, -1.0, 9.0]).log_softmax(0).requires_grad_()
    sampler = logp.detach() - torch.tensor([60.0, 0.5, 30.0]).log()
    advantages = torch.tensor([1.0, -2.0])
    loss, found = policy_loss(level, logp, sampler, torch.tensor([2, 1]), advantages, 2.0)
    torch.testing.assert_close(found, torch.tensor(weights))
    (gradient,) = torch.autograd.grad(loss, logp)
    by_token = found if level == "tokens" else found[[0, 0, 1]]
    torch.testing.assert_close(gradient, -by_token * torch.tensor([1.0, 1.0, -2.0]) / 2)


def test_the_effective_share_falls_with_the_spread_of_weights_and_adds_up_over_batches():
    weights = torch.tensor([1.0, 1.0, 2.0, 0.0])
    assert effective_share(moments(torch.ones(5))) == 1
    assert effective_share(moments(weights[:2]) + moments(weights[2:])).item() == pytest.approx(16 / (4 * 6))
