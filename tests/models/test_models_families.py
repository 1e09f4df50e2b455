"""What the three families have in common with one another here: whose probabilities, which tokens end and pad."""

from functools import cache

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM
from trl import RLOOConfig

from beyond_sharpening.decoding import SamplingOptions, sample, score
from beyond_sharpening.grading import Verdict
from beyond_sharpening.models.policy import Policy, eos_token_ids
from beyond_sharpening.models.start_model import architecture, check_agreement
from beyond_sharpening.objectives import Objective
from beyond_sharpening.parameters import HubBase
from beyond_sharpening.problems.prompts import prompt_token_ids, render_messages
from beyond_sharpening.training import ESTIMATOR, ObjectiveTrainer
from models.families import DECIDED, FAMILIES, WIDTHS, shipped, tiny_base, tiny_policy

QUESTIONS = ["What is $2 + 3$?", "Prove that there are infinitely many primes, or give $7 - 5$.", "1"]
TEMPLATE = "{question}\n\nput it within \\boxed{}."
PARAMETERS = {"llama32_3b": 3_212_749_824, "qwen25_3b": 3_085_938_688, "qwen3_4b": 4_022_468_096}

# config.json as published, in the words of the transformers version it was written by.
PUBLISHED_ROPE = {
    "llama32_3b": {
        "rope_theta": 500000.0,
        "rope_scaling": {
            "factor": 32.0,
            "high_freq_factor": 4.0,
            "low_freq_factor": 1.0,
            "original_max_position_embeddings": 8192,
            "rope_type": "llama3",
        },
    },
    "qwen25_3b": {"rope_theta": 1000000.0},
    "qwen3_4b": {"rope_theta": 5000000, "rope_scaling": None},
}

each_family = pytest.mark.parametrize("family", FAMILIES)


def block(family: str) -> HubBase:
    return HubBase.model_validate(shipped(family)["base"])


@pytest.fixture(scope="module")
def policy(tmp_path_factory):
    """The tiny start model of a family, made once."""
    return cache(lambda family: tiny_policy(family, tmp_path_factory.mktemp(family)))


@each_family
def test_the_block_describes_the_published_model_to_the_last_parameter(family):
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(architecture(block(family)))
    assert model.num_parameters() == PARAMETERS[family]
    assert model.config.tie_word_embeddings


@each_family
def test_the_block_agrees_with_the_configuration_as_it_was_published(family):
    base = block(family)
    rest = {key: value for key, value in base.config.items() if key not in ("rope_parameters", "model_type")}
    check_agreement(base, AutoConfig.for_model(base.config["model_type"], **rest, **PUBLISHED_ROPE[family]))


@each_family
def test_the_tiny_relative_has_the_layers_of_the_real_one(family):
    real, tiny = architecture(block(family)), architecture(tiny_base(family, "anywhere"))
    with torch.device("meta"):
        layers = [AutoModelForCausalLM.from_config(config).model.layers[0] for config in (real, tiny)]
    kinds = [{name: type(module) for name, module in layer.named_modules()} for layer in layers]
    assert kinds[0] == kinds[1]
    assert set(dict(layers[0].named_parameters())) == set(dict(layers[1].named_parameters()))
    assert real.tie_word_embeddings == tiny.tie_word_embeddings


@each_family
def test_log_probabilities_are_those_of_each_sequence_alone(policy, family):
    """Prompts of several lengths, left-padded, with a cache and rows that retire, against plain forward passes."""
    model, tokenizer = policy(family).model(), policy(family).tokenizer()
    prompts = prompt_token_ids(tokenizer, QUESTIONS, TEMPLATE)
    assert len({len(prompt) for prompt in prompts}) == 3
    drawn = sample(model, prompts, SamplingOptions(12, eos_token_ids(model, tokenizer)), 6, [1, 2, 3])
    rows = [(prompt, completion) for prompt, group in zip(prompts, drawn, strict=True) for completion in group]
    alone = [plain_log_probability(model, prompt, completion.tokens) for prompt, completion in rows]
    # float32 holds sums of some sixty nats to 4e-6.
    assert [completion.logp for _, completion in rows] == pytest.approx(alone, abs=1e-5, rel=5e-7)
    scores = score(model, [prompt for prompt, _ in rows], [completion.tokens for _, completion in rows], 7)
    assert scores.tolist() == pytest.approx(alone, abs=1e-5, rel=5e-7)


@pytest.mark.parametrize(
    ("architecture", "options"),
    [("gemma3_text", {"sliding_window": 6}), ("mistral", {"sliding_window": 6}), ("phi3", {}), ("gpt_neox", {})],
)
def test_other_architectures_are_sampled_and_scored_as_exactly(architecture, options):
    """Also where layers see a window shorter than the prompt."""
    widths = {**WIDTHS, "vocab_size": 50, "pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 1, **DECIDED}
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(architecture, **widths, **options)).eval()
    prompts = [[5, 6, 7, 8, 9, 10, 11, 12, 13], [3, 4], [9, 9, 9, 9]]
    drawn = sample(model, prompts, SamplingOptions(12, [1]), 4, [1, 2, 3])
    rows = [(prompt, completion) for prompt, group in zip(prompts, drawn, strict=True) for completion in group]
    alone = [plain_log_probability(model, prompt, completion.tokens) for prompt, completion in rows]
    assert [completion.logp for _, completion in rows] == pytest.approx(alone, abs=2e-5)
    scores = score(model, [prompt for prompt, _ in rows], [completion.tokens for _, completion in rows], 7)
    assert scores.tolist() == pytest.approx(alone, abs=2e-5)


