"""Other engines draw from the distributions that the loop draws from, and what is said of a draw is the policy's."""

import math
import sys
from collections import Counter
from types import SimpleNamespace

import pytest
import torch
from scipy.stats import chi2

from beyond_sharpening.decoding import DecodingTask, SamplingOptions, decode, sample, score
from beyond_sharpening.decoding.engines import Drawn, Paged, Vllm, served
from beyond_sharpening.decoding.scoring import score_tokens
from beyond_sharpening.errors import BadInput, EngineMismatch
from beyond_sharpening.exact.completions import enumerate_completions
from beyond_sharpening.exact.policy import log_probabilities
from beyond_sharpening.parameters.decoders import Greedy, IndependentMH, PowerMH, Sir, TemperatureSampling, TopP
from decoding.tiny_models import tiny_model

EOS, VOCABULARY, LIMIT = [0], 4, 3
PROMPTS = [[1, 2], [3]]
CERTAINTY = 1e-6
SMALL_CACHE = {"num_blocks": 64, "max_batch_tokens": 256}


@pytest.fixture(scope="module")
def model():
    return tiny_model(vocabulary=VOCABULARY)


@pytest.fixture(scope="module")
def paged():
    return Paged(tiny_model(vocabulary=VOCABULARY), SMALL_CACHE)


class Loop:
    """An engine that is the loop itself, and says what the loop says, plus an error a token."""

    name = "loop"

    def __init__(self, model, error=0.0):
        self.model, self.error, self.asked = model, error, []

    def draw(self, prompts, options, samples, seeds):
        self.asked.append(len(prompts))
        groups = sample(self.model, prompts, options, samples, seeds)
        drawn = [one for group in groups for one in group]
        owners = [prompt for prompt in prompts for _ in range(samples)]
        told = score_tokens(self.model, owners, [one.tokens for one in drawn], options, 64)
        columns = [of.logp if options.temperature == 0 else of.logq for of in told]
        return [Drawn(one.tokens, (of + self.error).tolist()) for one, of in zip(drawn, columns, strict=True)]


def task(model, engine=None, **changes) -> DecodingTask:
    sampler = None if engine is None else served(engine, model, 8, "base last")
    return DecodingTask(model, PROMPTS, EOS, LIMIT, seeds=[1, 2], batch_size=8, sampler=sampler, **changes)


DECODERS = {
    "temperature": TemperatureSampling(type="temperature", samples=5),
    "cool": TemperatureSampling(type="temperature", temperature=0.5, samples=5),
    "nucleus": TopP(type="top_p", top_p=0.7, samples=5),
    "greedy": Greedy(type="greedy"),
    "sir": Sir(type="sir", alpha=2, n=4, samples=3, temperature=0.7),
    "chain": IndependentMH(type="independent_mh", alpha=2, n=4, samples=3),
}


@pytest.mark.parametrize("name", DECODERS)
def test_what_an_engine_draws_makes_the_completions_that_the_loop_makes(model, name):
    """Tokens, log π, log q, entropy, cost and end; in one call, however small the batch of the loop is."""
    engine = Loop(model)
    ours = decode(task(model), name, DECODERS[name])
    theirs = decode(task(model, engine), name, DECODERS[name])
    assert engine.asked == [len(PROMPTS)]
    for own, other in zip(ours, theirs, strict=True):
        assert [one.tokens for one in own] == [one.tokens for one in other]
        assert [one.truncated for one in own] == [one.truncated for one in other]
        for key in ("logp", "logq", "entropy", "forward_tokens"):
            expected = [getattr(one, key) for one in own]
            assert [getattr(one, key) for one in other] == pytest.approx(expected, abs=1e-4), key


def test_what_needs_the_loop_stays_on_it(model):
    engine, decoder = Loop(model), PowerMH(type="power_mh", alpha=2, steps=2)
    assert decode(task(model, engine), "mh", decoder) == decode(task(model), "mh", decoder)
    assert engine.asked == []


def test_an_engine_that_serves_something_else_is_refused_and_rounding_is_told(model):
    with pytest.raises(EngineMismatch, match=r"loop differ from those of the policy of base last by 0.2 nats a token"):
        decode(task(model, Loop(model, error=0.2)), "temperature", DECODERS["temperature"])
    drawn = decode(task(model, Loop(model, error=0.01)), "temperature", DECODERS["temperature"])
    assert [one.diagnostics["engine_gap"] for group in drawn for one in group] == pytest.approx([0.01] * 10, abs=1e-5)


@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_paged_batching_draws_from_the_policy(model, paged, temperature):
    """A χ² test of 2,000 completions a prompt, all of them listed."""
    completions = enumerate_completions(VOCABULARY, EOS, LIMIT)
    lengths = completions.lengths.tolist()
    texts = [tuple(row[:length]) for row, length in zip(completions.tokens.tolist(), lengths, strict=True)]
    options, samples = SamplingOptions(LIMIT, EOS, temperature), 2000
    groups = served(paged, model, 512, "base")(PROMPTS, options, samples, [3, 4])
    for prompt, group in zip(PROMPTS, groups, strict=True):
        told = score_tokens(model, [prompt] * len(texts), texts, options, 512)
        expected = samples * torch.tensor([math.exp(one.logq.sum()) for one in told], dtype=torch.double)
        assert expected.sum() == pytest.approx(samples)
        counts = Counter(tuple(one.tokens) for one in group)
        found = torch.tensor([float(counts[text]) for text in texts], dtype=torch.double)
        common = expected >= 5
        cells = torch.stack([torch.cat([of[common], of[~common].sum()[None]]) for of in (found, expected)])
        statistic = ((cells[0] - cells[1]) ** 2 / cells[1].clamp(min=1e-9)).sum()
        assert statistic < chi2.isf(CERTAINTY, int(common.sum()))
        exact = log_probabilities(model, [prompt], completions).flatten().tolist()
        assert [one.logp for one in group] == pytest.approx(
            [exact[texts.index(tuple(one.tokens))] for one in group], abs=1e-4
        )


