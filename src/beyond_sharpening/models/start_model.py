"""The start model: taken from the hub or a local folder, made to say all that training and decoding rely on.

What a family leaves to its user is settled once, in the policy folder that is kept: which tokens end a completion,
which one pads, what the chat template writes. Everything later, here or in any other program, reads it there.
"""

from __future__ import annotations

import json
import logging
import os
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from beyond_sharpening.errors import BadInput
from beyond_sharpening.models.policy import Policy, eos_token_ids, save_policy

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

    from beyond_sharpening.parameters import HubBase, Task


logger = logging.getLogger(__name__)


def fetch_policy(base: HubBase, folder: Path) -> Policy:
    """Load a model and tokenizer through ``from_pretrained`` and keep them as a policy folder.

    Raises:
        BadInput: if they cannot be had (no such model or revision, no access, no network), are not what
            ``base.config`` says, do not continue texts, do not fit one another, or have no chat template, no EOS token
            or no token to pad with.
    """
    from transformers import AutoConfig, AutoModelForCausalLM

    if is_folder(base.path) and not Path(base.path).is_dir():
        raise BadInput(f"base.path = {base.path!r}: there is no such folder; give one written by save_pretrained")
    check_gguf(base)
    source = _source(base)
    with _told_plainly(base):
        config = AutoConfig.from_pretrained(**source)
        check_agreement(base, config)
        check_continues(base, config)
        tokenizer = _load_tokenizer(base)
    settle_tokenizer(tokenizer, base)
    check_vocabulary(tokenizer, config, base)
    with _told_plainly(base):
        safetensors = None if base.gguf else True  # never a pickle
        loaded = AutoModelForCausalLM.from_pretrained(**source, dtype=base.dtype, use_safetensors=safetensors)
        model = _dequantised(loaded)
    settle_generation(model, tokenizer, base)
    return save_policy(model, tokenizer, folder)


def architecture(base: HubBase) -> PretrainedConfig:
    """The model's configuration as its block of parameters or its local folder gives it: no weights, no network.

    Raises:
        BadInput: if neither gives one, or one that transformers does not know or that is of an encoder.
    """
    from huggingface_hub.errors import StrictDataclassError
    from transformers import AutoConfig

    if base.config is None and Path(base.path).is_dir():
        with _told_plainly(base):
            config = AutoConfig.from_pretrained(**_source(base))
    elif base.config is None:
        raise BadInput(f"base.config is not given: the shape of {base.path} is not known before it is loaded")
    else:
        try:
            config = AutoConfig.for_model(**base.config)
        except (ValueError, TypeError, StrictDataclassError) as error:
            raise BadInput(f"base.config is no configuration that transformers can build: {error}") from error
    check_continues(base, config)
    return config


def check_agreement(base: HubBase, config: PretrainedConfig) -> None:
    """Raise a BadInput that names the first key of ``base.config`` in which the loaded model differs."""
    for key, told, found in _differences(base.config or {}, config.to_dict()):
        raise BadInput(
            f"base.config.{key} = {told!r}, but {base.path} has {found!r}: correct the block of this model, or "
            "base.path; base.config=null compares nothing"
        )


def check_continues(base: HubBase, config: PretrainedConfig) -> None:
    """Raise a BadInput for an encoder: transformers would load it, and every token would see those after it."""
    from transformers import MODEL_FOR_MASKED_LM_MAPPING

    if type(config) in MODEL_FOR_MASKED_LM_MAPPING and not getattr(config, "is_decoder", False):
        raise BadInput(
            f"base.path = {base.path!r} is an encoder (model_type {config.model_type}), which fills gaps and does "
            "not continue text: choose a causal language model"
        )


def check_gguf(base: HubBase) -> None:
    """Raise a BadInput if a GGUF file is asked for that is not there, or that nothing here can read."""
    if base.gguf is None:
        return
    if find_spec("gguf") is None:
        raise BadInput(f"base.gguf = {base.gguf!r} needs the package gguf: pip install -e '.[gguf]'")
    folder = Path(base.path)
    if folder.is_dir() and not (folder / base.gguf).is_file():
        there = ", ".join(sorted(file.name for file in folder.glob("*.gguf"))) or "none"
        raise BadInput(f"base.gguf = {base.gguf!r}: there is no such file in base.path = {base.path!r}; there: {there}")


