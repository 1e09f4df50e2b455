"""Decoders that choose among independent draws."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from beyond_sharpening.decoding import Completion, DecodingTask, decode
from beyond_sharpening.decoding.pools import choose
from beyond_sharpening.parameters.decoders import BestOfN, IndependentMH, MajorityVote, OracleBestOfN, OracleTilted, Sir
from decoding.enumeration import EOS, LIMIT, PROMPT, build_world, p_value

ALPHA, SAMPLES = 2.5, 4_000


def draw(*tokens, logp, logq=0.0):
    return Completion(list(tokens), logp, 0.0, False, 10.0, logq)


DRAWS = [draw(1, 2, 0, logp=-3.0), draw(3, 0, logp=-2.5), draw(4, 4, 4, 0, logp=-3.2), draw(4, 4, 4, 0, logp=-3.2)]
ANSWERS = [SimpleNamespace(answer=answer, correct=answer == "8") for answer in ("7", "8", None, "7")]


def chosen(decoder, u=0.5):
    return choose(decoder, DRAWS, ANSWERS, np.full(4, u))


def test_best_of_n_takes_the_likeliest_whole_or_a_token():
    assert chosen(BestOfN(type="best_of_n")).tokens == [3, 0]
    assert chosen(BestOfN(type="best_of_n", by="mean")).tokens == [4, 4, 4, 0]


def test_a_majority_is_represented_by_any_of_its_draws_and_none_abstains():
    vote = MajorityVote(type="majority_vote")
    assert [chosen(vote, u).tokens for u in (0.1, 0.9)] == [[1, 2, 0], [4, 4, 4, 0]]
    silent = [SimpleNamespace(answer=None, correct=False)] * 4
    assert {tuple(choose(vote, DRAWS, silent, np.full(4, u)).tokens) for u in (0.1, 0.3, 0.9)} == {
        tuple(one.tokens) for one in DRAWS
    }


def test_the_oracle_takes_a_right_draw_and_any_if_there_is_none():
    oracle = OracleBestOfN(type="oracle_best_of_n")
    assert {tuple(chosen(oracle, u).tokens) for u in (0.0, 0.5, 0.99)} == {(3, 0)}
    wrong = [SimpleNamespace(answer="7", correct=False)] * 4
    assert choose(oracle, DRAWS, wrong, np.full(4, 0.0)).tokens != choose(oracle, DRAWS, wrong, np.full(4, 0.6)).tokens


def test_a_choice_costs_its_whole_pool_and_tells_about_it():
    one = chosen(Sir(type="sir", alpha=2.0))
    assert one.forward_tokens == 40
    weights = np.exp([2.0 * draw.logp for draw in DRAWS])
    assert one.diagnostics["ess"] == pytest.approx(weights.sum() ** 2 / (weights**2).sum() / 4)
    assert one.diagnostics["log_z"] == pytest.approx(np.log(weights.mean()))
    assert one.diagnostics["duplicates"] == 0.25
    assert one.diagnostics["unfinished"] == 0.0


def test_a_chain_of_proposals_tells_how_its_draws_weigh():
    chain = chosen(IndependentMH(type="independent_mh", alpha=2.0))
    assert chain.diagnostics == {**chosen(Sir(type="sir", alpha=2.0)).diagnostics, "acceptance": 1 / 3}
    alone = choose(IndependentMH(type="independent_mh", alpha=2.0), DRAWS[:1], ANSWERS[:1], np.full(1, 0.5))
    assert "acceptance" not in alone.diagnostics


@pytest.fixture(scope="module", params=[4, 8], ids=["long", "short"])
def world(request):
    return build_world(request.param)


@pytest.fixture(scope="module")
def task(world):
    """Right is what has an even number of tokens."""

    def judge(owners, completions):
        return [SimpleNamespace(answer="", correct=len(completion.tokens) % 2 == 0) for completion in completions]

    return DecodingTask(world.model, [PROMPT], EOS, LIMIT, [5], judge=judge, batch_size=10**6)


@pytest.mark.parametrize("temperature", [1.0, 0.4])
def test_importance_resampling_of_two_has_the_law_it_must(world, task, temperature):
    logq = world.logq(temperature)
    weight, q = (ALPHA * world.logp - logq).exp(), logq.exp()
    pairs = q[:, None] * q[None, :] * weight[:, None] / (weight[:, None] + weight[None, :])
    (drawn,) = decode(task, "sir", Sir(type="sir", alpha=ALPHA, n=2, temperature=temperature, samples=SAMPLES))
    assert p_value(world.counts(drawn), SAMPLES * 2 * pairs.sum(1)) > 1e-6


def test_the_error_of_importance_resampling_falls_as_one_over_n(world, task):
    """To first order the law is π(y)·(1 + (Σ π w̄ − w̄(y)) / N), w̄ = w / Z: the delta method.

    At N = 32 its error, E_q[w̄²] / N of π at most, is far from what 4,000 draws can miss; the next order is not seen.
    """
    target = world.target(ALPHA)
    weight = (ALPHA * world.logp - world.logq(1.0) - world.log_z(ALPHA)).exp()
    (few,), (more,) = (decode(task, "sir", Sir(type="sir", alpha=ALPHA, n=n, samples=SAMPLES)) for n in (2, 32))
    first_order = target * (1 + ((target * weight).sum() - weight) / 32)
    assert p_value(world.counts(few), SAMPLES * target) < 1e-20
    assert p_value(world.counts(more), SAMPLES * first_order) > 1e-6


def test_independent_metropolis_hastings_has_the_law_of_its_kernel(world, task):
    expected = world.logq(1.0).exp() @ torch.linalg.matrix_power(world.kernel(ALPHA, 1.0)[0], 7)
    (drawn,) = decode(task, "mh", IndependentMH(type="independent_mh", alpha=ALPHA, n=8, samples=SAMPLES))
    assert p_value(world.counts(drawn), SAMPLES * expected) > 1e-6


def test_tilted_resampling_weighs_right_answers_too(world, task):
    tilted = world.target(ALPHA) * torch.where(world.completions.lengths % 2 == 0, 5.0, 1.0)
    decoder = OracleTilted(type="oracle_tilted", alpha=ALPHA, beta=float(np.log(5)), n=128, samples=1_000)
    assert p_value(world.counts(decode(task, "tilted", decoder)[0]), 1_000 * tilted / tilted.sum()) > 1e-6


def test_decoders_share_a_pool_and_samples_do_not(world, monkeypatch):
    """The same draws for all decoders of one N, τ and number of samples; each sample has N of its own."""
    task = DecodingTask(world.model, [PROMPT], EOS, LIMIT, [5])
    (likeliest,) = decode(task, "best", BestOfN(type="best_of_n", n=4, samples=3))
    monkeypatch.setattr(task.model, "forward", None)  # nothing more is drawn
    (resampled,) = decode(task, "sir", Sir(type="sir", alpha=ALPHA, n=4, samples=3))
    (pool,) = task.pool(BestOfN(type="best_of_n", n=4, samples=3)).draws
    assert len(pool) == 12
    for place, (one, other) in enumerate(zip(likeliest, resampled, strict=True)):
        own = pool[4 * place : 4 * place + 4]
        assert one.logp == max(draw.logp for draw in own)
        assert other.tokens in [draw.tokens for draw in own]


def test_what_reads_answers_needs_a_judge(world):
    task = DecodingTask(world.model, [PROMPT], EOS, LIMIT, [5])
    with pytest.raises(ValueError, match="majority_vote reads answers: give the task a judge"):
        decode(task, "vote", MajorityVote(type="majority_vote"))
