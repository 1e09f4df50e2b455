"""The one door: every decoder keeps the same promises, and says what it was asked wrongly."""

import dataclasses
import sys
from types import SimpleNamespace

import pytest
import torch
from pydantic import TypeAdapter, ValidationError

from beyond_sharpening.decoding import DecodingTask, decode, mh, sampling, score, smc
from beyond_sharpening.decoding.packing import takes_packed_rows
from beyond_sharpening.parameters.decoders import Decoder, expand_lists
from decoding.enumeration import EOS, LIMIT, PROMPT, build_world, p_value
from decoding.tiny_models import tiny_model

decode_module = sys.modules["beyond_sharpening.decoding.decode"]
PROMPTS = [[3, 4, 5, 6, 7], [8], [1, 2, 9]]
DECODERS = {
    "temperature": {"temperature": 0.7, "samples": 3},
    "top_p": {"top_p": 0.8, "samples": 3},
    "greedy": {},
    "beam_search": {"beams": 4},
    "best_of_n": {"n": 4, "samples": 3},
    "majority_vote": {"n": 4, "samples": 3},
    "sir": {"alpha": 2.0, "n": 4, "samples": 3},
    "independent_mh": {"alpha": 2.0, "n": 4, "samples": 3},
    "oracle_best_of_n": {"n": 4, "samples": 3},
    "oracle_tilted": {"alpha": 2.0, "beta": 1.0, "n": 4, "samples": 3},
    "power_mh": {"alpha": 2.0, "blocks": 2, "steps": 5, "samples": 3},
    "smc": {"alpha": 2.0, "n": 4, "samples": 3},
    "smc_mh": {"alpha": 2.0, "n": 4, "steps": 5, "samples": 3},
    "pimh": {"alpha": 2.0, "n": 4, "steps": 3, "samples": 3},
}


def build(kind, **changes):
    return TypeAdapter(Decoder).validate_python({"type": kind, **DECODERS[kind], **changes})


def judge(owners, completions):
    return [SimpleNamespace(answer=str(one.tokens[0]), correct=len(one.tokens) % 2 == 0) for one in completions]


@pytest.fixture(scope="module")
def model():
    return tiny_model()


def task(model, places=(0, 1, 2), minimum=1, batch_size=4096):
    prompts, seeds = [PROMPTS[place] for place in places], [100 + place for place in places]
    return DecodingTask(model, prompts, [0, 5], 9, seeds, 0, minimum, batch_size, judge)


def tokens(groups):
    return [[completion.tokens for completion in group] for group in groups]


def in_three_batches(model, kind):
    """The completions of all prompts together, in the other order, and each prompt alone."""
    decoder = build(kind)
    together = tokens(decode(task(model), kind, decoder))
    backwards = tokens(decode(task(model, (2, 1, 0)), kind, decoder))[::-1]
    alone = [tokens(decode(task(model, (place,), batch_size=1), kind, decoder))[0] for place in range(3)]
    return together, backwards, alone


@pytest.mark.parametrize("kind", DECODERS)
def test_a_completion_depends_on_its_prompt_seed_and_name_alone(model, kind):
    together, backwards, alone = in_three_batches(model, kind)
    assert [len(group) for group in together] == [build(kind).samples] * 3
    assert together == backwards == alone


@pytest.mark.parametrize("kind", [kind for kind in DECODERS if "samples" in DECODERS[kind]])
def test_seeds_that_seed_nothing_are_caught(model, kind, monkeypatch):
    """A fault of the public sampler, put in on purpose."""
    for module in (decode_module, sampling, smc, mh):
        monkeypatch.setattr(module, "uniforms", lambda seeds, *shape: torch.rand(len(seeds) * shape[0], shape[1]))
    together, backwards, alone = in_three_batches(model, kind)
    assert not together == backwards == alone