@pytest.mark.parametrize("name", ["greedy", "nucleus"])
def test_paged_batching_takes_the_likeliest_token_and_keeps_to_a_nucleus(model, paged, name):
    decoder = DECODERS[name]
    drawn = decode(task(model, paged), name, decoder)
    if name == "greedy":
        assert [one.tokens for group in drawn for one in group] == [
            one.tokens for group in decode(task(model), name, decoder) for one in group
        ]
    owners = [prompt for prompt, group in zip(PROMPTS, drawn, strict=True) for _ in group]
    tokens = [one.tokens for group in drawn for one in group]
    options = SamplingOptions(LIMIT, EOS, top_p=0.7)
    assert all(math.isfinite(one.logq.sum()) for one in score_tokens(model, owners, tokens, options, 8))


class StandIn:
    """What of vLLM is used, with its names: ``LLM.generate`` of prompts given as tokens, ``n`` outputs of each."""

    def __init__(self, monkeypatch, model):
        self.model, self.arguments, self.sampling = model, {}, []
        module = SimpleNamespace(LLM=self.make, SamplingParams=self.sampling_params)
        monkeypatch.setitem(sys.modules, "vllm", module)
        monkeypatch.delenv("VLLM_ENABLE_V1_MULTIPROCESSING", raising=False)

    def make(self, *, model, dtype, max_model_len, skip_tokenizer_init, generation_config, logprobs_mode, **further):
        if unknown := set(further) - {"gpu_memory_utilization", "enable_prefix_caching", "enforce_eager"}:
            raise TypeError(f"EngineArgs.__init__() got an unexpected keyword argument {min(unknown)!r}")
        self.arguments = {"model": model, "dtype": dtype, "max_model_len": max_model_len, **further}
        return self

    def sampling_params(
        self, *, n, temperature, top_p, seed, max_tokens, min_tokens, stop_token_ids, logprobs, detokenize
    ):
        assert (logprobs, detokenize) == (0, False)
        options = SamplingOptions(
            max_tokens, stop_token_ids, temperature, top_p=top_p, min_new_tokens=min_tokens + 1
        )  # fmt: skip
        return SimpleNamespace(n=n, seed=seed, options=options)

    def generate(self, prompts, sampling_params, *, use_tqdm):
        self.sampling += sampling_params
        return [self._output(*each) for each in zip(prompts, sampling_params, strict=True)]

    def _output(self, prompt, asked):
        drawn = Loop(self.model).draw([prompt["prompt_token_ids"]], asked.options, asked.n, [asked.seed])
        outputs = [
            SimpleNamespace(
                index=index,
                token_ids=tuple(one.tokens),
                logprobs=[
                    {token: SimpleNamespace(logprob=logq), 99: SimpleNamespace(logprob=0.0)}
                    for token, logq in zip(one.tokens, one.logq, strict=True)
                ],
            )
            for index, one in enumerate(drawn)
        ]
        return SimpleNamespace(outputs=outputs[::-1])


@pytest.mark.parametrize("name", DECODERS)
def test_vllm_is_asked_for_the_same_draws_of_the_same_seeds(model, name, monkeypatch, tmp_path):
    stand_in = StandIn(monkeypatch, model)
    engine = Vllm(tmp_path, "float32", 9, {"enforce_eager": True})
    assert stand_in.arguments["max_model_len"] == 9
    assert stand_in.arguments["enable_prefix_caching"]
    given = task(model, engine, min_new_tokens=2)
    drawn = decode(given, name, DECODERS[name])
    expected = decode(task(model, min_new_tokens=2), name, DECODERS[name])
    assert [[one.tokens for one in group] for group in drawn] == [[one.tokens for one in group] for group in expected]
    assert [asked.n for asked in stand_in.sampling] == [{"sir": 12, "chain": 12, "greedy": 1}.get(name, 5)] * 2
    assert len({asked.seed for asked in stand_in.sampling}) == 2, "each prompt has a seed of its own"


def test_what_vllm_does_not_take_is_named_with_the_key(model, monkeypatch, tmp_path):
    StandIn(monkeypatch, model)
    told = r"unexpected keyword argument 'kv_cahce' \(hardware.evaluation_engine_options = .*evaluation_engine=transf"
    with pytest.raises(BadInput, match=told):
        Vllm(tmp_path, "float32", 9, {"kv_cahce": 1})


@pytest.mark.parametrize("packed", [True, False], ids=["packed", "padded"])
def test_token_scores_add_up_to_the_score_of_a_completion(packed):
    model = tiny_model()
    if not packed:
        model.set_attn_implementation("eager")
    prompts, completions = [[3, 4], [5], [3, 4]], [[3, 4, 0], [5, 6], [7]]
    told = score_tokens(model, prompts, completions, SamplingOptions(3, [0]), 2)
    assert [one.logp.sum() for one in told] == pytest.approx(score(model, prompts, completions, 2).tolist(), abs=1e-5)
    assert [len(one.entropy) for one in told] == [3, 2, 1]
