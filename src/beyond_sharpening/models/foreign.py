"""Policies that another system trained from the start model: taken over so that both are asked and ended alike."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from beyond_sharpening.errors import BadInput
from beyond_sharpening.models.policy import Policy, save_policy, without_bars
from beyond_sharpening.models.start_model import is_folder

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from beyond_sharpening.parameters import ForeignPolicy

SHAPE = ("model_type", "vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads")
"""What training never changes in a model."""

PROBE = [{"role": "user", "content": "What is 1 + 1?"}]


def take_over(name: str, path: str, options: ForeignPolicy, base: Policy, folder: Path) -> tuple[Policy, list[str]]:
    """Load a policy and keep it, its adapter merged, with the base's tokenizer and generation configuration.

    Args:
        name: what it is called, for messages.
        path: the hub id or local folder, one of those that it has.
        options: the rest of what is said of it.
        base: the start model, settled.
        folder: where it is kept; written over.

    Returns:
        The policy, and what to say about it, a line each.

    Raises:
        BadInput: if it cannot be loaded, was not trained from this base (another shape or vocabulary), or would be
            asked or ended differently from the base (another chat template, further EOS tokens).
    """
    check_there(name, path)
    model, notes = _load(name, path, options.revision, base)
    tokenizer = _own_tokenizer(path, options.revision)
    if tokenizer is None:
        notes.append(f"{name}: has no tokenizer of its own; the base's is taken")
    else:
        notes += check_tokenizer(name, tokenizer, base.tokenizer(), asked_like_base=options.asked_like_base)
    _settle_eos(name, model, tokenizer, base)
    return save_policy(model, base.tokenizer(), folder), notes


def check_there(name: str, path: str) -> None:
    """Raise a BadInput for a folder that is not there or holds no model."""
    folder = Path(path)
    if not is_folder(path):
        return
    if not folder.is_dir():
        raise BadInput(f"policies.{name}.path = {path!r}: there is no such folder")
    if not any((folder / file).is_file() for file in ("config.json", "adapter_config.json")):
        inside = sorted(file.parent.name for file in folder.glob("*/*config.json") if file.parent.is_dir())
        hint = f"; there are models in it, though: {', '.join(dict.fromkeys(inside))}" if inside else ""
        raise BadInput(
            f"policies.{name}.path = {path!r} holds neither a model (config.json) nor an adapter "
            f"(adapter_config.json){hint}"
        )


def _load(name: str, path: str, revision: str, base: Policy) -> tuple[PreTrainedModel, list[str]]:
    from safetensors import SafetensorError
    from transformers import AutoConfig, AutoModelForCausalLM
    from transformers.utils import find_adapter_config_file

    source: dict[str, Any] = {"revision": revision}
    try:
        if (adapter := find_adapter_config_file(path, **source)) is not None:
            return _merged(path, revision, base), [
                f"{name}: an adapter{_said_base(Path(adapter))}, merged into the base"
            ]
        config = AutoConfig.from_pretrained(path, **source)
        _check_shape(name, config, base)
        with without_bars():
            model = AutoModelForCausalLM.from_pretrained(path, **source, use_safetensors=True, dtype="auto")
    except BadInput:
        raise
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        first = str(error).strip().partition("\n")[0]
        raise BadInput(f"policies.{name}.path = {path!r} (revision {revision}) cannot be loaded: {first}") from error
    return model, [f"{name}: the whole model of {path}"]


def _merged(path: str, revision: str, base: Policy) -> PreTrainedModel:
    """The base with the adapter in its weights, in float32: bfloat16 would round a small change away."""
    from peft import PeftModel

    merged: PreTrainedModel = PeftModel.from_pretrained(base.model(), path, revision=revision).merge_and_unload()
    return merged


def _said_base(adapter: Path) -> str:
    said = json.loads(adapter.read_text(encoding="utf-8")).get("base_model_name_or_path")
    return f" that says it is over {said}" if said else ""


def _check_shape(name: str, config: Any, base: Policy) -> None:
    ours, theirs = base.config().get_text_config(), config.get_text_config()
    for key in SHAPE:
        if (here := getattr(theirs, key, None)) != (there := getattr(ours, key, None)):
            raise BadInput(
                f"policies.{name} was not trained from this base: its {key} is {here!r}, the base's {there!r}; name "
                "the base that it was trained from (base.path)"
            )


def _own_tokenizer(path: str, revision: str) -> PreTrainedTokenizerBase | None:
    """Its tokenizer; None where only special tokens, or no file at all, are there."""
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(path, revision=revision)
    except (OSError, ValueError, KeyError):
        return None
    return None if tokenizer.get_vocab().keys() <= tokenizer.get_added_vocab().keys() else tokenizer


def check_tokenizer(
    name: str, own: PreTrainedTokenizerBase, base: PreTrainedTokenizerBase, *, asked_like_base: bool
) -> list[str]:
    """What to say about a policy's tokenizer beside the base's.

    Raises:
        BadInput: for a token that is another number, or a chat template that writes another prompt.
    """
    ours, theirs = base.get_vocab(), own.get_vocab()
    if differing := sorted(token for token in ours.keys() & theirs.keys() if ours[token] != theirs[token]):
        token = differing[0]
        raise BadInput(
            f"policies.{name} has another tokenizer than the base: {token!r} is token {theirs[token]} there and "
            f"{ours[token]} here, and {len(differing) - 1} more differ; log-probabilities could not be compared"
        )
    if own.chat_template is None:
        return [f"{name}: has no chat template of its own; asked with the base's"]
    asked, written = (
        str(tokenizer.apply_chat_template(PROBE, tokenize=False, add_generation_prompt=True))
        for tokenizer in (base, own)
    )
    if asked == written:
        return [f"{name}: its chat template writes the base's prompts"]
    if asked_like_base:
        return [f"{name}: asked with the base's chat template, though its own writes {written!r}"]
    raise BadInput(
        f"policies.{name} is asked otherwise than the base: its chat template writes {written!r}, the base's "
        f"{asked!r}. Give both one template (base.chat_template=...), or ask the policy like the base: "
        f"policies.{name}.asked_like_base=true"
    )


def _settle_eos(name: str, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase | None, base: Policy) -> None:
    """Let completions end with what ends the base's."""
    from transformers import GenerationConfig

    settled = GenerationConfig.from_pretrained(base.path)
    declared = model.generation_config.eos_token_id if model.generation_config else None
    ends = set(declared if isinstance(declared, list) else [declared]) | {getattr(tokenizer, "eos_token_id", None)}
    known = settled.eos_token_id if isinstance(settled.eos_token_id, list) else [settled.eos_token_id]
    if further := sorted(end for end in ends if end is not None and end not in known):
        raise BadInput(
            f"policies.{name} ends its completions with token {further[0]}, which does not end the base's "
            f"({', '.join(map(str, known))}): let it end both, base.eos_token_ids="
            f"[{','.join(map(str, [*known, *further]))}]"
        )
    model.generation_config = settled