@pytest.mark.parametrize("kind", [kind for kind in DECODERS if "samples" in DECODERS[kind]])
def test_another_name_is_another_draw_and_samples_differ(model, kind):
    decoder = build(kind, samples=8)
    first, other = (tokens(decode(task(model), name, decoder)) for name in ("one", "other"))
    pools = {"best_of_n", "oracle_best_of_n", "majority_vote"}  # chosen with little or no chance from shared draws
    assert (first != other) or kind in pools
    assert any(len({tuple(text) for text in group}) > 1 for group in first)


@pytest.mark.parametrize("kind", DECODERS)
def test_log_probabilities_lengths_and_ends_are_those_of_the_completion(model, kind):
    for prompt, group in zip(PROMPTS, decode(task(model, minimum=3), kind, build(kind)), strict=True):
        scores = score(model, [prompt] * len(group), [completion.tokens for completion in group], 8).tolist()
        assert [completion.logp for completion in group] == pytest.approx(scores, abs=1e-5)
        for completion in group:
            ends = [place for place, token in enumerate(completion.tokens) if token in (0, 5)]
            assert ends == ([] if completion.truncated else [len(completion.tokens) - 1])
            assert 3 <= len(completion.tokens) <= 9
            assert len(completion.tokens) == 9 or not completion.truncated
            assert all(value == value for value in completion.diagnostics.values())


@pytest.mark.parametrize("kind", [kind for kind in DECODERS if kind != "beam_search"])
def test_forward_tokens_are_what_the_model_processed(model, kind, monkeypatch):
    """Counted at the model, with rows that leave the batch at once: nothing is processed in vain."""
    monkeypatch.setattr(sampling, "RETIRE_SHARE", 0.0)
    processed = []

    def count(module, args, kwargs):
        mask, ids = kwargs["attention_mask"], kwargs["input_ids"]
        processed.append(ids.numel() if mask is None else mask.flatten(1)[:, -ids.shape[1] :].sum().item())

    takes_packed_rows(model)  # which is tried on some tokens, once
    hook = model.register_forward_pre_hook(count, with_kwargs=True)
    drawn = decode(task(model), kind, build(kind))
    hook.remove()
    told = sum(completion.forward_tokens for group in drawn for completion in group)
    assert told == pytest.approx(sum(processed), rel=1e-5)


def test_beam_search_finds_the_likeliest_completion():
    """As many beams as there are unfinished prefixes of three tokens cannot miss it; several EOS ids."""
    for seed in (4, 8):
        world = build_world(seed)
        search = TypeAdapter(Decoder).validate_python({"type": "beam_search", "beams": 27})
        ((found,),) = decode(DecodingTask(world.model, [PROMPT], EOS, LIMIT, [0]), "beam", search)
        assert found.logp == pytest.approx(world.logp.max().item(), abs=1e-5)


def test_top_p_draws_from_the_renormalised_nucleus():
    world = build_world(4)
    (drawn,) = decode(
        DecodingTask(world.model, [PROMPT], EOS, 1, [0]), "top_p", build("top_p", top_p=0.7, samples=5000)
    )
    with torch.no_grad():
        p = world.model(torch.tensor([PROMPT])).logits[0, -1].double().softmax(-1)
    order = sorted(range(5), key=lambda token: -p[token])
    nucleus = next(order[:size] for size in range(1, 6) if sum(p[order[:size]]) >= 0.7)
    counts = torch.bincount(torch.tensor([one.tokens[0] for one in drawn]), minlength=5).double()
    expected = torch.zeros(5, dtype=torch.float64)
    expected[nucleus] = 5000 * p[nucleus] / p[nucleus].sum()
    assert 1 < len(nucleus) < 5
    assert counts[expected == 0].sum() == 0
    assert p_value(counts, expected) > 1e-6


