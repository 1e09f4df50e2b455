"""The sampling loop: whose probabilities, which draws, where it stops."""

import dataclasses
from itertools import chain

import pytest
import torch
from scipy import stats
from torch.utils._python_dispatch import TorchDispatchMode

from beyond_sharpening.decoding import SamplingOptions, cache, sample, sampling
from beyond_sharpening.exact.completions import enumerate_completions
from beyond_sharpening.exact.policy import log_probabilities
from decoding.tiny_models import FAMILIES, tiny_model

PROMPTS = [[3, 4, 5, 6, 7], [8], [1, 2, 9]]
OPTIONS = SamplingOptions(max_new_tokens=10, eos_ids=[0])
SEEDS = [11, 12, 13]


@pytest.fixture(scope="module")
def llama():
    return tiny_model()


def flat(groups):
    return list(chain.from_iterable(groups))


def own_distributions(model, prompt, tokens):
    """Log-probabilities (T, V) of the model's next token at each token, by one plain forward pass."""
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([prompt + tokens])).logits[0, len(prompt) - 1 : -1]
    return logits.double().log_softmax(-1)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
@pytest.mark.parametrize("temperature", [1.0, 0.5, 0.0])
def test_log_probabilities_and_entropy_are_the_models_own_at_temperature_one(family, tied, temperature):
    """Through left padding of prompts of several lengths, a cache, and rows that leave the batch."""
    model = tiny_model(family, tied=tied)
    options = dataclasses.replace(OPTIONS, temperature=temperature)
    for prompt, group in zip(PROMPTS, sample(model, PROMPTS, options, 6, SEEDS), strict=True):
        assert len(group) == 6
        for completion in group:
            logp = own_distributions(model, prompt, completion.tokens)
            assert completion.logp == pytest.approx(logp[range(len(logp)), completion.tokens].sum().item(), abs=1e-5)
            assert completion.entropy == pytest.approx(torch.special.entr(logp.exp()).sum(-1).mean().item(), abs=1e-5)


@pytest.mark.parametrize("temperature", [1.0, 0.6])
def test_samples_follow_the_exact_distribution(temperature):
    """χ² of 20,000 samples against every completion of a model small enough to enumerate.

    Cells with fewer than five expected samples are pooled, as the approximation needs. A right sampler fails
    with probability 1e-6 over seeds, and the seed is fixed; a sampler whose temperature is off by 5 % fails.
    """
    model, samples = tiny_model(vocabulary=4), 20_000
    completions = enumerate_completions(4, [0], 4)
    expected = samples * log_probabilities(model, [[1, 2]], completions, temperature=temperature)[0].exp()
    rows = {
        tuple(tokens[:length]): row
        for row, (tokens, length) in enumerate(
            zip(completions.tokens.tolist(), completions.lengths.tolist(), strict=True)
        )
    }
    (drawn,) = sample(model, [[1, 2]], SamplingOptions(4, [0], temperature), samples, [7])
    observed = torch.zeros(len(completions), dtype=torch.float64)
    for completion in drawn:
        observed[rows[tuple(completion.tokens)]] += 1

    def pooled(counts):
        rare = expected < 5
        return [*counts[~rare].tolist(), counts[rare].sum().item()]

    assert stats.chisquare(pooled(observed), pooled(expected), sum_check=False).pvalue > 1e-6


@pytest.mark.parametrize("family", FAMILIES)
def test_greedy_is_what_generate_does(family):
    model = tiny_model(family)
    options = dataclasses.replace(OPTIONS, temperature=0)
    for prompt, (completion,) in zip(PROMPTS, sample(model, PROMPTS, options, 1, SEEDS), strict=True):
        generated = model.generate(torch.tensor([prompt]), do_sample=False, max_new_tokens=10, eos_token_id=0)
        assert completion.tokens == generated[0, len(prompt) :].tolist()


