"""Policies trained elsewhere are taken over where both can be asked and ended alike, and refused where not."""

from pathlib import Path
from typing import Any

import pytest
import torch

from beyond_sharpening.errors import BadInput
from beyond_sharpening.models.foreign import take_over
from beyond_sharpening.models.policy import Policy, save_policy
from beyond_sharpening.models.tiny import build_tokenizer
from beyond_sharpening.parameters import ForeignPolicy
from decoding.tiny_models import tiny_model


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    tokenizer = build_tokenizer()
    model = tiny_model(vocabulary=len(tokenizer))
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    return save_policy(model, tokenizer, tmp_path_factory.mktemp("base") / "base")


@pytest.fixture
def moved(base: Policy, tmp_path: Path) -> Policy:
    """A whole model that has moved away from the base."""
    model = base.model()
    with torch.no_grad():
        model.lm_head.weight.mul_(1.5)
    return save_policy(model, base.tokenizer(), tmp_path / "moved")


def taken(path: Path, base: Policy, folder: Path, **options: Any) -> tuple[Policy, list[str]]:
    return take_over("grpo", str(path), ForeignPolicy(path=str(path), **options), base, folder / "kept")


def logits(policy: Policy) -> torch.Tensor:
    with torch.no_grad():
        return policy.model()(torch.arange(1, 9)[None]).logits


def test_a_whole_model_keeps_its_weights(base: Policy, moved: Policy, tmp_path: Path) -> None:
    policy, told = taken(moved.path, base, tmp_path)
    torch.testing.assert_close(logits(policy), logits(moved))
    assert told[-1] == "grpo: its chat template writes the base's prompts"


def test_an_adapter_is_merged_into_the_base(base: Policy, tmp_path: Path) -> None:
    from peft import LoraConfig, get_peft_model

    adapted = get_peft_model(base.model(), LoraConfig(r=2, target_modules=["q_proj"], init_lora_weights=False))
    adapted.save_pretrained(str(tmp_path / "adapter"))
    with torch.no_grad():
        expected = adapted.eval()(torch.arange(1, 9)[None]).logits
    assert (expected - logits(base)).abs().max() > 1e-3
    policy, told = taken(tmp_path / "adapter", base, tmp_path)
    torch.testing.assert_close(logits(policy), expected, atol=1e-4, rtol=1e-4)
    assert told[0].startswith("grpo: an adapter")
    assert told[1] == "grpo: has no tokenizer of its own; the base's is taken"


def test_another_chat_template_is_refused_unless_it_is_to_be_asked_like_the_base(
    base: Policy, moved: Policy, tmp_path: Path
) -> None:
    tokenizer = base.tokenizer()
    tokenizer.chat_template = "{% for message in messages %}Q: {{ message.content }} A:{% endfor %}"
    tokenizer.save_pretrained(moved.path)
    with pytest.raises(BadInput, match=r"policies\.grpo is asked otherwise .*'Q: What is 1 \+ 1\? A:'"):
        taken(moved.path, base, tmp_path)
    policy, told = taken(moved.path, base, tmp_path, asked_like_base=True)
    assert policy.tokenizer().chat_template == base.tokenizer().chat_template
    assert "though its own writes 'Q: What is 1 + 1? A:'" in told[-1]


def test_a_further_token_that_ends_completions_is_refused(base: Policy, moved: Policy, tmp_path: Path) -> None:
    model = moved.model()
    end = base.tokenizer().eos_token_id
    model.generation_config.eos_token_id = [end, end + 3]
    model.save_pretrained(moved.path)
    with pytest.raises(BadInput, match=rf"ends its completions with token {end + 3}.*base\.eos_token_ids=\[{end},"):
        taken(moved.path, base, tmp_path)


def test_a_model_of_another_shape_was_not_trained_from_this_base(base: Policy, tmp_path: Path) -> None:
    other = save_policy(tiny_model(vocabulary=40), base.tokenizer(), tmp_path / "other")
    with pytest.raises(BadInput, match=r"policies\.grpo was not trained from this base: its vocab_size is 40"):
        taken(other.path, base, tmp_path)


def test_a_folder_that_holds_checkpoints_names_them(base: Policy, moved: Policy, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there is no such folder"):
        taken(tmp_path / "nowhere", base, tmp_path)
    (tmp_path / "run").mkdir()
    moved.path.rename(tmp_path / "run/checkpoint-10")
    with pytest.raises(BadInput, match=r"neither a model .*there are models in it, though: checkpoint-10"):
        taken(tmp_path / "run", base, tmp_path)


def test_weights_that_are_cut_off_are_told_in_a_line(base: Policy, moved: Policy, tmp_path: Path) -> None:
    weights = moved.path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(BadInput, match=r"policies\.grpo\.path = .* cannot be loaded: "):
        taken(moved.path, base, tmp_path)
