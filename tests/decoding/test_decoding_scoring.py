"""Scores of given completions, and the text in which an answer is looked for."""

import pytest
import torch

from beyond_sharpening.decoding import Completion, SamplingOptions, sample, score, scoring
from beyond_sharpening.decoding.text import answer_texts
from beyond_sharpening.exact.completions import enumerate_completions
from beyond_sharpening.exact.policy import log_probabilities
from beyond_sharpening.models.tiny import build_tokenizer
from decoding.tiny_models import FAMILIES, tiny_model


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
@pytest.mark.parametrize("batch_size", [1, 7, 1000])
def test_scores_are_those_of_the_enumeration(family, tied, batch_size):
    model, completions = tiny_model(family, vocabulary=4, tied=tied), enumerate_completions(4, [0], 3)
    prompts = [[1, 2], [3], [3, 3, 1, 2]]
    lengths = completions.lengths.tolist()
    texts = [tokens[:length] for tokens, length in zip(completions.tokens.tolist(), lengths, strict=True)]
    rows = [(prompt, text) for prompt in prompts for text in texts]
    scores = score(model, [prompt for prompt, _ in rows], [text for _, text in rows], batch_size)
    exact = log_probabilities(model, prompts, completions).flatten()
    torch.testing.assert_close(scores.double(), exact, rtol=0, atol=1e-5)


def test_no_more_logits_are_made_at_once_than_the_limit(monkeypatch):
    model, completions, made = tiny_model(), [[3, 4, 0], [5, 6], [7, 8, 9, 0], [0]] * 5, []
    prompts = [[3, 4], [5]] * 10
    whole = score(model, prompts, completions, 1000)
    model.register_forward_hook(lambda module, inputs, output: made.append(output.logits.numel()))
    monkeypatch.setattr(scoring, "MAX_LOGITS", 3 * (1 + 4) * 12)
    torch.testing.assert_close(score(model, prompts, completions, 1000), whole)
    assert max(made) <= scoring.MAX_LOGITS
    assert len(made) == 7, "three at a time"


def test_a_sampled_completion_scores_what_the_sampler_says():
    model, prompts = tiny_model(), [[3, 4, 5], [8]]
    drawn = sample(model, prompts, SamplingOptions(8, [0]), 5, [0, 1])
    rows = [(prompt, completion) for prompt, group in zip(prompts, drawn, strict=True) for completion in group]
    scores = score(model, [prompt for prompt, _ in rows], [completion.tokens for _, completion in rows], 4)
    assert scores.tolist() == pytest.approx([completion.logp for _, completion in rows], abs=1e-5)


def test_an_answer_is_read_up_to_the_first_eos():
    """A fixed-length completion goes on after its EOS; what it writes there is no answer."""
    tokenizer = build_tokenizer()
    eos = tokenizer.eos_token_id
    one, two = tokenizer(["\\boxed{1}", "\\boxed{2}"])["input_ids"]

    def text(tokens):
        return answer_texts(tokenizer, [Completion(tokens, 0.0, 0.0, False, 0.0)], [eos])[0]

    assert text([*one, eos, *two]) == "\\boxed{1}"
    assert text([*one, *two]) == "\\boxed{1}\\boxed{2}"
    assert text([eos, *two]) == ""