@pytest.mark.parametrize(
    ("block", "told"),
    [
        ({"type": "sir", "alpha": 0}, "greater than 0"),
        ({"type": "smc", "alpha": -1.0}, "greater than 0"),
        ({"type": "best_of_n", "n": 0}, "greater than or equal to 1"),
        ({"type": "power_mh", "alpha": 2.0, "steps": 0}, "greater than or equal to 1"),
        ({"type": "sir", "alpha": 2.0, "top_p": 0.9}, "top_p = 0.9 would take completions out of the proposal's"),
        ({"type": "power_mh", "alpha": 2.0, "steps": 1, "top_k": 50}, "top_k = 50 would take completions out of"),
        ({"type": "greedy", "samples": 4}, "has one completion a problem, always the same"),
        ({"type": "greedy", "temperature": 0.5}, "Extra inputs are not permitted"),
        ({"type": "nucleus"}, "does not match any of the expected tags: 'temperature', 'top_p'"),
    ],
)
def test_bad_options_are_named(block, told):
    with pytest.raises(ValidationError, match=told):
        TypeAdapter(Decoder).validate_python(block)


def test_a_policy_without_an_end_and_an_impossible_length_are_refused(model):
    with pytest.raises(ValueError, match="eos_ids is empty"):
        DecodingTask(model, PROMPTS, [], 9, [0, 1, 2])
    with pytest.raises(ValueError, match="min_new_tokens must be between 1 and max_new_tokens = 9; got 10"):
        task(model, minimum=10)


def test_a_prompt_without_room_is_refused_before_anything_is_drawn(model):
    with pytest.raises(ValueError, match=r"prompt 2 has 60 tokens; with max_new_tokens = 9 .* context of 64 tokens"):
        DecodingTask(model, [[1], [2], [1] * 60], [0], 9, [0, 1, 2], batch_size=1)


def test_more_blocks_than_tokens_are_refused(model):
    with pytest.raises(ValueError, match="blocks = 10 is more than the 9 tokens of a completion"):
        decode(task(model), "mh", build("power_mh", blocks=10))
    assert decode(task(model), "mh", build("power_mh", blocks=9))


@pytest.mark.parametrize("kind", DECODERS)
def test_a_model_that_gives_no_probability_is_named(kind):
    broken = tiny_model()
    with torch.no_grad():
        broken.lm_head.weight.fill_(float("nan"))
    with pytest.raises(ValueError, match=rf"no probability \(decoder {kind}\): its weights or logits are not finite"):
        decode(task(broken), kind, build(kind))


EXACT_ENOUGH = {
    "sir": {"n": 128},
    "independent_mh": {"n": 64},
    "power_mh": {"blocks": 1, "steps": 40},
    "smc": {"n": 64},
    "smc_mh": {"n": 16, "steps": 20},
    "pimh": {"n": 4, "steps": 15},
}


@pytest.mark.parametrize("kind", EXACT_ENOUGH)
def test_a_minimum_length_is_part_of_the_target_of_every_decoder(kind):
    """π^α restricted to completions of three or four tokens, with several EOS ids."""
    world, samples = build_world(8), 500
    target = torch.where(world.completions.lengths >= 3, world.target(2.0), 0.0)
    asked = DecodingTask(world.model, [PROMPT], EOS, LIMIT, [5], min_new_tokens=3, batch_size=10**6)
    (drawn,) = decode(asked, kind, build(kind, samples=samples, **EXACT_ENOUGH[kind]))
    assert p_value(world.counts(drawn), samples * target / target.sum()) > 1e-6
    (free,) = decode(dataclasses.replace(asked, min_new_tokens=1), kind, build(kind, samples=8))
    assert min(len(completion.tokens) for completion in free) < 3


def test_a_list_is_one_decoder_a_value():
    expanded = expand_lists({"greedy": {"type": "greedy"}, "sir": {"type": "sir", "alpha": [2.0, 4.0], "n": [8, 16]}})
    assert list(expanded) == ["greedy", "sir-alpha2.0-n8", "sir-alpha2.0-n16", "sir-alpha4.0-n8", "sir-alpha4.0-n16"]
    assert expanded["sir-alpha4.0-n8"] == {"type": "sir", "alpha": 4.0, "n": 8}


def test_a_decoder_that_is_null_is_left_out():
    assert list(expand_lists({"greedy": {"type": "greedy"}, "smc_mh": None})) == ["greedy"]