@each_family
def test_each_of_the_familys_tokens_ends_a_completion_and_counts(policy, family):
    """Also the one that pads: drawn, it is the completion's last token, and its log-probability is in the sum."""
    model, tokenizer = policy(family).model(), policy(family).tokenizer()
    ends = eos_token_ids(model, tokenizer)
    assert {tokenizer.convert_ids_to_tokens(token) for token in ends} == set(FAMILIES[family].ends)
    (prompt,) = prompt_token_ids(tokenizer, QUESTIONS[:1], TEMPLATE)
    for end in ends:
        completion = first_that_ends_with(model, prompt, ends, end)
        assert not completion.truncated
        assert set(completion.tokens[:-1]).isdisjoint(ends)
        assert completion.logp == pytest.approx(plain_log_probability(model, prompt, completion.tokens), abs=1e-5)


@each_family
def test_training_sees_the_prompt_the_end_and_the_pad_that_evaluation_sees(policy, family, tmp_path):
    """TRL's tokens of a prompt and its EOS are ours, and what it sums of π_ref leaves every pad out."""
    tokenizer = policy(family).tokenizer()
    trainer = build_trainer(policy(family), tmp_path)
    rows = [{"prompt": render_messages(question, TEMPLATE), "gold": ""} for question in QUESTIONS for _ in range(8)]
    prompts = prompt_token_ids(tokenizer, QUESTIONS, TEMPLATE)
    assert trainer._tokenize_prompts([row["prompt"] for row in rows])[0][::8] == prompts
    assert set(trainer.eos_token_ids) == set(eos_token_ids(policy(family).model(), tokenizer))
    assert trainer._tokenizer.pad_token == (FAMILIES[family].pad or "<|finetune_right_pad_id|>")
    trainer._generate_and_score_completions(rows)
    completions = trainer._rollouts
    assert len({len(completion.tokens) for completion in completions}) > 1, "some are padded"
    model = policy(family).model()
    alone = [
        plain_log_probability(model, prompts[row // 8], completion.tokens) for row, completion in enumerate(completions)
    ]
    assert trainer._logp_reference.tolist() == pytest.approx(alone, rel=1e-6, abs=1e-5)  # sums of a few hundred nats
    assert trainer._of_rollouts("logp").tolist() == pytest.approx(alone, rel=1e-6, abs=1e-5)


def test_llamas_prompt_has_one_beginning_and_a_date_of_its_own(policy):
    """Its tokenizer adds <|begin_of_text|> to any text, its template writes it too; and the template asks the clock."""
    tokenizer = policy("llama32_3b").tokenizer()
    (prompt,) = prompt_token_ids(tokenizer, QUESTIONS[:1], TEMPLATE)
    text = tokenizer.decode(prompt)
    assert text.count("<|begin_of_text|>") == 1
    assert "Today Date: 26 Jul 2024\n" in text
    assert text.endswith("<|start_header_id|>assistant<|end_header_id|>\n\n")


def plain_log_probability(model, prompt: list[int], tokens: list[int]) -> float:
    """log π(y|x) by one forward pass over this sequence, without padding, mask, positions or cache."""
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([[*prompt, *tokens]])).logits[0, len(prompt) - 1 : -1]
    return logits.double().log_softmax(-1)[range(len(tokens)), tokens].sum().item()


def first_that_ends_with(model, prompt: list[int], ends: list[int], end: int):
    for seed in range(20):
        for completion in sample(model, [prompt], SamplingOptions(8, ends), 300, [seed])[0]:
            if completion.tokens[-1] == end:
                return completion
    raise AssertionError(f"no completion ended with {end}")


def build_trainer(start: Policy, folder) -> ObjectiveTrainer:
    from datasets import Dataset

    config = RLOOConfig(
        **ESTIMATOR,
        output_dir=str(folder),
        num_generations=2,
        per_device_train_batch_size=6,
        max_completion_length=40,
        max_steps=1,
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        dataloader_pin_memory=False,
        report_to="none",
    )
    rows = [{"prompt": render_messages(question, TEMPLATE), "gold": ""} for question in QUESTIONS]
    return ObjectiveTrainer(
        model=start.model(),
        reference=start.model(),
        objective=Objective.named("tilted"),
        grade=lambda texts, golds: [Verdict("wrong", None)] * len(texts),
        args=config,
        processing_class=start.tokenizer(),
        train_dataset=Dataset.from_list(rows),
    )