def check_context(config: PretrainedConfig, task: Task, path: str, prompts: Sequence[Sequence[int]] = ()) -> None:
    """Raise a BadInput if a prompt and its completion may be longer than the model's context, in tokens.

    Args:
        config: of the model.
        task: the lengths that are asked for.
        path: the model, for the message.
        prompts: token ids of prompts that are known.
    """
    context = getattr(config.get_text_config(), "max_position_embeddings", None)
    longest = max(map(len, prompts), default=1)
    completion, shared = max(task.max_completion_tokens or 0, task.evaluated_tokens), task.context or 0
    if context is None or max(longest + completion, (task.max_prompt_tokens or 1) + completion, shared) <= context:
        return
    if shared > context:
        raise BadInput(
            f"task.context = {shared} is more than the {context} tokens (max_position_embeddings) of base.path = "
            f"{path!r}; lower it, or choose a model with a longer context"
        )
    length = "max_completion_tokens" if completion == task.max_completion_tokens else "evaluation_tokens"
    limit = "" if task.max_prompt_tokens is None else f"task.max_prompt_tokens = {task.max_prompt_tokens} and "
    known = f" after prompts of up to {longest} tokens" if prompts else ""
    raise BadInput(
        f"base.path = {path!r} has a context of {context} tokens (max_position_embeddings): {limit}"
        f"task.{length} = {completion}{known} do not fit into it; lower them, or choose a "
        "model with a longer context"
    )


def check_vocabulary(tokenizer: PreTrainedTokenizerBase, config: PretrainedConfig, base: HubBase) -> None:
    """Raise a BadInput if the tokenizer can write a token that the model has no embedding of.

    A special token that neither template nor padding uses is never written; Gemma 3 has one, for images.
    """
    rows = config.get_text_config().vocab_size
    special = {token.content for token in tokenizer.added_tokens_decoder.values() if token.special}
    used = {tokenizer.pad_token, tokenizer.eos_token, tokenizer.bos_token}
    unused = {token for token in special - used if token not in tokenizer.get_chat_template()}
    written = {number: token for token, number in tokenizer.get_vocab().items() if token not in unused}
    outside = {number: token for number, token in written.items() if number >= rows}
    if outside:
        first = min(outside)
        raise BadInput(
            f"the tokenizer of base.path = {base.path!r} does not fit its model: token {first} ({outside[first]!r}) is "
            f"beyond the {rows} that the model has embeddings of (vocab_size); put the tokenizer that the model was "
            "trained with beside it, or resize its embeddings (model.resize_token_embeddings)"
        )


def warn_of_unreadable(tokenizer: PreTrainedTokenizerBase, prompts: Sequence[Sequence[int]]) -> None:
    """Warn if prompts hold text that the tokenizer has no token for: the model answers another question, unnoticed.

    Not where the token for the unknown has another use too, as GPT-2's has: a chat template may write it.

    Args:
        tokenizer: the one that made the prompts.
        prompts: their token ids.
    """
    unknown = tokenizer.unk_token_id
    if unknown in (None, tokenizer.eos_token_id, tokenizer.bos_token_id, tokenizer.pad_token_id):
        return
    if unread := sum(ids.count(unknown) for ids in prompts):
        logger.warning(
            "the start model cannot read %d of the %d tokens of its validation prompts: its tokenizer has none for "
            "them; choose another model for this domain (--params=model=...)",
            *(unread, sum(map(len, prompts))),
        )


def _load_tokenizer(base: HubBase) -> PreTrainedTokenizerBase:
    """The tokenizer of the model; without its files transformers fails, or makes one of special tokens alone."""
    from transformers import AutoTokenizer

    missing = (
        f"no tokenizer can be made of what base.path = {base.path!r} holds: put beside the model what its "
        "tokenizer.save_pretrained writes (tokenizer.json, tokenizer_config.json)"
    )
    try:
        tokenizer = AutoTokenizer.from_pretrained(**_source(base))
    except ValueError as error:
        raise BadInput(f"{missing}; transformers says: {str(error).partition(chr(10))[0]}") from error
    if tokenizer.get_vocab().keys() <= tokenizer.get_added_vocab().keys():
        raise BadInput(missing)
    return tokenizer


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


def _source(base: HubBase) -> dict[str, Any]:
    """Where the model is, as ``from_pretrained`` takes it."""
    source = {"pretrained_model_name_or_path": base.path, "revision": base.revision}
    return source if base.gguf is None else {**source, "gguf_file": base.gguf}


def _dequantised(model: PreTrainedModel) -> PreTrainedModel:
    """The model without the mark of the file that it came from: transformers would refuse to save it."""
    if (quantizer := getattr(model, "hf_quantizer", None)) is not None:
        quantizer.remove_quantization_config(model)
    elif hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    return model


def is_folder(path: str) -> bool:
    """Whether a path is meant as a local folder, there or not, rather than a hub id."""
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
    """Say what the hub's refusal, or a damaged file, means for the person who asked."""
    from safetensors import SafetensorError

    try:
        yield
    except BadInput:
        raise
    except SafetensorError as error:
        raise BadInput(
            f"the weights of base.path = {base.path!r} (revision {base.revision}) are damaged or cut off ({error}): "
            "copy or download the model again"
        ) from error
    except (OSError, ValueError, LookupError, struct.error) as error:
        if base.gguf is not None and Path(base.path, base.gguf).is_file():
            raise BadInput(
                f"base.gguf = {base.gguf!r} in base.path = {base.path!r} cannot be read ({error}): it is cut off or "
                "damaged, or of an architecture or a quantisation that transformers does not know; download it again, "
                "or give a folder written by save_pretrained"
            ) from error
        if not isinstance(error, OSError | ValueError):
            raise
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