def test_the_same_seed_gives_the_same_completion_in_any_batch(llama):
    together = sample(llama, PROMPTS, OPTIONS, 5, SEEDS)
    backwards = sample(llama, PROMPTS[::-1], OPTIONS, 5, SEEDS[::-1])[::-1]
    alone = [sample(llama, [prompt], OPTIONS, 5, [seed])[0] for prompt, seed in zip(PROMPTS, SEEDS, strict=True)]
    tokens = [[[completion.tokens for completion in group] for group in run] for run in (together, backwards, alone)]
    assert tokens[0] == tokens[1] == tokens[2]
    other = sample(llama, PROMPTS, OPTIONS, 5, [seed + 1 for seed in SEEDS])
    assert tokens[0] != [[completion.tokens for completion in group] for group in other]


def test_fewer_samples_are_the_first_of_more(llama):
    few, many = (sample(llama, PROMPTS, OPTIONS, count, SEEDS) for count in (2, 6))
    assert [[c.tokens for c in group] for group in few] == [[c.tokens for c in group[:2]] for group in many]


def test_retiring_finished_rows_changes_no_completion(llama, monkeypatch):
    retired = sample(llama, PROMPTS, OPTIONS, 8, SEEDS)
    assert len({len(completion.tokens) for group in retired for completion in group}) > 3, "rows end at different times"
    monkeypatch.setattr(sampling, "RETIRE_SHARE", 2.0)
    kept = sample(llama, PROMPTS, OPTIONS, 8, SEEDS)
    for one, other in zip(flat(retired), flat(kept), strict=True):
        assert one.tokens == other.tokens
        assert one.logp == pytest.approx(other.logp, abs=1e-5)
        assert one.entropy == pytest.approx(other.entropy, abs=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_cache_in_autocasts_precision_changes_no_bit(family, monkeypatch):
    """Attention would cast float32 keys and values itself, at every token anew."""
    model = tiny_model(family)
    with torch.autocast("cpu", torch.bfloat16):
        cast = flat(sample(model, PROMPTS, OPTIONS, 5, SEEDS))
        monkeypatch.setattr(cache, "_cast", lambda tensor: tensor)
        kept = flat(sample(model, PROMPTS, OPTIONS, 5, SEEDS))
    assert cast == kept


def test_a_completion_ends_with_the_first_of_any_eos(llama):
    completions = flat(sample(llama, PROMPTS, SamplingOptions(10, [0, 5, 7]), 20, SEEDS))
    for completion in completions:
        ends = [place for place, token in enumerate(completion.tokens) if token in (0, 5, 7)]
        assert ends == ([] if completion.truncated else [len(completion.tokens) - 1])
        assert len(completion.tokens) == 10 or not completion.truncated
    assert {completion.tokens[-1] for completion in completions if not completion.truncated} == {0, 5, 7}


def test_an_eos_as_the_very_last_token_is_no_truncation(llama):
    completions = flat(sample(llama, PROMPTS, SamplingOptions(3, [0, 5]), 100, SEEDS))
    full = [completion for completion in completions if len(completion.tokens) == 3]
    assert {completion.truncated for completion in full} == {True, False}
    assert all(completion.truncated == (completion.tokens[-1] not in (0, 5)) for completion in full)


def test_ignoring_eos_fills_the_length_and_says_whether_an_eos_came(llama):
    options = SamplingOptions(10, [0, 5], ignore_eos=True)
    completions = flat(sample(llama, PROMPTS, options, 10, SEEDS))
    assert {len(completion.tokens) for completion in completions} == {10}
    assert {completion.truncated for completion in completions} == {True, False}
    assert all(completion.truncated == {0, 5}.isdisjoint(completion.tokens) for completion in completions)


def test_a_shared_context_cuts_a_completion_where_it_is_full_and_changes_nothing_before(llama):
    options = SamplingOptions(10, [0], ignore_eos=True)
    whole = sample(llama, PROMPTS, options, 3, SEEDS)
    shared = sample(llama, PROMPTS, dataclasses.replace(options, context=8), 3, SEEDS)
    for prompt, long, short in zip(PROMPTS, whole, shared, strict=True):
        room = 8 - len(prompt)
        assert [one.tokens for one in short] == [one.tokens[:room] for one in long]
        assert all(len(one.tokens) == room for one in short)


def test_the_cost_of_a_completion_is_its_forward_passes_and_a_share_of_the_prefill(llama):
    for prompt, group in zip(PROMPTS, sample(llama, PROMPTS, OPTIONS, 4, SEEDS), strict=True):
        for completion in group:
            # The last token is never fed back.
            assert completion.forward_tokens == len(prompt) / 4 + len(completion.tokens) - 1


def test_a_token_of_probability_zero_is_never_drawn():
    """At u = 0, at the rounding of the CDF's top, and anywhere between."""
    probabilities = torch.tensor([0.0, 0.6, 0.0, 0.4, 0.0])
    uniforms = torch.tensor([0.0, 0.3, 0.6, 0.999, 1 - 2**-24])
    assert sampling._choose(probabilities.expand(5, -1), uniforms).tolist() == [1, 1, 3, 3, 3]


@pytest.mark.parametrize(("length", "fits"), [(54, True), (55, False)])
def test_a_prompt_that_leaves_no_room_for_its_completion_is_refused(llama, length, fits):
    if fits:
        assert sample(llama, [[3] * length], OPTIONS, 1, [0])
    else:
        with pytest.raises(
            ValueError, match=r"prompt 1 has 55 tokens; with max_new_tokens = 10 .* context of 64 tokens"
        ):
            sample(llama, [[3], [3] * length], OPTIONS, 1, [0, 0])


def test_an_empty_prompt_is_refused(llama):
    with pytest.raises(ValueError, match="prompt 1 is empty"):
        sample(llama, [[3], []], OPTIONS, 1, [0, 0])


def test_tokens_of_a_large_vocabulary_are_drawn_however_improbable():
    """150,000 tokens of 1e-9 each beside a likely one: each has its own share of the uniforms."""
    share, count = 1e-9, 150_000
    logq = torch.full((1, count + 1), share, dtype=torch.float64)
    logq[0, 0] = 1 - share * count
    wanted = torch.tensor([1, 75_000, 149_999])
    middle = 1 - share * count + share * (wanted - 0.5)
    drawn = sampling._choose(logq.float().expand(3, -1), middle)
    assert (drawn - wanted).abs().max() <= 100, "the likely token's probability is rounded by up to 6e-8, 60 shares"
    assert len(set(drawn.tolist())) == 3


@pytest.mark.parametrize("vocabulary", [12, 512, 513, 1024, 5000])
def test_a_draw_in_two_stages_is_the_inverse_of_the_whole_cdf(vocabulary):
    """Up to rounding: where a uniform is not within 1e-12 of a step of the CDF."""
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(64, vocabulary, generator=generator, dtype=torch.float64)
    probabilities = logits.masked_fill(logits > 5, -torch.inf).softmax(-1)
    uniforms = torch.rand(64, generator=generator, dtype=torch.float64)
    uniforms[:2] = torch.tensor([0.0, 1 - 2**-53])
    cdf = probabilities.cumsum(-1)
    drawn = sampling._choose(probabilities, uniforms)
    below, above = (cdf - probabilities).gather(1, drawn[:, None]), cdf.gather(1, drawn[:, None])
    assert (below[:, 0] <= uniforms + 1e-12).all()
    assert (above[:, 0] >= uniforms - 1e-12).all()
    assert (probabilities.gather(1, drawn[:, None]) > 0).all()


class Waits(TorchDispatchMode):
    """Counts what a host must wait for: values that it reads, and results whose shape hangs on values."""

    count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        places = args[1] if name in ("index", "index_put_", "_index_put_impl_") else ()
        by_mask = any(place is not None and place.dtype == torch.bool for place in places)
        self.count += by_mask or name in ("_local_scalar_dense", "nonzero", "masked_select", "equal")
        return func(*args, **(kwargs or {}))


def test_a_token_is_waited_for_once(llama):
    """By the loop, to know whether it goes on: a wait leaves a GPU idle until it is asked for more."""

    def waits(tokens: int) -> int:
        with Waits() as seen:
            sample(llama, PROMPTS, dataclasses.replace(OPTIONS, max_new_tokens=tokens, ignore_eos=True), 2, SEEDS)
        return seen.count

    assert waits(20) - waits(10) == 10
