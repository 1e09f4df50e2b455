"""The start model: taken from the hub or a local folder, made to say all that training and decoding rely on.

What a family leaves to its user is settled once, in the policy folder that is kept: which tokens end a completion,
which one pads, what the chat template writes. Everything later, here or in any other program, reads it there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from beyond_sharpening.errors import BadInput
from beyond_sharpening.policy import Policy, eos_token_ids, save_policy

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

    from beyond_sharpening.parameters import HubBase


def fetch_policy(base: HubBase, folder: Path) -> Policy:
    """Load a model and tokenizer through ``from_pretrained`` and keep them as a policy folder.

    Raises:
        BadInput: if they cannot be had (no such model or revision, no access, no network), are not what
            ``base.config`` says, or have no chat template, no EOS token or no token to pad with.
    """
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    if _is_folder(base.path) and not Path(base.path).is_dir():
        raise BadInput(f"base.path = {base.path!r}: there is no such folder; give one written by save_pretrained")
    source = {"pretrained_model_name_or_path": base.path, "revision": base.revision}
    with _told_plainly(base):
        check_agreement(base, AutoConfig.from_pretrained(**source))
        tokenizer = AutoTokenizer.from_pretrained(**source)
    settle_tokenizer(tokenizer, base)
    with _told_plainly(base):
        model = AutoModelForCausalLM.from_pretrained(**source, dtype=base.dtype)
    settle_generation(model, tokenizer, base)
    return save_policy(model, tokenizer, folder)


def architecture(base: HubBase) -> PretrainedConfig:
    """The model's configuration as its block of parameters or its local folder gives it: no weights, no network.

    Raises:
        BadInput: if neither gives one, or one that transformers does not know.
    """
    from huggingface_hub.errors import StrictDataclassError
    from transformers import AutoConfig

    if base.config is None and Path(base.path).is_dir():
        with _told_plainly(base):
            return AutoConfig.from_pretrained(base.path)
    if base.config is None:
        raise BadInput(f"base.config is not given: the shape of {base.path} is not known before it is loaded")
    try:
        return AutoConfig.for_model(**base.config)
    except (ValueError, TypeError, StrictDataclassError) as error:
        raise BadInput(f"base.config is no configuration that transformers can build: {error}") from error


def check_agreement(base: HubBase, config: PretrainedConfig) -> None:
    """Raise a BadInput that names the first key of ``base.config`` in which the loaded model differs."""
    for key, told, found in _differences(base.config or {}, config.to_dict()):
        raise BadInput(
            f"base.config.{key} = {told!r}, but {base.path} has {found!r}: correct the block of this model, or "
            "base.path; base.config=null compares nothing"
        )


def settle_tokenizer(tokenizer: PreTrainedTokenizerBase, base: HubBase) -> None:
    """Give the tokenizer one chat template that writes the same prompt every day, and a token to pad with."""
    if base.chat_template is not None:
        tokenizer.chat_template = base.chat_template
    if tokenizer.chat_template is None:
        raise BadInput(f"the tokenizer of {base.path} has no chat template: set base.chat_template")
    template = tokenizer.get_chat_template()
    if "strftime_now" in template and not base.template_variables:
        raise BadInput(
            f"the chat template of {base.path} writes today's date: the same question would be another prompt "
            'tomorrow; fix its variable, such as base.template_variables.date_string="26 Jul 2024"'
        )
    given = [
        f"{{%- set {name} = {json.dumps(value, ensure_ascii=False)} %}}"
        for name, value in base.template_variables.items()
    ]
    tokenizer.chat_template = "".join([*given, template])
    if base.pad_token is not None:
        if base.pad_token not in tokenizer.get_vocab():
            raise BadInput(f"base.pad_token = {base.pad_token!r} is not in the vocabulary of {base.path}")
        tokenizer.pad_token = base.pad_token
    if tokenizer.pad_token is None:
        raise BadInput(
            f"the tokenizer of {base.path} names no token to pad with: set base.pad_token to one of its vocabulary, "
            "best one that no completion needs"
        )


def settle_generation(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, base: HubBase) -> None:
    """Say in the model's generation configuration which tokens end a completion and which one pads.

    The model's own configuration is left alone: a padding index there would take the token's embedding out of training.
    """
    if base.eos_token_ids is not None:
        if outside := [token for token in base.eos_token_ids if token >= model.config.get_text_config().vocab_size]:
            raise BadInput(f"base.eos_token_ids: {outside[0]} is not in the vocabulary of {base.path}")
        model.generation_config.eos_token_id = list(base.eos_token_ids)
    model.generation_config.eos_token_id = eos_token_ids(model, tokenizer)
    model.generation_config.pad_token_id = tokenizer.pad_token_id


def _is_folder(path: str) -> bool:
    return path.startswith((".", "~", os.sep)) or Path(path).is_dir()


def _differences(told: Mapping[str, Any], found: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any, Any]]:
    for key, value in told.items():
        there = found.get(key)
        if isinstance(value, Mapping) and isinstance(there, Mapping):
            yield from _differences(value, there, f"{prefix}{key}.")
        elif value != there:
            yield prefix + key, value, there


@contextmanager
def _told_plainly(base: HubBase) -> Iterator[None]:
    """Say what the hub's refusal means for the person who asked."""
    try:
        yield
    except BadInput:
        raise
    except (OSError, ValueError) as error:
        raise BadInput(
            f"the model {base.path} (revision {base.revision}) cannot be loaded: {_reason(base, error)}"
        ) from error


def _reason(base: HubBase, error: BaseException) -> str:
    from huggingface_hub import errors

    causes: list[BaseException] = [error]
    while following := causes[-1].__cause__ or causes[-1].__context__:
        causes.append(following)

    def caused_by(*kinds: type[BaseException]) -> bool:
        return any(isinstance(cause, kinds) for cause in causes)

    if caused_by(errors.GatedRepoError):
        return (
            f"it is gated and this account has no access to it. Accept its licence at "
            f"https://huggingface.co/{base.path}, then log in with `hf auth login` or set HF_TOKEN."
        )
    if caused_by(errors.RepositoryNotFoundError):
        return (
            "the hub has no such model, or it is private. Correct base.path, log in with `hf auth login`, or give "
            "the path of a local folder written by save_pretrained."
        )
    if caused_by(errors.RevisionNotFoundError):
        return "the hub has no such revision of it. Correct base.revision."
    if caused_by(errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled):
        return (
            "it is not in the local cache, and the hub is out of reach. Where there is network, "
            f"`hf download {base.path} --revision {base.revision}` fills the cache; or give the path of a local "
            "folder written by save_pretrained (base.path=...)."
        )
    return f"{error}"
